"""Checkpoints as packed models, and packed models as checkpoints."""

from pathlib import Path

import pytorch_lightning as pl

from handpose_core.errors import HandposeError
from handpose_core.estimators.onehand.module import OneHandModule
from handpose_core.estimators.onehand.serialization import unpack, write_half, write_packed
from handpose_core.io.checkpoint_io import StagedCheckpointIO
from handpose_core.nn.backbones import EfficientNetLite
from handpose_core.nn.backbones.weights import VARIANT_KEY
from handpose_core.predict.checkpoint import load_checkpoint
from handpose_core.predict.info import METADATA_KEY, ModelInfo
from handpose_core.training.logging import silence_advertisement


def pack(checkpoint: Path, out: Path) -> ModelInfo:
    """Pack a checkpoint's weights.

    Args:
        checkpoint: Of `OneHandModule`.
        out: The file to write.

    Returns:
        The model's metadata.

    Raises:
        HandposeError: It is no checkpoint, or one of another method.
    """
    trained = load_checkpoint(checkpoint)
    module = trained.module
    if not isinstance(module, OneHandModule):
        raise HandposeError(
            str(checkpoint), f"a checkpoint of {trained.info.method}", "one of handpose onehand", "Give another."
        )
    write_packed(module.network, trained.info, out)
    return trained.info


def pack_backbone(checkpoint: Path, out: Path) -> int:
    """Write the weights of a checkpoint's backbone alone, in half precision, for other networks to begin from.

    Args:
        checkpoint: Of `OneHandModule` with an EfficientNet-Lite.
        out: The file to write.

    Returns:
        The number of weights.

    Raises:
        HandposeError: It is no checkpoint, one of another method, or of a network with another backbone.
    """
    trained = load_checkpoint(checkpoint)
    backbone = getattr(getattr(trained.module.network, "pose_network", None), "backbone", None)
    if not isinstance(backbone, EfficientNetLite):
        raise HandposeError(
            str(checkpoint), f"a checkpoint of {trained.info.method} with another backbone",
            "one of handpose onehand with an EfficientNet-Lite", "Train one: handpose onehand fit --config source",
        )  # fmt: skip
    metadata = {VARIANT_KEY: backbone.variant, METADATA_KEY: trained.info.to_json()}
    return write_half(backbone.state_dict(), metadata, out)


def write_checkpoint(packed: Path, out: Path) -> ModelInfo:
    """Write a packed model as a checkpoint again, for ``fit --init_from`` to train further.

    Args:
        packed: The packed model.
        out: The checkpoint to write.

    Returns:
        The model's metadata.

    Raises:
        HandposeError: There is no such file, or it is something else.
    """
    estimator, info = unpack(packed)
    module = OneHandModule(estimator.config, estimator.rig_name, scale_mm=info.bone_mm)
    module.network, module.history = estimator, list(info.trained_on)
    silence_advertisement()
    trainer = pl.Trainer(
        accelerator="cpu", devices=1, logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, plugins=StagedCheckpointIO(),
    )  # fmt: skip
    trainer.strategy.connect(module)
    trainer.save_checkpoint(out, weights_only=True)
    return info

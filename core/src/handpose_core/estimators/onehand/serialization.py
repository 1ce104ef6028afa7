"""Packed models: weights in half precision in one safetensors file, with the metadata to use them.

The hand model is not among the weights: it comes with the suite, by its name.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from handpose_core.errors import HandposeError
from handpose_core.estimators.onehand.hand_detector import HandDetectorConfig
from handpose_core.estimators.onehand.module import OneHandModule
from handpose_core.estimators.onehand.network import OneHandConfig
from handpose_core.io import atomic
from handpose_core.io.checkpoint_io import StagedCheckpointIO
from handpose_core.io.foreign import refuse_foreign
from handpose_core.nn.backbones import EfficientNetLite
from handpose_core.nn.backbones.weights import VARIANT_KEY
from handpose_core.predict.checkpoint import load_checkpoint
from handpose_core.predict.info import METADATA_KEY, ModelInfo, info_from_json
from handpose_core.training.logging import silence_advertisement

_BUILD_KEY = "onehand"
#: Names of the hand model's tensors begin with this.
_RIG = "rig."
SUFFIX = ".safetensors"
_FIX = "Pack a checkpoint again with this version: handpose onehand pack CKPT OUT.safetensors"


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
    write_packed(module, trained.info, out)
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
    weights = {name: _packed(value.cpu()) for name, value in backbone.state_dict().items()}
    metadata = {VARIANT_KEY: backbone.variant, METADATA_KEY: trained.info.to_json()}
    atomic.write_bytes(out, safetensors.torch.save(weights, metadata))
    return sum(value.numel() for value in weights.values())


def write_packed(module: OneHandModule, info: ModelInfo, out: Path) -> None:
    """Write a module's weights and metadata, as `unpack` reads them.

    Args:
        module: Trained.
        info: Its metadata.
        out: The file to write.
    """
    build = {"size": asdict(module.size), "rig": str(module.hparams["rig"])}
    metadata = {METADATA_KEY: info.to_json(), _BUILD_KEY: json.dumps(build)}
    weights = {
        name: _packed(value.cpu()) for name, value in module.network.state_dict().items() if not name.startswith(_RIG)
    }
    atomic.write_bytes(out, safetensors.torch.save(weights, metadata))


def unpack(path: Path) -> tuple[OneHandModule, ModelInfo]:
    """Load a packed model.

    Args:
        path: The file.

    Returns:
        module: In single precision and evaluation.
        info: Its metadata.

    Raises:
        HandposeError: There is no such file, it is something else, or a version wrote it whose weights had other names.
    """
    if not path.is_file():
        raise HandposeError(str(path), "no such file", f"a packed model (*{SUFFIX})", "Check the path.")
    try:
        with safe_open(path, framework="pt") as stored:
            metadata: dict[str, str] = stored.metadata() or {}
            weights = {name: _restored(stored.get_tensor(name)) for name in stored.keys()}  # noqa: SIM118  no mapping
        info = info_from_json(str(path), metadata[METADATA_KEY])
        build: dict[str, Any] = json.loads(metadata[_BUILD_KEY])
        _refuse_earlier(path, build["size"])
        sizes, detector = _tuples(build["size"]), HandDetectorConfig(**_tuples(build["size"]["detector"]))
        module = OneHandModule(OneHandConfig(**{**sizes, "detector": detector}), build["rig"], scale_mm=info.bone_mm)
        rig = {name: value for name, value in module.network.state_dict().items() if name.startswith(_RIG)}
        module.network.load_state_dict(weights | rig)
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        refuse_foreign(path, "what handpose onehand pack writes")
        raise HandposeError(
            str(path), f"something else ({error})", "what handpose onehand pack writes", _FIX
        ) from error
    module.history = list(info.trained_on)
    return module.eval(), info


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
    module, info = unpack(packed)
    silence_advertisement()
    trainer = pl.Trainer(
        accelerator="cpu", devices=1, logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, plugins=StagedCheckpointIO(),
    )  # fmt: skip
    trainer.strategy.connect(module)
    trainer.save_checkpoint(out, weights_only=True)
    return info


def _refuse_earlier(path: Path, size: dict[str, Any]) -> None:
    """Refuse files of versions in which options and weights had other names."""
    if "glance" in size:
        raise HandposeError(
            str(path), "weights with the names of an earlier version (glance, reader, verdict)",
            "detector, pose_network, presence_head, as this version writes them",
            "Take the model of this version, or predict with the version that wrote the file.",
        )  # fmt: skip


def _tuples(size: dict[str, Any]) -> dict[str, Any]:
    """Return a size with tuples for JSON's lists."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in size.items()}


def _packed(value: Tensor) -> Tensor:
    """Return weights in half precision, and biases and statistics, of which there are few, as they are."""
    return value.half().contiguous() if value.is_floating_point() and value.dim() > 1 else value.contiguous()


def _restored(value: Tensor) -> Tensor:
    return value.float() if value.dtype == torch.float16 else value

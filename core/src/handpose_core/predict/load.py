"""A model by its file."""

from pathlib import Path

from handpose_core.predict.model import HandModel
from handpose_core.predict.runtime import Runtime
from handpose_core.predict.shipped import shipped_model

EXPORTED, PACKED = ".onnx", ".safetensors"


def load(
    path: str | Path | None = None, batch: int = 16, image_size: int | None = None, crop_scale: float | None = None
) -> HandModel:
    """A model for pictures.

    ``hands = load("best.ckpt")("photo.jpg")`` is all it takes.

    Args:
        path: a checkpoint of any installed method, an exported ``.onnx`` file, or a packed ``.safetensors`` one;
            None takes the one that comes with
            the suite.
        batch: how many crops it gets at once.
        image_size: side of the crops that it was trained on, px, for checkpoints that do not say it.
        crop_scale: their side over the hand's extent, likewise.

    Raises:
        HandposeError: there is no such file, or it is something else.
    """
    found = shipped_model() if path is None else Path(path)
    return HandModel(_runtime(found, image_size, crop_scale), batch)


def _runtime(path: Path, image_size: int | None, crop_scale: float | None) -> Runtime:
    if path.suffix == EXPORTED:
        from handpose_core.predict.onnx_runtime import OnnxRuntime

        return OnnxRuntime(path)
    # torch and Lightning, which exported models need not
    from handpose_core.estimators.onehand.module import OneHandModule
    from handpose_core.predict.checkpoint import load_checkpoint
    from handpose_core.predict.onehand_runtime import OneHandRuntime, load_packed

    if path.suffix == PACKED:
        return load_packed(path)
    trained = load_checkpoint(path, image_size, crop_scale)
    return OneHandRuntime(trained.module, trained.info) if isinstance(trained.module, OneHandModule) else trained

"""A model by its file, its folder, or its name on the Hugging Face Hub."""

from pathlib import Path

from handpose_core.predict.hub import located
from handpose_core.predict.model import HandModel
from handpose_core.predict.runtime import Runtime
from handpose_core.predict.shipped import shipped_model

EXPORTED = ".onnx"


def load(
    path: str | Path | None = None, batch: int = 16, image_size: int | None = None, crop_scale: float | None = None
) -> HandModel:
    """A model for pictures.

    ``hands = load("best.ckpt")("photo.jpg")`` is all it takes.

    Args:
        path: a checkpoint of any installed method, an exported ``.onnx`` file, a packed ``.safetensors`` one, a folder
            with a ``model.safetensors``, or ``hf://owner/name``, ``hf://owner/name@revision`` on the Hugging Face Hub;
            None takes the one that comes with the suite.
        batch: how many crops it gets at once.
        image_size: side of the crops that it was trained on, px, for checkpoints that do not say it.
        crop_scale: their side over the hand's extent, likewise.

    Raises:
        HandposeError: there is no such file, or it is something else, or the Hub does not give it.
    """
    found = shipped_model() if path is None else located(Path(path))
    return HandModel(_runtime(found, image_size, crop_scale), batch)


def _runtime(path: Path, image_size: int | None, crop_scale: float | None) -> Runtime:
    if path.suffix.lower() == EXPORTED:
        from handpose_core.predict.onnx_runtime import load_exported

        return load_exported(path)
    from handpose_core.predict.trained import load_trained  # torch and Lightning, which exported models need not

    return load_trained(path, image_size, crop_scale)

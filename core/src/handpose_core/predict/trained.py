"""What PyTorch runs: a checkpoint of any method, or a packed file."""

from pathlib import Path

from handpose_core.estimators.onehand.module import OneHandModule
from handpose_core.estimators.onehand.serialization import SUFFIX
from handpose_core.predict.checkpoint import CheckpointRuntime, check_framing, load_checkpoint
from handpose_core.predict.onehand_runtime import OneHandRuntime, load_packed


def load_trained(path: Path, image_size: int | None = None, crop_scale: float | None = None) -> CheckpointRuntime:
    """A trained model, an `OneHandRuntime` where it is the suite's own; on a GPU where there is one.

    Args:
        path: the file.
        image_size: see `load_checkpoint`.
        crop_scale: see `load_checkpoint`.

    Raises:
        HandposeError: there is no such file, it is something else, or the sizes are none.
    """
    check_framing(image_size, crop_scale)
    if path.suffix.lower() == SUFFIX:
        return load_packed(path)
    trained = load_checkpoint(path, image_size, crop_scale)
    return OneHandRuntime(trained.module, trained.info) if isinstance(trained.module, OneHandModule) else trained

"""What PyTorch runs: a checkpoint of any method, or a packed file."""

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from handpose_core.errors import HandposeError
from handpose_core.estimators.onehand.serialization import SUFFIX
from handpose_core.predict.onehand_runtime import OneHandRuntime, load_packed

if TYPE_CHECKING:
    from handpose_core.predict.checkpoint import CheckpointRuntime

#: Runtimes of trained models.
Trained: TypeAlias = "CheckpointRuntime | OneHandRuntime"
_LARGEST_CROP = 4096  # px
_LARGEST_SCALE = 100.0


def load_trained(path: Path, image_size: int | None = None, crop_scale: float | None = None) -> Trained:
    """Load a trained model, onto a GPU where there is one.

    Args:
        path: A checkpoint of any installed method, or a packed file.
        image_size: See `load_checkpoint`.
        crop_scale: See `load_checkpoint`.

    Returns:
        The model's runtime; an `OneHandRuntime` of the suite's own estimator.

    Raises:
        HandposeError: There is no such file, it is something else, or the sizes are out of range.
    """
    _check_framing(image_size, crop_scale)
    if path.suffix.lower() == SUFFIX:
        return load_packed(path)
    from handpose_core.estimators.onehand.module import OneHandModule  # Lightning, which packed files do not need
    from handpose_core.predict.checkpoint import load_checkpoint

    trained = load_checkpoint(path, image_size, crop_scale)
    module = trained.module
    return OneHandRuntime(module.network, trained.info) if isinstance(module, OneHandModule) else trained


def _check_framing(image_size: int | None, crop_scale: float | None) -> None:
    """Refuse sizes that no crop has.

    Args:
        image_size: side of the crops, px, or None.
        crop_scale: their side over the hand's extent, or None.

    Raises:
        HandposeError: the size is no whole number from 1 to 4096, or the scale is not above 0, or above 100.
    """
    if image_size is not None and not (isinstance(image_size, int | np.integer) and 1 <= image_size <= _LARGEST_CROP):
        raise HandposeError("--image-size", f"{image_size!r}", f"px, from 1 to {_LARGEST_CROP}", "Leave it out.")
    if crop_scale is not None and not 0 < crop_scale <= _LARGEST_SCALE:
        raise HandposeError("--crop-scale", f"{crop_scale!r}", f"above 0, up to {_LARGEST_SCALE:g}", "Leave it out.")

"""Image files of a dataset's layout, each whole or not there."""

from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from handpose_core.io.atomic import write_bytes

_JPEG_QUALITY = 95


def write_image(path: Path, rgb: UInt8[ndarray, "h w 3"]) -> None:
    """Write an RGB image as the PNG or JPEG that its name says."""
    options = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY] if path.suffix == ".jpg" else []
    encoded = cv2.imencode(path.suffix, np.ascontiguousarray(rgb[..., ::-1]), options)[1]
    write_bytes(path, encoded.tobytes())

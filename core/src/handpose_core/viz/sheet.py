"""Contact sheets, captions, and image files."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from handpose_core.errors import HandposeError
from handpose_core.io import atomic

_WHITE = 255
_INK = (40, 40, 40)
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def with_caption(image: UInt8[ndarray, "h w 3"], caption: str) -> UInt8[ndarray, "H w 3"]:
    """The image under a line of text on white; text that is too long is made smaller."""
    height = 24
    strip = np.full((height, image.shape[1], 3), _WHITE, dtype=np.uint8)
    (width, _), _ = cv2.getTextSize(caption, _FONT, 0.5, 1)
    scale = 0.5 * min(1.0, (image.shape[1] - 12) / max(width, 1))
    cv2.putText(strip, caption, (6, height - 8), _FONT, scale, _INK, 1, cv2.LINE_AA)
    return np.concatenate([strip, image])


def contact_sheet(images: Sequence[UInt8[ndarray, "_ _ 3"]], columns: int, gap: int = 8) -> UInt8[ndarray, "H W 3"]:
    """The images in rows of ``columns`` on white; smaller ones stand at the top left of their cell."""
    height, width = max(i.shape[0] for i in images), max(i.shape[1] for i in images)
    rows = -(-len(images) // columns)
    columns = min(columns, len(images))
    sheet = np.full((rows * (height + gap) + gap, columns * (width + gap) + gap, 3), _WHITE, dtype=np.uint8)
    for position, image in enumerate(images):
        row, column = divmod(position, columns)
        top, left = gap + row * (height + gap), gap + column * (width + gap)
        sheet[top : top + image.shape[0], left : left + image.shape[1]] = image
    return sheet


def check_picture_name(path: Path, option: str = "") -> None:
    """Refuse a name whose suffix says no kind of picture that OpenCV writes.

    Args:
        path: the picture to be written.
        option: the option that named it, for the message.

    Raises:
        HandposeError: it cannot be written as named.
    """
    if not cv2.haveImageWriter(path.name):
        where = f"{option} {path}".strip()
        raise HandposeError(where, f"the suffix '{path.suffix}'", ".png or .jpg", "Name the picture so.")


def write_image(path: Path, image: UInt8[ndarray, "h w 3"]) -> None:
    """Write RGB to a file of the kind its suffix names.

    Args:
        path: the file; one that is there is replaced.
        image: RGB.

    Raises:
        HandposeError: the suffix names no kind of picture that can be written.
    """
    check_picture_name(path)
    done, content = cv2.imencode(path.suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    if not done:
        raise OSError(f"{path}: the image could not be encoded")
    atomic.write_bytes(path, content.tobytes())

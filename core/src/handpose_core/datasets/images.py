"""Reading image files, with an error that names the file."""

from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from handpose_core.errors import HandposeError
from handpose_core.io.content import HEAD_BYTES, describe_foreign
from handpose_core.io.jpeg import is_cut_jpeg


def _decode(path: Path, mode: int) -> ndarray:
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise HandposeError(
            str(path), f"no readable file ({error.strerror})", "an image", "Complete the copy of the dataset."
        ) from error
    return decode(str(path), data.tobytes(), mode)


def decode(where: str, data: bytes, mode: int) -> ndarray:
    """The pixels of an encoded image, as OpenCV orders their channels.

    Args:
        where: The file, for messages.
        data: Its content.
        mode: One of OpenCV's ``IMREAD_...``.

    Raises:
        HandposeError: it is cut off or damaged.
    """
    whole = bool(data) and not is_cut_jpeg(data)
    image: ndarray | None = cv2.imdecode(np.frombuffer(data, np.uint8), mode) if whole else None
    if image is None:
        foreign = describe_foreign(data[:HEAD_BYTES])
        if foreign is not None:
            raise HandposeError(where, foreign.found, "a whole image file", foreign.fix)
        raise HandposeError(
            where,
            f"{len(data)} bytes that do not decode as an image",
            "a whole image file",
            "Get this file again; it is cut off or damaged.",
        )
    return image


def read_rgb(path: Path) -> UInt8[ndarray, "h w 3"]:
    """An image file as RGB.

    Raises:
        HandposeError: there is no such file, or it is cut off or damaged.
    """
    return cv2.cvtColor(_decode(path, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)  # type: ignore[no-any-return]


def read_stored_rgb(path: Path) -> UInt8[ndarray, "h w 3"]:
    """Read an image file whose bytes carry numbers, such as depth: nothing is converted to 8-bit RGB.

    Args:
        path: The file.

    Returns:
        The stored channels as RGB.

    Raises:
        HandposeError: as `read_rgb`, or the file has other than three 8-bit channels.
    """
    image = _decode(path, cv2.IMREAD_UNCHANGED)
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise HandposeError(
            str(path),
            f"an image of shape {image.shape} and type {image.dtype}",
            "three 8-bit channels, as the dataset's authors store it",
            "Get this file again, or write it as the authors do.",
        )
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)  # type: ignore[no-any-return]


def read_labels(path: Path) -> UInt8[ndarray, "h w"]:
    """A one-channel image file of class numbers.

    Raises:
        HandposeError: as `read_rgb`, or the file has several channels.
    """
    image = _decode(path, cv2.IMREAD_UNCHANGED)
    if image.ndim != 2 or image.dtype != np.uint8:
        raise HandposeError(
            str(path),
            f"an image of shape {image.shape} and type {image.dtype}",
            "one 8-bit channel of class numbers",
            "Get this file again, or write class numbers, not colours.",
        )
    return image

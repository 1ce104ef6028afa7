"""Photographs as people have them, read as 8-bit RGB the right way up."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from handpose_core.errors import HandposeError
from handpose_core.io.foreign import refuse_foreign
from handpose_core.io.image_files import IMAGE_SUFFIXES, ImageListing, is_utf8, list_images
from handpose_core.io.jpeg import is_cut_jpeg
from handpose_core.io.pixels import laid_on_white, to_rgb

_FORMATS = "a JPEG, PNG, WebP, TIFF, BMP or GIF picture"


@dataclass(frozen=True)
class Picture:
    """A picture that is looked at.

    Args:
        name: its file's name, or the frame's number.
        pixels: RGB; whatever else `handpose_core.io.pixels.to_rgb` takes is converted.
    """

    name: str
    pixels: UInt8[ndarray, "h w 3"]

    def __post_init__(self) -> None:
        """Convert the pixels to 8-bit RGB."""
        object.__setattr__(self, "pixels", to_rgb(self.pixels, self.name))


def read_picture(path: Path) -> UInt8[ndarray, "h w 3"]:
    """A photograph as RGB, turned as its EXIF data say.

    Grey, CMYK and 16-bit pictures become 8-bit colours; transparent ones are laid on white. Of several pictures in a
    file the first is read.

    Raises:
        HandposeError: there is no such file, or it is no picture, or it is cut off.
    """
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) else error
        raise HandposeError(
            str(path), f"no readable file ({reason})", _FORMATS, "Check the path and its permissions."
        ) from error
    if not data:
        raise HandposeError(str(path), "an empty file", _FORMATS, "Copy it again.")
    if is_cut_jpeg(data):
        raise HandposeError(str(path), "a JPEG whose end is missing", "a whole picture", "Copy or download it again.")
    encoded = np.frombuffer(data, np.uint8)
    colours = _decoded(path, encoded, cv2.IMREAD_COLOR)
    if colours is None:
        refuse_foreign(path, _FORMATS)
        raise HandposeError(
            str(path),
            f"{len(data)} bytes that do not decode as a picture",
            f"{_FORMATS}, or a video",
            "Open it in a viewer: it is something else or damaged.",
        )
    if not data.startswith(b"\xff\xd8"):
        colours = _laid_on_white(colours, _decoded(path, encoded, cv2.IMREAD_UNCHANGED))
    return cv2.cvtColor(colours, cv2.COLOR_BGR2RGB)  # type: ignore[no-any-return]


def count_pictures(path: Path) -> int:
    """Count the pictures in a file, of which `read_picture` reads the first.

    Args:
        path: a file that can be read as a picture.

    Returns:
        More than 1 for animations and files of several pages; 1 where it cannot be told.
    """
    name = str(path)
    if not is_utf8(name):  # OpenCV crashes on others
        return 1
    try:
        return max(1, int(cv2.imcount(name)))
    except cv2.error:
        return 1


def list_pictures(folder: Path) -> ImageListing:
    """List the pictures that lie in a folder itself.

    Args:
        folder: the folder.

    Returns:
        Its pictures by name, and what was left out and why.

    Raises:
        HandposeError: there is no picture.
    """
    listing = list_images(folder)
    if not listing.found:
        note = listing.note()
        raise HandposeError(
            str(folder),
            f"no picture; {note}" if note else "no picture",
            f"files that end in {', '.join(IMAGE_SUFFIXES)}",
            "Name the folder in which they lie; folders in it are not searched, hidden files are not taken.",
        )
    return listing


def reduced(picture: UInt8[ndarray, "h w 3"], longest: int) -> tuple[UInt8[ndarray, "H W 3"], float]:
    """The picture with sides of at most ``longest`` px, averaged over pixels, and the factor."""
    height, width = picture.shape[:2]
    factor = min(1.0, longest / max(height, width))
    if factor == 1.0:
        return picture, factor
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.uint8), factor


def _decoded(path: Path, encoded: UInt8[ndarray, " bytes"], mode: int) -> ndarray | None:
    try:
        image: ndarray | None = cv2.imdecode(encoded, mode)
    except cv2.error as error:  # more pixels than OpenCV takes
        raise HandposeError(
            str(path), f"a picture that OpenCV refuses ({error.err})", "at most 2^30 pixels", "Make it smaller first."
        ) from error
    return image


def _laid_on_white(colours: UInt8[ndarray, "h w 3"], whole: ndarray | None) -> UInt8[ndarray, "h w 3"]:
    if whole is None or whole.ndim != 3 or whole.shape[2] != 4 or whole.shape[:2] != colours.shape[:2]:
        return colours
    if not np.issubdtype(whole.dtype, np.unsignedinteger):
        return colours
    return laid_on_white(colours, whole[..., 3:])

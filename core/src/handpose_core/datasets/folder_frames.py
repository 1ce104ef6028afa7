"""Pictures in a row: the images of a folder, or the frames of a video file."""

import re
from pathlib import Path
from typing import Protocol

from jaxtyping import UInt8
from numpy import ndarray

from handpose_core.datasets.images import read_rgb
from handpose_core.datasets.selection import names_in, wrong_root
from handpose_core.io.video import is_video
from handpose_core.io.video_access import VideoFrames

_IMAGES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")


class Frames(Protocol):
    """Pictures in a row.

    Attributes:
        names: Of the pictures, in their order.
        missing: Positions of those that cannot be read, as far as that is known.
    """

    names: tuple[str, ...]
    missing: frozenset[int]

    def read(self, position: int) -> UInt8[ndarray, "h w 3"]:
        """One picture, RGB."""


class ImageFrames:
    """The images of a folder, or of its ``images/``, by name; numbers in names count by value: 2.jpg before 10.jpg.

    Args:
        root: The folder.

    Raises:
        HandposeError: there are no images.
    """

    missing: frozenset[int] = frozenset()

    def __init__(self, root: Path) -> None:
        found = {folder: _images_in(folder) for folder in (root, root / "images")}
        self.folder = root if found[root] else root / "images"
        self.names = found[self.folder]
        if not self.names:
            kinds = ", ".join(kind[1:] for kind in _IMAGES)
            raise wrong_root(root, f"images ({kinds}) in it or in its images/", "Point root at a folder of images.")

    def read(self, position: int) -> UInt8[ndarray, "h w 3"]:
        """One image; raises a HandposeError where it is cut off or damaged."""
        return read_rgb(self.folder / self.names[position])


def frames_of(root: Path) -> ImageFrames | VideoFrames:
    """The pictures of a folder or of a video file.

    Raises:
        HandposeError: there are none.
    """
    return ImageFrames(root) if root.is_dir() or not is_video(root) else VideoFrames(root)


def _images_in(folder: Path) -> tuple[str, ...]:
    return tuple(sorted((name for name in names_in(folder) if name.lower().endswith(_IMAGES)), key=_by_number))


def _by_number(name: str) -> list[tuple[int, str]]:
    # Text and numbers alternate in both, so that like is compared with like.
    return [(int(part), part) if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]

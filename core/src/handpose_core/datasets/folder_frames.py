"""Pictures in a row: the images of a folder, or the frames of a video file."""

import re
from pathlib import Path
from typing import Protocol

from jaxtyping import UInt8
from numpy import ndarray

from handpose_core.datasets.images import read_rgb
from handpose_core.datasets.selection import note_once, wrong_root
from handpose_core.errors import HandposeError
from handpose_core.io.image_files import IMAGE_SUFFIXES, ImageListing, left_out_note, list_images
from handpose_core.io.video import is_video
from handpose_core.io.video_access import VideoFrames


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

    Attributes:
        folder: In which the images lie.
        names: Of the images.
        left_out: What else lies there by its name, and why it is no image to read.

    Raises:
        HandposeError: there are no images.
    """

    missing: frozenset[int] = frozenset()

    def __init__(self, root: Path) -> None:
        listing = images_of(root)
        self.folder, self.left_out = listing.folder, listing.left_out
        self.names = tuple(sorted((path.name for path in listing.found), key=_by_number))
        if not self.names:
            kinds = ", ".join(kind[1:] for kind in IMAGE_SUFFIXES)
            fix = " ".join(["Point root at a folder of images.", *filter(None, [left_out_note(self.left_out)])])
            raise wrong_root(root, f"images ({kinds}) in it or in its images/", fix)

    def read(self, position: int) -> UInt8[ndarray, "h w 3"]:
        """One image; raises a HandposeError where it is cut off or damaged."""
        return read_rgb(self.folder / self.names[position])


def frames_of(root: Path) -> ImageFrames | VideoFrames:
    """The pictures of a folder or of a video file.

    Raises:
        HandposeError: there are none.
    """
    return VideoFrames(root) if is_video(root) else ImageFrames(root)


def images_of(root: Path) -> ImageListing:
    """List the images of a folder, or of its ``images/`` where it has none itself.

    Args:
        root: The folder.

    Returns:
        The images by name, and what lies beside them.
    """
    listing = list_images(root)
    return listing if listing.found or not (root / "images").is_dir() else list_images(root / "images")


def images_below(folder: Path, fix: str) -> list[Path]:
    """List the images of a folder and of the folders in it, and name once what is left out.

    Args:
        folder: The folder.
        fix: What to do where there is no image, for the message.

    Returns:
        The images by path.

    Raises:
        HandposeError: there are none.
    """
    listing = list_images(folder, below=True) if folder.is_dir() else None
    note = None if listing is None else listing.note()
    if listing is None or not listing.found:
        found = "no such folder" if listing is None else f"no picture{f'; {note}' if note else ''}"
        raise HandposeError(str(folder), found, f"files ending in {', '.join(IMAGE_SUFFIXES)}", fix)
    if note:
        note_once(f"{folder}: {note}")
    return list(listing.found)


def _by_number(name: str) -> list[tuple[int, str]]:
    # Text and numbers alternate in both, so that like is compared with like.
    return [(int(part), part) if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]

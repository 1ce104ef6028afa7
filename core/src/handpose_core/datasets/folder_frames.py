"""Pictures in a row: the images of a folder, or the frames of a video file."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import cv2
from jaxtyping import UInt8
from numpy import ndarray

from handpose_core.datasets.images import read_rgb
from handpose_core.datasets.selection import note_once, wrong_root
from handpose_core.errors import HandposeError
from handpose_core.io.image_files import (
    IMAGE_SUFFIXES,
    VIDEO_SUFFIXES,
    ImageListing,
    is_video,
    left_out_note,
    list_images,
)

_INHERITED: list[Any] = []


class Frames(Protocol):
    """Pictures in a row.

    Attributes:
        names: Of the pictures, in their order.
    """

    names: tuple[str, ...]

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


class VideoFrames:
    """The frames of a video file, named by their numbers. Reading them in order is fastest.

    Args:
        path: The file.

    Attributes:
        folder: The video itself.
        names: The frames' numbers.
        left_out: Nothing.

    Raises:
        HandposeError: it is no video that OpenCV can read.
    """

    left_out: Mapping[str, str] = MappingProxyType({})
    _next: int

    def __init__(self, path: Path) -> None:
        self.path = self.folder = path
        self._open()
        count = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        if not self._capture.isOpened() or count < 1:
            raise HandposeError(
                str(path),
                "a file that opens as no video" if path.is_file() else "no such file",
                f"a video ({', '.join(kind[1:] for kind in VIDEO_SUFFIXES)})",
                "Convert it, for example with ffmpeg to .mp4, or unpack its frames into a folder.",
            )
        self.names = tuple(map(str, range(count)))

    def read(self, position: int) -> UInt8[ndarray, "h w 3"]:
        """One frame.

        Raises:
            HandposeError: it does not decode.
        """
        if self._process != os.getpid():
            # A forked loader worker would share its place in the file with the others. What it inherited is kept:
            # closing it would wait for decoder threads that a forked process does not have, for ever.
            _INHERITED.append(self._capture)
            self._open()
        if position != self._next:
            self._capture.set(cv2.CAP_PROP_POS_FRAMES, position)
        whole, image = self._capture.read()
        if not whole:
            raise HandposeError(
                f"{self.path}, frame {position}",
                "a frame that does not decode",
                f"{len(self.names)} frames, as the file says it has",
                "Get the file again, or convert it, for example with ffmpeg.",
            )
        self._next = position + 1
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)  # type: ignore[no-any-return]

    def _open(self) -> None:
        self._capture, self._process = cv2.VideoCapture(str(self.path)), os.getpid()
        self._next = 0

    def __getstate__(self) -> dict[str, Any]:
        """Without the open file, which spawned loader workers cannot be sent."""
        return {**self.__dict__, "_capture": None, "_process": None}


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

"""Videos, frame by frame, and what they have in common with cameras."""

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Protocol, runtime_checkable

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from handpose_core.errors import HandposeError

VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv"})
_FALLBACK_RATE = 30.0
_CODEC = "mp4v"


@runtime_checkable
class Frames(Protocol):
    """Pictures that come one after another: a `Video`, or `handpose_core.predict.webcam.Webcam`.

    Attributes:
        name: what the video made of them is called.
        source: where they come from, in words.
        rate: frames a second.
        announced: how many there are, as far as is known.
        live: whether they happen now, so that none is to be waited for.
    """

    name: str
    source: str
    rate: float
    announced: int | None
    live: bool

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know of the frames that have come."""

    def __iter__(self) -> Iterator[tuple[int, UInt8[ndarray, "h w 3"]]]:
        """The frames as RGB, once, each with its number from 0; numbers rise, and some may be left out."""


class Video:
    """A video file as `Frames`.

    Args:
        path: the file.

    Raises:
        HandposeError: there is no such file, or no frame in it can be decoded.
    """

    live = False
    notes = ()

    def __init__(self, path: Path) -> None:
        self.name, self.source = path.stem, str(path)
        if not path.is_file():
            raise HandposeError(str(path), "no such file", "a video", "Check the path.")
        self._capture = cv2.VideoCapture(str(path))
        whole, first = self._capture.read()
        if not whole:
            self._capture.release()
            raise HandposeError(
                str(path),
                "no frame that can be decoded",
                "a video such as an .mp4 with H.264",
                "Play it in a viewer: it is empty, cut off, or no video.",
            )
        self._first: UInt8[ndarray, "h w 3"] | None = first
        self.rate = usual_rate(self._capture.get(cv2.CAP_PROP_FPS))
        self.announced: int | None = max(int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)), 1)

    def __iter__(self) -> Iterator[tuple[int, UInt8[ndarray, "h w 3"]]]:
        """The frames as RGB, once, by number."""
        frame, self._first = self._first, None
        number = 0
        while frame is not None:
            yield number, rgb(frame)
            number += 1
            whole, following = self._capture.read()
            frame = following if whole else None
        self._capture.release()


def usual_rate(said: float) -> float:
    """Frames a second, as OpenCV says them; a usual rate where it says none, or nonsense."""
    return said if 0 < said < 1000 else _FALLBACK_RATE


def rgb(frame: UInt8[ndarray, "h w 3"]) -> UInt8[ndarray, "h w 3"]:
    """A frame as `Frames` have it, of one as OpenCV reads it."""
    return cv2.cvtColor(frame, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)


class VideoFile:
    """A video that is being written: it has its name once it is whole.

    Args:
        path: the .mp4 to write.
        rate: frames a second.
    """

    def __init__(self, path: Path, rate: float) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._rate = path, rate
        self._temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp.mp4")
        self._writer: cv2.VideoWriter | None = None
        self._last: UInt8[ndarray, "h w 3"] | None = None
        self._written = 0

    def __enter__(self) -> "VideoFile":
        return self

    def write(self, frame: UInt8[ndarray, "h w 3"], number: int) -> None:
        """Add a frame, RGB; all have the first one's size, of which an odd last row or column is left out.

        Args:
            frame: the next.
            number: its place, from 0; for numbers that are left out the frame before is shown again.

        Raises:
            HandposeError: OpenCV cannot write videos here.
        """
        height, width = frame.shape[0] // 2 * 2, frame.shape[1] // 2 * 2
        if self._writer is None:
            codec = cv2.VideoWriter.fourcc(*_CODEC)
            self._writer = cv2.VideoWriter(str(self._temporary), codec, self._rate, (width, height))
            if not self._writer.isOpened():
                raise HandposeError(
                    str(self._path), f"no encoder '{_CODEC}' in OpenCV", "one", "Install opencv-python-headless by pip."
                )
        encoded = cv2.cvtColor(frame[:height, :width], cv2.COLOR_RGB2BGR)
        for _ in range(self._written, number):
            self._writer.write(encoded if self._last is None else self._last)
        self._writer.write(encoded)
        self._last, self._written = encoded, number + 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.release()
        if kind is None and self._writer is not None:
            self._temporary.replace(self._path)
        else:
            self._temporary.unlink(missing_ok=True)

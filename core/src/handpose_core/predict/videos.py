"""Videos, frame by frame."""

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from handpose_core.errors import HandposeError

VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv"})
_FALLBACK_RATE = 30.0  # where a file names none, or nonsense
_CODEC = "mp4v"


class Video:
    """A video file.

    Args:
        path: the file.

    Raises:
        HandposeError: there is no such file, or no frame in it can be decoded.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
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
        rate = float(self._capture.get(cv2.CAP_PROP_FPS))
        self.rate = rate if 0 < rate < 1000 else _FALLBACK_RATE
        self.announced = max(int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)), 1)

    def __iter__(self) -> Iterator[UInt8[ndarray, "h w 3"]]:
        """The frames as RGB, once."""
        frame, self._first = self._first, None
        while frame is not None:
            yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)
            whole, following = self._capture.read()
            frame = following if whole else None
        self._capture.release()


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

    def __enter__(self) -> "VideoFile":
        return self

    def write(self, frame: UInt8[ndarray, "h w 3"]) -> None:
        """Add a frame, RGB; all have the first one's size, of which an odd last row or column is left out.

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
        self._writer.write(cv2.cvtColor(frame[:height, :width], cv2.COLOR_RGB2BGR))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.release()
        if kind is None and self._writer is not None:
            self._temporary.replace(self._path)
        else:
            self._temporary.unlink(missing_ok=True)

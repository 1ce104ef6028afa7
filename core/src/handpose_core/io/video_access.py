"""Frames of a video file in any order, each found by its own time."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float64, Int64, UInt8
from numpy import ndarray

from handpose_core.errors import HandposeError
from handpose_core.io.video import DELAYED, Video, named_gaps, open_capture, rgb, usual_rate

_INHERITED: list[Any] = []
_NEAR = 8  # frames: so few are decoded on the way rather than sought
_BEFORE = 2.0  # frames: sought so far before the wanted one
_KEPT_INDICES = 16


@dataclass(frozen=True)
class _Index:
    """The frames of a file that decode.

    Args:
        numbers: their places in the video, from 0.
        seconds: their times.
        gaps: first and last number of each run of frames that do not decode.
        packets: the number of frames in the container, whether they decode or not.
        timed: whether the container has a time of its own for each frame.
    """

    numbers: Int64[ndarray, " frames"]
    seconds: Float64[ndarray, " frames"]
    gaps: tuple[tuple[int, int], ...]
    packets: int
    timed: bool

    def rank(self, seconds: float) -> int:
        """The row of the frame that is nearest to a time."""
        after = int(np.searchsorted(self.seconds, seconds))
        near = [row for row in (after - 1, after) if 0 <= row < len(self.seconds)]
        return min(near, key=lambda row: abs(float(self.seconds[row]) - seconds))


class VideoFrames:
    """The frames of a video file, named by their numbers. Reading them in order is fastest.

    All frames are decoded once when the file is opened, so that those which do not decode are known beforehand.

    Args:
        path: the file.

    Attributes:
        folder: the file.
        left_out: nothing: a file holds no others.
        names: numbers from 0, of frames that are missing as well.
        missing: numbers of frames that do not decode.

    Raises:
        HandposeError: there is no such file, or no frame in it can be decoded.
    """

    left_out: Mapping[str, str] = MappingProxyType({})
    _rank: int | None

    def __init__(self, path: Path) -> None:
        self.path = self.folder = path
        stat = path.stat() if path.is_file() else None
        self._index = _index(path, *((stat.st_size, stat.st_mtime_ns) if stat else (0, 0)))
        self.missing = frozenset(n for first, last in self._index.gaps for n in range(first, last + 1))
        self.names = tuple(map(str, range(len(self._index.numbers) + len(self.missing))))
        self._open()

    def missing_frames(self) -> str:
        """Name the frames that do not decode, such as ``3, 19 to 20``."""
        return named_gaps(self._index.gaps)

    def read(self, position: int) -> UInt8[ndarray, "h w 3"]:
        """Read one frame.

        Args:
            position: its number.

        Returns:
            The frame, RGB.

        Raises:
            HandposeError: it does not decode.
        """
        if self._process != os.getpid():
            # A forked loader worker would share its place in the file with the others. What it inherited is kept:
            # closing it would wait for decoder threads that a forked process does not have, for ever.
            _INHERITED.append(self._capture)
            self._open()
        if position not in self.missing and self._find(int(np.searchsorted(self._index.numbers, position))):
            whole, image = self._capture.retrieve()
            if whole:
                return rgb(image)
        raise HandposeError(
            f"{self.path}, frame {position}",
            "a frame that does not decode",
            f"{len(self.names)} frames, as the file says it has",
            "Get the file again, or convert it, for example with ffmpeg.",
        )

    def _find(self, rank: int) -> bool:
        """Grab the frame of a row of the index; False where it does not decode now."""
        if self._rank == rank:
            return True
        ahead = None if self._rank is None else rank - self._rank
        if ahead is not None and ahead > 0 and (ahead <= _NEAR or not self._index.timed):
            return self._grab_up_to(rank) or self._from_start(rank)
        seconds = self._index.seconds[rank] - _BEFORE / usual_rate(self._capture.get(cv2.CAP_PROP_FPS))
        if not self._index.timed or seconds <= 0:
            return self._from_start(rank)
        self._capture.set(cv2.CAP_PROP_POS_MSEC, float(seconds) * 1000)
        self._rank = None
        return self._grab_up_to(rank) or self._from_start(rank)

    def _from_start(self, rank: int) -> bool:
        self._capture.release()
        self._open()
        return self._grab_up_to(rank)

    def _grab_up_to(self, rank: int) -> bool:
        failed = 0
        while self._rank is None or self._rank < rank:
            if self._capture.grab():
                if self._rank is None or self._index.timed:
                    self._rank = self._index.rank(self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
                else:
                    self._rank += 1
            else:
                failed += 1
                if failed > self._index.packets + DELAYED:
                    return False
        return self._rank == rank

    def _open(self) -> None:
        self._capture, self._process = open_capture(self.path), os.getpid()
        self._rank = -1

    def __getstate__(self) -> dict[str, Any]:
        """Without the open file, which spawned loader workers cannot be sent."""
        return {**self.__dict__, "_capture": None, "_process": None}


@lru_cache(maxsize=_KEPT_INDICES)
def _index(path: Path, _size: int, _mtime_ns: int) -> _Index:
    """Decode a file once; its size and time tell a changed file from the one that was indexed."""
    video = Video(path)
    places = list(video.places())
    numbers, seconds = zip(*places, strict=True)
    return _Index(np.array(numbers, np.int64), np.array(seconds), tuple(video.missing), video.packets, video.timed)

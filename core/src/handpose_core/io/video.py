"""Videos: frames with their numbers and times, and files that are checked before they have their name."""

import os
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import cv2
import numpy as np
from jaxtyping import Float64, UInt8
from numpy import ndarray

from handpose_core.errors import HandposeError
from handpose_core.io.content import HEAD_BYTES, describe_foreign
from handpose_core.io.image_files import VIDEO_SUFFIXES, is_utf8
from handpose_core.io.video_header import VideoHeader, looks_like_video, read_header

_FALLBACK_RATE = 30.0
_CODEC = "mp4v"
#: Rates (frames a second) that cameras and screens have, and how near a measured one must be to be taken for it.
_USUAL_RATES = (24.0, 25.0, 30.0, 48.0, 50.0, 60.0, 90.0, 100.0, 120.0, 240.0)
_NEAR_RATE = 0.02
_HIGHEST_RATE = 240.0
#: Failed reads at the end that may still be followed by frames which the decoder held back.
DELAYED = 16
_NAMED_GAPS = 10
_VP8 = "V_VP8"
_SHOWN_IN_VP8 = 0x10


@dataclass(frozen=True)
class Frame:
    """One frame of a video or camera.

    Args:
        number: its place in the video, from 0; frames that are missing keep their numbers.
        seconds: its time from the video's beginning.
        pixels: RGB.
    """

    number: int
    seconds: float
    pixels: UInt8[ndarray, "h w 3"]


@runtime_checkable
class Frames(Protocol):
    """Frames that come one after another: a `Video`, or `handpose_core.predict.webcam.Webcam`.

    Attributes:
        name: the name for the video that is made of them.
        source: their source in words.
        rate: frames a second at which a video made of them shows each at its own time.
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
        """Remarks for the reader of the results, on the frames that have come so far."""

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames once, with rising numbers and times; some numbers may be left out."""


def is_video(path: Path) -> bool:
    """Recognise a video file by its suffix, whatever its case, or by its content."""
    if path.is_dir():
        return False
    return path.suffix.lower() in VIDEO_SUFFIXES or (path.is_file() and looks_like_video(path))


class Video:
    """A video file as `Frames`.

    The times of all frames are read from the container first, without decoding, so that frames which are damaged or
    missing leave gaps in the numbers, and frames of a variable rate keep their times.

    Args:
        path: the file.

    Raises:
        HandposeError: there is no such file, or no frame in it can be decoded.
    """

    live = False

    def __init__(self, path: Path) -> None:
        self.path, self.name, self.source = path, path.stem, str(path)
        if not path.is_file():
            raise HandposeError(str(path), "no such file", "a video", "Check the path.")
        self._header = read_header(path)
        self._times, packets = _scan(path, self._header)
        self._capture = open_capture(path)
        said = self._capture.get(cv2.CAP_PROP_FPS)
        self._nominal = usual_rate(said)
        self._length = self._capture.get(cv2.CAP_PROP_FRAME_COUNT) / self._nominal
        self._packets = packets
        self._constant = _is_constant(self._times, self._nominal)
        self.rate = self._nominal if self._constant else _covering_rate(self._times)
        self.announced: int | None = max(self._header.frames or 0, packets, 1)
        self._gaps: list[tuple[int, int]] = []
        self._last, self._ended = -1, False
        self._grabbed = self._grab()
        self._first = next(self._grabbed, None)
        if self._first is None or not self._capture.retrieve()[0]:
            self._capture.release()
            raise _no_frame(path, self._header)

    @property
    def notes(self) -> tuple[str, ...]:
        """See `Frames`."""
        return (*self._missing_notes(), *self._rate_notes())

    @property
    def missing(self) -> list[tuple[int, int]]:
        """The frames that are missing so far, as the first and last number of each gap."""
        end = (self._header.frames or 0, self._packets)
        total = max(end) if self._ended and not self._header.trimmed else 0
        return [*self._gaps, *([(self._last + 1, total - 1)] if total > self._last + 1 else [])]

    @property
    def packets(self) -> int:
        """The number of frames in the container, whether they decode or not."""
        return self._packets

    @property
    def timed(self) -> bool:
        """Whether the container has a time of its own for each frame."""
        return bool(len(self._times))

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames once."""
        for number, seconds in self.places():
            whole, image = self._capture.retrieve()
            if whole:
                yield Frame(number, seconds, rgb(image))
            else:
                self._gaps.append((number, number))

    def places(self) -> Iterator[tuple[int, float]]:
        """Yield number and time of each frame that decodes, once, without its pixels."""
        if self._first is not None:
            first, self._first = self._first, None
            yield first
            yield from self._grabbed

    def _grab(self) -> Iterator[tuple[int, float]]:
        grabbed = failed = 0
        while True:
            if not self._capture.grab():
                failed += 1
                if grabbed + failed > self._packets + DELAYED:
                    break
                continue
            seconds = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            number, seconds = self._place(seconds, grabbed + failed)
            grabbed += 1
            if number > self._last + 1:
                self._gaps.append((self._last + 1, number - 1))
            self._last = number
            yield number, seconds
        self._ended = True
        self._capture.release()

    def _place(self, seconds: float, read: int) -> tuple[int, float]:
        """Return a frame's number and time, of the time that OpenCV says and of how often it was read before."""
        if not len(self._times):
            return max(read, self._last + 1), max(read, self._last + 1) / self._nominal
        after = int(np.searchsorted(self._times, seconds))
        near = [place for place in (after - 1, after) if 0 <= place < len(self._times)]
        number = max(min(near, key=lambda place: abs(float(self._times[place]) - seconds)), self._last + 1)
        return number, float(self._times[number]) if number < len(self._times) else number / self._nominal

    def _missing_notes(self) -> tuple[str, ...]:
        gaps = self.missing
        if gaps:
            count = sum(last - first + 1 for first, last in gaps)
            are = "frames is" if count == 1 else "frames are"
            return (f"{count} of {self.announced} {are} missing, damaged or cut off: {named_gaps(gaps)}",)
        end = float(self._times[-1]) if len(self._times) else self._last / self._nominal
        if self._ended and self._header.frames is None and not self._header.trimmed and self._length > end + 1.5:
            return (f"the header announces {self._length:.1f} s, but the last frame is at {end:.1f} s: cut off?",)
        return ()

    def _rate_notes(self) -> tuple[str, ...]:
        if self._constant:
            return ()
        return (f"variable frame rate: each frame keeps its own time; overlay at {self.rate:g} frames a second",)


def named_gaps(gaps: Sequence[tuple[int, int]]) -> str:
    """Name gaps by their first and last numbers, such as ``3, 19 to 20``; of many, the first ten."""
    named = ", ".join(str(first) if first == last else f"{first} to {last}" for first, last in gaps[:_NAMED_GAPS])
    return named + (f" and {len(gaps) - _NAMED_GAPS} further gaps" if len(gaps) > _NAMED_GAPS else "")


def open_capture(path: Path, *parameters: int) -> cv2.VideoCapture:
    """Open a video file by OpenCV's FFmpeg, whatever is in its name.

    An absolute path keeps ``%03d`` from being taken for a sequence, and ``a:b`` for a protocol. FFmpeg's and
    OpenCV's own messages are left out: callers say which frames are missing.

    Args:
        path: the file.
        *parameters: further ones as OpenCV has them, pairs of property and value.

    Returns:
        The capture, opened or not.

    Raises:
        HandposeError: the file's name is not UTF-8, which OpenCV cannot take.
    """
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    name = _opencv_name(path)
    level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
    try:
        return cv2.VideoCapture(name, cv2.CAP_FFMPEG, list(parameters))
    finally:
        cv2.utils.logging.setLogLevel(level)


def _opencv_name(path: Path) -> str:
    """Return an absolute path as OpenCV takes it; refuse one that is not UTF-8, which would crash it."""
    name = str(path.absolute())
    if not is_utf8(name):
        raise HandposeError(
            repr(name), "a name that is not UTF-8", "a name in UTF-8", "Rename the file or the folder that it lies in."
        )
    return name


def usual_rate(said: float) -> float:
    """Return a rate (frames a second) as OpenCV says it; a usual one where it says none, or nonsense."""
    return said if 0 < said < 1000 else _FALLBACK_RATE


def rgb(frame: UInt8[ndarray, "h w 3"]) -> UInt8[ndarray, "h w 3"]:
    """Convert a frame from OpenCV's BGR to RGB."""
    return cv2.cvtColor(frame, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)


class VideoWriter:
    """A video that is being written; `write_video` opens and checks it.

    Args:
        path: the .mp4 to write to.
        rate: frames a second.
        named: the file's name in messages.
    """

    def __init__(self, path: Path, rate: float, named: Path) -> None:
        self._path, self._rate, self._named = path, rate, named
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)
        self._last: UInt8[ndarray, "h w 3"] | None = None
        self._written = 0

    def write(self, frame: UInt8[ndarray, "h w 3"], seconds: float) -> None:
        """Add a frame; until its time comes the frame before is shown on.

        Args:
            frame: RGB; of another size than the first one it is resized. An odd last row or column is left out.
            seconds: its time from the video's beginning; never less than the last frame's.

        Raises:
            HandposeError: OpenCV cannot write videos here.
        """
        if self._writer is None:
            self._open(frame.shape[1] // 2 * 2, frame.shape[0] // 2 * 2)
        assert self._writer is not None
        width, height = self._size
        image = cv2.cvtColor(frame, cv2.COLOR_RGB2BGR)
        image = image[:height, :width] if abs(image.shape[0] - height) < 2 > abs(image.shape[1] - width) else image
        encoded = image if image.shape[:2] == (height, width) else cv2.resize(image, self._size)
        place = round(seconds * self._rate)
        for _ in range(self._written, place):
            self._add(encoded if self._last is None else self._last)
        self._add(encoded)
        self._last = encoded

    def close(self) -> None:
        """Finish the file and read it again, since OpenCV reports no error while it writes.

        Raises:
            HandposeError: a frame is missing in it, or its first or last one cannot be decoded.
        """
        if self._writer is None:
            return
        self._writer.release()
        self._writer = None
        capture = open_capture(self._path)
        first = last = capture.read()[0]
        if self._written > 1:
            capture.set(cv2.CAP_PROP_POS_FRAMES, self._written - 1)
            last = capture.read()[0]
        capture.release()
        _, packets = _scan(self._path, VideoHeader())
        if not (first and last and packets == self._written):
            raise HandposeError(
                str(self._named),
                f"{packets} of {self._written} frames after writing" if packets < self._written else "a damaged video",
                "a whole video",
                "The disk is full or failing: make room, or write elsewhere.",
            )

    def discard(self) -> None:
        """Finish without a check, for a file that will be removed."""
        if self._writer is not None:
            self._writer.release()
            self._writer = None

    def _open(self, width: int, height: int) -> None:
        self._size = (width, height)
        codec = cv2.VideoWriter.fourcc(*_CODEC)
        self._writer = cv2.VideoWriter(_opencv_name(self._path), cv2.CAP_FFMPEG, codec, self._rate, self._size)
        if not self._writer.isOpened():
            raise HandposeError(
                str(self._named),
                f"no file that OpenCV can write a video to ('{_CODEC}', {width} x {height} px)",
                "an .mp4 on a disk with room",
                "Check the folder and its room; or install opencv-python-headless by pip.",
            )

    def _add(self, encoded: UInt8[ndarray, "h w 3"]) -> None:
        assert self._writer is not None
        self._writer.write(encoded)
        self._written += 1


@contextmanager
def write_video(path: Path, rate: float, named: Path) -> Iterator[VideoWriter]:
    """Write an .mp4, and read it again at the end; within `handpose_core.io.atomic.staged`, which then names it.

    Args:
        path: the staged file.
        rate: frames a second.
        named: the name that it will have, for messages.

    Yields:
        The writer; at least one frame must be written.

    Raises:
        HandposeError: OpenCV cannot write it, or what was written cannot be read again.
    """
    writer = VideoWriter(path, rate, named)
    try:
        yield writer
        writer.close()
    finally:
        writer.discard()


def _scan(path: Path, header: VideoHeader) -> tuple[Float64[ndarray, " frames"], int]:
    """Read the frames' times from the container, without decoding.

    Returns:
        The times, s, in order, none where they are not told apart; and the number of frames.
    """
    capture = open_capture(path, cv2.CAP_PROP_FORMAT, -1)
    times = []
    while capture.grab():
        if header.codec != _VP8 or _is_shown(capture):
            times.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
    capture.release()
    ordered = np.unique(np.array(times, np.float64))
    if header.trimmed:  # frames before the beginning all have time 0
        return ordered, len(ordered)
    return (ordered if len(ordered) == len(times) else ordered[:0]), len(times)


def _is_shown(capture: cv2.VideoCapture) -> bool:
    """Whether a VP8 packet is a frame to show, and no hidden reference."""
    packet = capture.retrieve()[1]
    return packet is None or not packet.size or bool(packet.reshape(-1)[0] & _SHOWN_IN_VP8)


def _is_constant(times: Float64[ndarray, " frames"], rate: float) -> bool:
    """Whether all frames lie within half a frame of where a constant rate has them."""
    return not len(times) or bool(np.abs(times - times[0] - np.arange(len(times)) / rate).max() < 0.5 / rate)


def _covering_rate(times: Float64[ndarray, " frames"]) -> float:
    """Return the rate of the shortest steps, at which nearly all frames have a place of their own, or a usual rate."""
    measured = min(1 / float(np.quantile(np.diff(times), 0.05)), _HIGHEST_RATE)
    return next((rate for rate in _USUAL_RATES if abs(measured / rate - 1) < _NEAR_RATE), measured)


def _no_frame(path: Path, header: VideoHeader) -> HandposeError:
    expected = "a video such as an .mp4 with H.264"
    with path.open("rb") as file:
        content = describe_foreign(file.read(HEAD_BYTES))
    if content is not None:
        return HandposeError(str(path), f"{content.found}, no frame that can be decoded", expected, content.fix)
    if not header.indexed:
        return HandposeError(
            str(path),
            "an MP4 without its index (moov), no frame that can be decoded",
            "a whole file",
            "The recording or download broke off: get the file again.",
        )
    if header.codec is not None:
        converted = shlex.quote(f"{path.stem}-h264.mp4")
        return HandposeError(
            str(path),
            f"{header.codec_name}, no frame that can be decoded by this OpenCV",
            expected,
            f"Convert it: ffmpeg -i {shlex.quote(str(path))} -c:v libx264 -crf 18 {converted}",
        )
    return HandposeError(
        str(path),
        "no frame that can be decoded",
        expected,
        "Play it in a viewer: it is empty, cut off, or no video.",
    )

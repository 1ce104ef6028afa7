"""A camera at this machine, frame by frame as they happen."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import cv2

from handpose_core.errors import HandposeError
from handpose_core.io.video import Frame, rgb, usual_rate


class Webcam:
    """`handpose_core.io.video.Frames` of a camera, until `stop` is called or time is over.

    Frames are numbered by when they were taken, at the camera's own rate: a model that is slower leaves numbers out.

    Args:
        number: which camera, as OpenCV counts them, from 0.
        seconds: how long; None for as long as nobody stops it.
        clock: seconds from anywhere on.

    Raises:
        HandposeError: there is no such camera, or it gives no picture.
    """

    live = True
    announced: int | None = None

    def __init__(self, number: int, seconds: float | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.name, self.source = "webcam", f"webcam {number}"
        self._seconds, self._clock = seconds, clock
        self._stopped = self._ended = False
        self._taken = 0
        with _quiet():
            self._capture = cv2.VideoCapture(number)
        # The first frame is of before the model was loaded, and only shows that there are any.
        if not self._capture.isOpened() or not self._capture.read()[0]:
            self._capture.release()
            raise HandposeError(
                f"--webcam {number}",
                "no camera that gives pictures",
                "one that is connected, allowed to this program, and used by no other",
                "Close other programs that use it, see the system's privacy settings, or try another: "
                f"--webcam {number + 1}",
            )
        self.rate = usual_rate(self._capture.get(cv2.CAP_PROP_FPS))

    @property
    def notes(self) -> tuple[str, ...]:
        """See `handpose_core.io.video.Frames`."""
        ended = [f"{self.source} gave no more pictures after {self._taken}"] if self._ended else []
        return (f"frames are numbered by the time they were taken, {self.rate:g} a second", *ended)

    def stop(self) -> None:
        """End with the frame that is being taken."""
        self._stopped = True

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames once."""
        start, number = self._clock(), -1
        try:
            while not self._over(self._clock() - start):
                whole, frame = self._capture.read()
                if not whole:
                    self._ended = True
                    return
                self._taken += 1
                seconds = self._clock() - start
                number = max(number + 1, int(seconds * self.rate))
                yield Frame(number, seconds, rgb(frame))
        finally:
            self._capture.release()

    def _over(self, seconds: float) -> bool:
        return self._stopped or (self._seconds is not None and seconds >= self._seconds)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without OpenCV's own warnings: what is wrong is told by an error."""
    logging = cv2.utils.logging
    before = logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        logging.setLogLevel(before)

"""A window that shows pictures as they come, where OpenCV is built with one and there is a screen."""

import os
import sys
from collections.abc import Callable, Mapping
from types import TracebackType

import cv2
from jaxtyping import UInt8
from numpy import ndarray

from handpose_core.errors import HandposeError

_ENDING_KEYS = (ord("q"), 27)  # 27: Escape


def check_window(environment: Mapping[str, str] = os.environ) -> None:
    """Complain where no window can be opened.

    Raises:
        HandposeError: OpenCV is built without windows, or there is no screen.
    """
    if not cv2.currentUIFramework():
        raise HandposeError(
            "--show",
            "an OpenCV without windows",
            "opencv-python in place of opencv-python-headless",
            "python -m pip uninstall opencv-python-headless, then python -m pip install opencv-python; "
            "or leave --show out: the video is written all the same.",
        )
    # Qt ends the whole process without a screen, before anything could be raised.
    if sys.platform.startswith("linux") and not {"DISPLAY", "WAYLAND_DISPLAY"} & set(environment):
        raise HandposeError("--show", "no screen", "a desktop (DISPLAY, WAYLAND_DISPLAY)", "Leave --show out.")


class Window:
    """Opens with its first picture.

    Args:
        title: its name.
        closed: called where the user closes it, or presses q or Escape in it.
    """

    def __init__(self, title: str, closed: Callable[[], None]) -> None:
        self._title, self._closed = title, closed

    def __enter__(self) -> "Window":
        return self

    def show(self, picture: UInt8[ndarray, "h w 3"]) -> None:
        """Show an RGB picture in place of the one before."""
        cv2.imshow(self._title, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        key = cv2.waitKey(1) & 0xFF
        if key in _ENDING_KEYS or cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) < 1:
            self._closed()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        cv2.destroyAllWindows()

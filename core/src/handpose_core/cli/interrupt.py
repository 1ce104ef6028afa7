"""Ctrl+C and SIGTERM as requests to stop with what is done."""

import signal
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """Takes the first Ctrl+C (SIGINT) or SIGTERM as a request to stop; a second one ends the process as ever.

    For the main thread. A signal that the caller has ignored, as a shell does with SIGINT in the background, stays
    ignored: such a command is ended by SIGTERM.

    Args:
        stop: called at the first signal.

    Attributes:
        status: the exit status that shells give the signal, 128 + its number; None where none came.
    """

    def __init__(self, stop: Callable[[], None] = lambda: None) -> None:
        self.status: int | None = None
        self._stop = stop
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Interruption":
        """Take the signals over."""
        handlers = {number: signal.getsignal(number) or signal.SIG_DFL for number in _SIGNALS}
        self._before = {number: handler for number, handler in handlers.items() if handler != signal.SIG_IGN}
        for number in self._before:
            signal.signal(number, self._first)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the signals back."""
        self._give_back()

    def _first(self, number: int, frame: FrameType | None) -> None:
        self.status = 128 + number
        self._give_back()
        self._stop()

    def _give_back(self) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

"""Ctrl+C and SIGTERM as the way to end a command that has no end of its own."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def stopped_by_interrupt(stop: Callable[[], None]) -> Iterator[None]:
    """Call ``stop`` at the first Ctrl+C (SIGINT) or SIGTERM; a second one interrupts as ever. For the main thread.

    A signal that the caller has ignored, as a shell does with SIGINT in the background, stays ignored: such a command
    is ended by SIGTERM.
    """
    before = {number: signal.getsignal(number) or signal.SIG_DFL for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def first(*_: object) -> None:
        restore()
        stop()

    for number, handler in before.items():
        if handler != signal.SIG_IGN:
            signal.signal(number, first)
    try:
        yield
    finally:
        restore()

"""One process at a time in a folder."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from handpose_core.errors import HandposeError

_PATIENCE = 15.0  # s; loader workers see within a few that a killed training is gone


@contextmanager
def held(folder: Path) -> Iterator[int]:
    """Hold a folder, which is made as needed; yields the lock's file descriptor.

    A child process that inherits it holds the folder too, and goes on holding it should this process be killed.

    Raises:
        HandposeError: another process holds the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as file:
        deadline = time.monotonic() + _PATIENCE
        while not _locked(file.fileno()):
            if time.monotonic() > deadline:
                raise HandposeError(
                    str(folder), "a process at work in it", "none", "Wait for it to end, or end it, and run this again."
                )
            time.sleep(0.2)
        yield file.fileno()


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

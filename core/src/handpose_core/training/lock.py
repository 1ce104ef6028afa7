"""One process at a time in a folder."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

from handpose_core.errors import HandposeError

_PATIENCE = 15.0  # s; loader workers see within a few that a killed training is gone


@contextmanager
def held(folder: Path) -> Iterator[dict[str, Any]]:
    """Hold a folder, which is made as needed.

    On POSIX systems a child process that is started with the yielded arguments holds the folder too, and goes on
    holding it should this process be killed. On Windows this process alone holds it.

    Args:
        folder: the folder; the lock is its file ``.lock``.

    Yields:
        Arguments of `subprocess.Popen` for child processes that work in the folder.

    Raises:
        HandposeError: another process holds the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _inheritable(folder) if fcntl else _portable(folder) as arguments:
        yield arguments


@contextmanager
def _inheritable(folder: Path) -> Iterator[dict[str, Any]]:
    with (folder / ".lock").open("ab") as file:
        deadline = time.monotonic() + _PATIENCE
        while not _locked(file.fileno(), folder):
            if time.monotonic() > deadline:
                raise _occupied(folder)
            time.sleep(0.2)
        yield {"pass_fds": [file.fileno()]}


@contextmanager
def _portable(folder: Path) -> Iterator[dict[str, Any]]:
    from filelock import FileLock, Timeout

    try:
        lock = FileLock(folder / ".lock", timeout=_PATIENCE).acquire()
    except Timeout as error:
        raise _occupied(folder) from error
    with lock:
        yield {}


def _locked(descriptor: int, folder: Path) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:  # a network drive without locks
        raise OSError(error.errno, error.strerror, str(folder)) from error
    return True


def _occupied(folder: Path) -> HandposeError:
    return HandposeError(
        str(folder), "a process at work in it", "none", "Wait for it to end, or end it, and run this again."
    )

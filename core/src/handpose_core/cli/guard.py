"""How every command ends: one message and an exit status, never a traceback for something a user can put right.

The exit statuses of all commands and console scripts, as ``docs/guides/use.md`` has them:

======  ==========================================================================================================
0       done
1       done, with findings: ``handpose data check`` found errors, ``handpose bench table`` has rows that failed
2       the user's to put right: an option, a file, a refusal of the system or of a library, with the message
130     interrupted by Ctrl+C (128 + SIGINT)
141     whoever read the output went away, as in ``handpose ... | head`` (128 + SIGPIPE)
143     ended by SIGTERM: trainings, recipes, and commands that end their own processes first (128 + SIGTERM)
======  ==========================================================================================================

A fault in the code keeps its traceback (status 1). ``HANDPOSE_TRACEBACK=1`` shows one for everything.
"""

import os
import select
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from io import TextIOWrapper

from handpose_core.io.streams import make_streams_tolerant

USER_ERROR = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells report it
READER_GONE = 141  # 128 + SIGPIPE


def guarded(command: Callable[[], int], arguments: Sequence[str] = ()) -> int:
    """Run a command to its end.

    Args:
        command: returns its exit status.
        arguments: those of the command, to name the option that a path was given by.

    Returns:
        The exit status: the command's, or that of the user's error, of Ctrl+C or of a reader that went away.
    """
    make_streams_tolerant()
    try:
        return _flushed(command)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except SystemExit as error:
        if isinstance(error.__context__, KeyboardInterrupt):  # Lightning ends a training that Ctrl+C stops so
            return INTERRUPTED
        if isinstance(error.__context__, BrokenPipeError):  # rich ends so
            return READER_GONE
        raise
    except Exception as error:
        if isinstance(error, OSError) and _silence_broken_streams() and isinstance(error, BrokenPipeError):
            return READER_GONE
        from handpose_core.cli.refusals import explain

        explained = None if os.environ.get("HANDPOSE_TRACEBACK") else explain(error, arguments)
        if explained is None:
            raise
    with suppress(OSError):
        print(f"error: {explained}", file=sys.stderr)
    return USER_ERROR


def _flushed(command: Callable[[], int]) -> int:
    """Run a command and write out what it printed, so that a full disk or a reader gone is noticed here."""
    try:
        status = command()
    except SystemExit:  # of --help
        _flush()
        raise
    _flush()
    return status


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # as it is where the caller closed it
            stream.flush()


def _silence_broken_streams() -> bool:
    """Let nothing more be written to streams that cannot be written to, as Python flushes them once more at its end.

    Returns:
        Whether there is one.
    """
    broken = [stream for stream in (sys.stdout, sys.stderr) if isinstance(stream, TextIOWrapper) and _is_broken(stream)]
    for stream in broken:
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return bool(broken)


def _is_broken(stream: TextIOWrapper) -> bool:
    """Whether a stream cannot be flushed, or is a pipe that nobody reads (the text printed last may be dropped)."""
    try:
        stream.flush()
        if not hasattr(select, "poll"):  # Windows
            return False
        poll = select.poll()
        poll.register(stream.fileno(), select.POLLOUT)
        return any(event & select.POLLERR for _, event in poll.poll(0))
    except ValueError:  # no file, as under a test's capture (io.UnsupportedOperation is an OSError, too)
        return False
    except OSError:
        return True

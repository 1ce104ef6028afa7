"""How a command ends: one clear message and an exit status, never a traceback for something a user can put right."""

import sys
from collections.abc import Callable

from handpose_core.errors import HandposeError

USER_ERROR = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells report it


def guarded(command: Callable[[], int]) -> int:
    """Run a command; its exit status, or that of the user's error or of Ctrl+C."""
    try:
        return command()
    except HandposeError as error:
        message = str(error)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except SystemExit as error:
        if isinstance(error.__context__, KeyboardInterrupt):  # Lightning ends a training that Ctrl+C stops so
            return INTERRUPTED
        raise
    except (RuntimeError, ValueError) as error:
        if (hidden := _hidden_message(error)) is None:
            raise
        message = hidden
    print(f"error: {message}", file=sys.stderr)
    return USER_ERROR


def _hidden_message(error: RuntimeError | ValueError) -> str | None:
    """The message of the HandposeError that a library wrapped into one of its own, None where there is none.

    jsonargparse raises a ValueError from what a class's ``__init__`` raised. torch rebuilds the exception
    of a loader's worker from its traceback's text alone; one with several arguments becomes a
    RuntimeError that holds this text.
    """
    if isinstance(error.__cause__, HandposeError):
        return str(error.__cause__)
    text = str(error)
    if not text.startswith(f"Caught {HandposeError.__name__} in "):
        return None
    return text.rpartition(f"{HandposeError.__module__}.{HandposeError.__name__}: ")[2].strip()

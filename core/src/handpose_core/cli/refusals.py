"""Refusals of the system and of libraries, put as path, reason and next step."""

import errno
import os
import re
import socket
import sys
import sysconfig
import urllib.error
from collections.abc import Iterator, Sequence
from pathlib import Path

from handpose_core.errors import HandposeError

#: errno → what was expected, and the next step; of these the path is the user's to change.
_PATHS: dict[int, tuple[str, str]] = {
    errno.EROFS: ("a folder that can be written to", "The file system is read-only. Give a path on another."),
    errno.ENAMETOOLONG: ("file names of at most 255 bytes", "Give a shorter name."),
    errno.ELOOP: ("a link that leads to a file or folder", "It leads back to itself. Remove it, or give another path."),
    errno.EISDIR: ("a file", "Give the path of a file."),
    errno.EEXIST: ("a folder, or nothing", "Give another path, or move away what is there."),
    errno.ENOENT: ("a path that exists, or a folder in which it can be made", "Check the path, or give another."),
    errno.ENOTEMPTY: ("an empty folder, or nothing", "Give another path, or move away what is there."),
    errno.EBUSY: ("a path that nothing else uses", "Give another path, or end what uses it."),
    errno.ETXTBSY: ("a path that nothing else uses", "Give another path, or end what uses it."),
    errno.EINVAL: ("a name that the file system accepts", "Give another path."),
    errno.EILSEQ: ("a name that the file system accepts", "Give another path."),
    errno.ENODEV: ("a file or folder", "Give another path."),
    errno.ENXIO: ("a file or folder", "Give another path."),
    errno.EXDEV: ("a path on the same file system", "Give another path."),
    errno.EOPNOTSUPP: ("a file system that supports this", "Give a path on another."),
    errno.ENOSYS: ("a file system that supports this", "Give a path on another."),
    errno.ENOLCK: ("a file system that has locks", "Give a path on a local disk."),
    errno.ESTALE: ("a network drive that is mounted", "Mount it again, or give another path."),
    errno.ENOTCONN: ("a network drive that is mounted", "Mount it again, or give another path."),
    errno.EHOSTDOWN: ("a network drive that is mounted", "Mount it again, or give another path."),
}
_NO_ROOM = ("room for what is written", "Free some, or give a folder on another disk.")
_FILES = ("fewer open files", "Raise the limit (ulimit -n 4096), or give fewer --data.num_workers.")
_FEWER = (
    "Give a smaller --data.batch_size (fit, validate, test), --batch (predict), fewer --data.num_workers or --workers, "
    "or end other programs."
)
#: errno → likewise; these end a command whatever file it was about, and often name none.
_RESOURCES: dict[int, tuple[str, str]] = {
    errno.ENOSPC: _NO_ROOM,
    errno.EDQUOT: _NO_ROOM,
    errno.EFBIG: ("a file of a size that the file system allows", "Give a folder on another disk."),
    errno.EIO: ("a disk that can be read and written", "Check the disk or network drive, or give another path."),
    errno.EMFILE: _FILES,
    errno.ENFILE: _FILES,
    errno.ENOMEM: ("enough memory", _FEWER),
}
#: Exceptions of libraries that are imported late: package and class → where, what was expected, next step.
_LIBRARIES: dict[tuple[str, str], tuple[str, str, str]] = {
    ("lightning_fabric", "MisconfigurationException"): (
        "Lightning", "options that go together", "Change the --trainer, --data or --checkpoint option it names.",
    ),
    ("wandb", "Error"): (
        "W&B", "a run that W&B accepts",
        "Log offline with WANDB_MODE=offline, leave W&B out with --trainer.logger false, or log in with: wandb login",
    ),
    ("wandb", "AuthenticationError"): (
        "W&B", "an API key that W&B accepts", "Log in with: wandb login --relogin; or log offline: WANDB_MODE=offline",
    ),
    ("wandb", "CommError"): (
        "W&B", "a server that answers", "Log offline with WANDB_MODE=offline, or leave W&B out: --trainer.logger false",
    ),
    ("requests", "RequestException"): ("network", "a server that answers", "Check the connection and try again."),
    ("httpx", "TransportError"): ("network", "a server that answers", "Check the connection and try again."),
    ("torch", "OutOfMemoryError"): ("memory", "enough of it", _FEWER),
    ("torch", "DistNetworkError"): (
        "processes of one training", "an address and port to meet at",
        "Set MASTER_ADDR and MASTER_PORT to one that is free.",
    ),
}  # fmt: skip
_SHARED = "Enlarge /dev/shm (docker run --shm-size=8g), or load in the process itself with --data.num_workers 0."
#: What exceptions of native code say → what was found, what was expected, next step.
_TEXTS: tuple[tuple[str, str, str, str], ...] = (
    (
        r"Bus error|shared memory object|unable to (write to file|mmap .*|resize file) ?</?torch_",
        "shared memory (/dev/shm)", "room for the batches of all --data.num_workers", _SHARED,
    ),
    (
        r"DataLoader worker \(pid\S* .*\) is killed by signal: (Killed|Terminated)",
        "loader workers (--data.num_workers)", "workers that run to their end",
        f"Most often memory ran out. {_FEWER}",
    ),
    (
        r"DataLoader worker \(pid\S* .*\) (is killed by signal|exited unexpectedly)",
        "loader workers (--data.num_workers)", "workers that run to their end",
        "With --data.num_workers 0 the cause is shown.",
    ),
    (r"received \d+ items of ancdata", "open files", *_FILES),
    (r"(?i)out of memory|not enough memory|can't allocate memory|bad_alloc", "memory", "enough of it", _FEWER),
    (
        r"process in the process pool was terminated abruptly", "worker processes (--workers)",
        "workers that run to their end", f"Most often memory ran out. {_FEWER}",
    ),
    (r"No space left on device|os error 28\b", "disk", *_NO_ROOM),
    (r"PytorchStreamWriter failed|iostream error", "a file that torch writes", *_NO_ROOM),
)  # fmt: skip
_CAUGHT = re.compile(r"\[Errno (?P<errno>\d+)\] (?P<reason>[^:\n]*)(?:: (?P<path>'[^\n]*'|\"[^\n]*\"))?\s*$")
_NATIVE = ("safetensors", "safetensors_rust", "cv2", "onnxruntime")  # exceptions that are no RuntimeError


def explain(error: Exception, arguments: Sequence[str] = ()) -> HandposeError | None:
    """Put an exception as an error that the user can act upon.

    Args:
        error: what ended the command.
        arguments: those of the command, to name the option that a path was given by.

    Returns:
        Path or part, reason and next step; None for what is a fault in the code, which keeps its traceback.
    """
    for one in _wrapped(error):
        if (own := _own(one)) is not None:
            return own
    for one in _wrapped(error):
        found = _of_system(one, arguments) if isinstance(one, OSError) else None
        found = _of_encoding(one, arguments) if isinstance(one, UnicodeDecodeError) else found
        if (found := found or _of_library(one)) is not None:
            return found
    return _of_text(error)


def _wrapped(error: BaseException) -> Iterator[BaseException]:
    """Yield the error, and those that libraries wrapped into a ValueError or RuntimeError of their own."""
    yield error
    while isinstance(error, ValueError | RuntimeError) and error.__cause__ is not None:
        error = error.__cause__
        yield error


def _own(error: BaseException) -> HandposeError | None:
    """Return a HandposeError, also one of which another process left the printed traceback alone.

    torch rebuilds what a loader's worker raised from its text; one with several arguments becomes a RuntimeError.
    ``torch.multiprocessing.spawn`` raises a ProcessRaisedException with the whole text.
    """
    if isinstance(error, HandposeError):
        return error
    text = str(error)
    if not (text.startswith("Caught ") or _is_a(error, "torch", "ProcessRaisedException")):
        return None
    raised = [f"{kind.__module__}.{kind.__qualname__}: " for kind in _kinds(HandposeError)]
    last = max(raised, key=text.rfind)
    return HandposeError(text.rpartition(last)[2].strip()) if last in text else None


def _kinds(kind: type[HandposeError]) -> Iterator[type[HandposeError]]:
    yield kind
    for further in kind.__subclasses__():
        yield from _kinds(further)


def _of_system(error: OSError, arguments: Sequence[str]) -> HandposeError | None:
    """Explain an OSError that says which path or resource failed; others are faults in the code."""
    if isinstance(error, urllib.error.URLError | ConnectionError | socket.gaierror):
        return None if isinstance(error, BrokenPipeError) else _network(error)
    number, reason, path = error.errno, error.strerror or "", _name(error.filename)
    if number is None and (caught := _CAUGHT.search(str(error))):  # in a loader's worker
        number, reason, path = int(caught["errno"]), caught["reason"], (caught["path"] or "")[1:-1]
    if number in _RESOURCES:
        where = _with_option(path, arguments) if path else "a file or standard output"
        return HandposeError(where, reason, *_RESOURCES[number])
    if number is None or not path or (number == errno.ENOENT and _is_installed(Path(path))):
        return None
    if number in (errno.EACCES, errno.EPERM):
        expected, fix = _permission(Path(path))
    elif number in (errno.ENOTDIR, errno.EEXIST) and (above := _no_folder_above(Path(path))):
        reason, expected, fix = f"{reason}: {above} is no folder", "a folder there", "Give another path."
    elif number in _PATHS:
        expected, fix = _PATHS[number]
    else:
        return None
    return HandposeError(_with_option(path, arguments), reason, expected, fix)


def _network(error: OSError) -> HandposeError:
    where = getattr(error, "url", None) or "network"
    return HandposeError(str(where), str(error), "a server that answers", "Check the connection and try again.")


def _name(filename: object) -> str:
    """Return the path that an OSError names; descriptors are no paths."""
    return os.fsdecode(filename) if isinstance(filename, str | bytes | os.PathLike) else ""


def _permission(path: Path) -> tuple[str, str]:
    """Return what was expected where access was denied, and the next step."""
    if path.is_file() and not os.access(path, os.R_OK):
        return "a file that can be read", "Change its permissions, or give another."
    if path.is_file() and not os.access(path, os.W_OK):
        return "a file that can be written to", "Change its permissions, or give another."
    if path.is_dir() and not os.access(path, os.R_OK | os.X_OK):
        return "a folder that can be read", "Change its permissions, or give another."
    return "a folder that can be written to", "Give another folder, or change its permissions."


def _no_folder_above(path: Path) -> Path | None:
    """Return the file, device or broken link that stands where the path needs a folder."""
    return next((p for p in (path, *path.parents) if os.path.lexists(p) and not os.path.isdir(p)), None)  # noqa: PTH112


def _is_installed(path: Path) -> bool:
    """Whether the path lies in an installed package: that it is missing is no fault of the user's."""
    packages = [module for name, module in list(sys.modules.items()) if re.fullmatch(r"handpose_[a-z0-9]+", name)]
    folders = [Path(folder) for module in packages for folder in getattr(module, "__path__", ())]
    return any(map(path.is_relative_to, [*folders, Path(sysconfig.get_path("purelib"))]))


def _with_option(path: str, arguments: Sequence[str]) -> str:
    """Return the path, after the option that gave it or a folder above it."""
    failed = Path(path).absolute()
    named, longest = path, 0
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=False):
        name, equals, value = argument.partition("=")
        value = value if equals else following
        if not name.startswith("--") or not value:
            continue
        given = Path(value).absolute()
        if failed.is_relative_to(given) and len(given.parts) > longest:
            longest = len(given.parts)
            named = f"{name} {value}" if given == failed else f"{name} {value}, {path}"
    return named


def _of_encoding(error: UnicodeDecodeError, arguments: Sequence[str]) -> HandposeError | None:
    """Name the file among the arguments whose text is not UTF-8; text from elsewhere is a fault in the code."""
    given = (Path(argument.partition("=")[2] if argument.startswith("--") else argument) for argument in arguments)
    for path in given:
        if path.is_file() and error.object in path.read_bytes():
            byte = f"byte 0x{error.object[error.start]:02x} at position {error.start}"
            return HandposeError(str(path), byte, "text in UTF-8", "Save it as UTF-8.")
    return None


def _of_library(error: BaseException) -> HandposeError | None:
    """Explain an exception whose class says that a library, the network or the memory refused."""
    if isinstance(error, MemoryError):
        return HandposeError("memory", str(error) or "no more of it", "enough of it", _FEWER)
    for kind in type(error).__mro__:  # the class itself before those that it derives from
        key = (kind.__module__.partition(".")[0], kind.__name__)
        if key in _LIBRARIES:
            where, expected, fix = _LIBRARIES[key]
            return HandposeError(where, _first_line(error), expected, fix)
    return None


def _is_a(error: BaseException, package: str, name: str) -> bool:
    return any(kind.__name__ == name and kind.__module__.startswith(package) for kind in type(error).__mro__)


def _of_text(error: Exception) -> HandposeError | None:
    """Explain an exception of native code, whose class says nothing, by its text and those of its causes."""
    if not isinstance(error, RuntimeError | OSError) and type(error).__module__.partition(".")[0] not in _NATIVE:
        return None
    chain = [str(one) for one in _wrapped(error)]
    for pattern, where, expected, fix in _TEXTS:
        for text in chain:
            if found := re.search(pattern, text):
                line = text[: found.end()].splitlines()[-1] + text[found.end() :].partition("\n")[0]
                return HandposeError(where, line.strip().rstrip("."), expected, fix)
    return None


def _first_line(error: BaseException) -> str:
    """Return the first line of an exception's text, or its class where it has none."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(".") if lines else type(error).__name__

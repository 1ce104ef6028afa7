"""Files and folders that appear whole or not at all, and folders that exactly one process makes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain, count
from pathlib import Path


@contextmanager
def staged(path: Path, suffix: str = "") -> Iterator[Path]:
    """Stage a file beside its target, then sync and rename it; on an error the target stays as it was.

    The temporary file lies in the target's folder, so that the rename never crosses file systems and a small ``/tmp``
    does not matter. A device or pipe (``/dev/null``, ``/dev/stdout``) is written to as it is, never replaced.

    Args:
        path: the target; its folder is made as needed.
        suffix: the temporary name's last suffix, for writers that choose a format by it; default: ``.tmp``.

    Yields:
        The path to write to.

    Raises:
        OSError: the file cannot be written, synced or renamed; it names the target, and the temporary file is removed.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        with _named(path):
            yield path
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp{suffix}")
    try:
        with _named(path, temporary):
            temporary.touch()  # a folder that cannot be written to is told of here: OpenCV and fsspec do not
            temporary.unlink()
            yield temporary
            _sync(temporary)
            temporary.replace(path)
    except BaseException:
        with suppress(OSError):  # on a read-only disk removing fails, too, and the first error is the one to tell
            temporary.unlink(missing_ok=True)
        raise
    if os.name == "posix":  # the rename itself survives a power cut; Windows cannot open folders
        _sync(path.parent)


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Write a file whole or not at all (`staged`).

    Args:
        path: the file; its folder is made as needed.
        content: what it shall hold.

    Raises:
        OSError: it cannot be written; an earlier file of that name stays as it was.
    """
    with staged(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """Write a UTF-8 text file whole or not at all (`staged`); line ends stay as they are in ``content``.

    Args:
        path: the file; its folder is made as needed.
        content: what it shall hold.

    Raises:
        OSError: it cannot be written; an earlier file of that name stays as it was.
    """
    write_bytes(path, content.encode(errors="backslashreplace"))  # names of files need not be text


def claim_folder(folder: Path) -> Path:
    """Make the folder, or the first of ``FOLDER_2``, ``FOLDER_3``, ... that does not exist.

    ``mkdir`` itself decides: of several processes that ask at the same moment each gets a folder of its own.

    Args:
        folder: the wanted folder; its parents are made as needed.

    Returns:
        The folder that was made.

    Raises:
        OSError: none can be made there.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    numbered = (folder.with_name(f"{folder.name}_{number}") for number in count(2))
    for candidate in chain([folder], numbered):
        try:
            candidate.mkdir()
        except FileExistsError:
            continue
        return candidate
    raise AssertionError  # unreachable: the numbers do not end


@contextmanager
def _named(path: Path, temporary: Path | None = None) -> Iterator[None]:
    """Have an OSError name the target: that of a full disk names no file, others name the temporary one."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and (error.filename is None or str(error.filename) == str(temporary)):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def _sync(path: Path) -> None:
    """Flush a file's or folder's content to the disk."""
    descriptor = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

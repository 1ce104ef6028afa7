"""Outputs that never replace a user's file."""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import TextIO

from filelock import FileLock, Timeout

from handpose_core.errors import HandposeError
from handpose_core.io.atomic import staged, write_text
from handpose_core.io.checksums import file_checksum
from handpose_core.io.image_files import visible_names

_OWN_FOLDER = ".handpose"
_MANIFEST = "outputs.jsonl"
_LOCK = "lock"
_NAMED = 5


def check_new_file(path: Path, inputs: Iterable[Path] = (), overwrite: bool = False, option: str = "") -> None:
    """Refuse to write a single file over one that is there; call it before any work.

    The rule for commands that write one file: a file that exists is refused unless ``--overwrite`` is given, and an
    input of the same command is refused even then, under whatever name (symbolic and hard links, relative paths,
    another case on file systems that ignore it).

    Args:
        path: the file to write.
        inputs: the files that the command reads; those that do not exist are left out.
        overwrite: whether the user gave ``--overwrite``.
        option: the option or argument that named the file, for the message.

    Raises:
        HandposeError: the file is an input, is a folder, or exists without ``overwrite``; or a file stands where one of
            its folders should be.
    """
    where = f"{option} {path}".strip()
    if not os.path.lexists(path):
        check_folder_path(path.parent, where)
        return
    if path.is_dir():
        raise HandposeError(where, "a folder", "the name of a file to write", f"Name a file in it: {path / 'NAME'}")
    if (own := _identity(path)) is not None and own in map(_identity, inputs):
        raise HandposeError(where, "an input of this command", "another file to write", "Name another file.")
    if not overwrite:
        raise HandposeError(
            where, "a file that exists", "a new file", "Name another file, remove this one, or give --overwrite."
        )


def check_folder_path(folder: Path, where: str) -> None:
    """Refuse a folder that cannot be made because a file stands in its place or in that of one of its parents.

    Args:
        folder: the folder to be made, or one that exists.
        where: the option and its value, for the message.

    Raises:
        HandposeError: a file stands there.
    """
    for part in (folder, *folder.parents):
        if os.path.lexists(part):
            if not part.is_dir():
                raise HandposeError(where, f"a file at {part}", "a folder, or nothing yet", "Give another folder.")
            return


def check_own_folder(folder: Path, manifest: str, fix: str, option: str = "") -> None:
    """Refuse a folder with files in it that is not one of ours; call it before any work.

    Args:
        folder: the folder to make or to go on with.
        manifest: name of the file that one of ours has.
        fix: what to do otherwise, for the message.
        option: the option or argument that named the folder, for the message.

    Raises:
        HandposeError: the folder holds visible files but no manifest, or a file stands in its place.
    """
    where = f"{option} {folder}".strip()
    check_folder_path(folder, where)
    if visible_names(folder) and not (folder / manifest).is_file():
        raise HandposeError(
            where, "a folder with other files in it", f"an empty or new folder, or one with a {manifest}", fix
        )


@dataclass(frozen=True)
class _Written:
    """A file as it was written.

    Args:
        path: relative to the folder of outputs, with slashes.
        size: bytes.
        mtime_ns: time of the last change, ns.
        sha256: checksum of the content.
        command: the command that wrote it.
    """

    path: str
    size: int
    mtime_ns: int
    sha256: str
    command: str

    def is_unchanged(self, folder: Path) -> bool:
        """Whether the file is still as it was written; a copy with another time counts by its content."""
        path = folder / self.path
        if path.is_symlink() or not path.is_file():
            return False
        now = path.stat()
        if now.st_size != self.size:
            return False
        return now.st_mtime_ns == self.mtime_ns or file_checksum(path) == self.sha256


class OutputFolder:
    """A folder that one run of a command writes to, and in which nothing is replaced that this command did not write.

    A hidden folder ``.handpose`` in it keeps a list of the files written, with their sizes, times and checksums, and a
    lock. A later run removes the files of that list which are unchanged, when its first file is written; all others
    stay.

    Args:
        folder: the folder; it is made as needed.
        option: the option that named it, for messages.
        command: the command, for the list of files.
        inputs: the files and folders that the command reads.

    Attributes:
        notes: which files of an earlier run were removed, or left because they were changed since.
    """

    def __init__(self, folder: Path, option: str, command: str, inputs: Iterable[Path]) -> None:
        self.folder, self._where, self._command = folder, f"{option} {folder}", command
        self._inputs = {key for path in inputs if (key := _identity(path)) is not None}
        self._own = folder / _OWN_FOLDER
        self._lock = FileLock(self._own / _LOCK)
        self._made: list[Path] = []
        self._earlier: dict[str, _Written] = {}
        self._written: set[str] = set()
        self._list: TextIO | None = None
        self.notes: list[str] = []

    def __enter__(self) -> "OutputFolder":
        """Make the folder and lock it.

        Raises:
            HandposeError: a file stands in its place, or another run is at work in it.
            OSError: it cannot be made.
        """
        check_folder_path(self.folder, self._where)
        self._made = [path for path in (self._own, self.folder, *self.folder.parents) if not path.exists()]
        self._own.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            raise HandposeError(
                self._where,
                "another run that writes to it at this moment",
                "one run at a time",
                "Wait for it to end, or give another folder.",
            ) from None
        self._earlier = {one.path: one for one in self._read_list()}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Unlock the folder; where nothing was written, remove what was made for it."""
        if self._list is not None:
            self._list.close()
        self._lock.release()
        if self._made and not self._written:
            for name in (_MANIFEST, _LOCK):
                (self._own / name).unlink(missing_ok=True)
            with suppress(OSError):  # not empty: something else was put there in the meantime
                for path in self._made:
                    path.rmdir()

    @property
    def working(self) -> Path:
        """The hidden folder, for temporary files on the same file system."""
        return self._own

    def check(self, planned: Iterable[str]) -> None:
        """Refuse, before any work, to write over files that no run of a command of this suite wrote.

        Args:
            planned: the files to be written, relative to the folder, with slashes.

        Raises:
            HandposeError: one of them is an input, exists and is not in the list, was changed since, or is planned
                twice; or an input would be removed as an output of an earlier run.
        """
        foreign, seen = [], set()
        for name in planned:
            path = self.folder / name
            if name in seen:
                raise HandposeError(self._where, f"two outputs named {name}", "different names", "Rename an input.")
            seen.add(name)
            check_folder_path(path.parent, self._where)
            if path.parent != self.folder and _identity(path.parent) in self._inputs:
                raise self._input_refused(path.parent)
            if os.path.lexists(path):
                if _identity(path) in self._inputs:
                    raise self._input_refused(path)
                if name not in self._earlier or not self._earlier[name].is_unchanged(self.folder):
                    foreign.append(name)
        if foreign:
            raise self._foreign_refused(foreign)
        for name in self._earlier:
            if _identity(self.folder / name) in self._inputs:
                raise self._input_refused(self.folder / name)

    @contextmanager
    def new(self, name: str, suffix: str = "") -> Iterator[Path]:
        """Stage a file that appears whole or not at all (`staged`), and put it on the list.

        Before the first one the unchanged files of an earlier run are removed.

        Args:
            name: relative to the folder, with slashes.
            suffix: the temporary name's last suffix.

        Yields:
            The path to write to.

        Raises:
            HandposeError: a file of that name appeared since `check`.
            OSError: the file cannot be written.
        """
        if self._list is None:
            self._clear()
            self._list = (self._own / _MANIFEST).open("a", encoding="utf-8")
        path = self.folder / name
        if os.path.lexists(path) and name not in self._written:
            raise self._foreign_refused([name])
        with staged(path, suffix) as temporary:
            yield temporary
            self._put_on_list(name, temporary)

    def _clear(self) -> None:
        """Remove the unchanged files of an earlier run, and begin the list anew."""
        unchanged = [name for name, one in self._earlier.items() if one.is_unchanged(self.folder)]
        left = [name for name in self._earlier if name not in unchanged and (self.folder / name).exists()]
        for name in unchanged:
            (self.folder / name).unlink()
        write_text(self._own / _MANIFEST, "")
        self._earlier = {}
        if unchanged:
            self.notes.append(f"{self._where}: removed {_counted(unchanged)} of an earlier run")
        if left:
            self.notes.append(f"{self._where}: left {_counted(left)} of an earlier run, changed since")

    def _put_on_list(self, name: str, temporary: Path) -> None:
        """Put a file on the list before it has its name, so that a run that is killed leaves none that is not on it."""
        stat = temporary.stat()
        written = _Written(name, stat.st_size, stat.st_mtime_ns, file_checksum(temporary), self._command)
        assert self._list is not None
        self._list.write(json.dumps(asdict(written)) + "\n")
        self._list.flush()
        self._written.add(name)

    def _read_list(self) -> Iterator[_Written]:
        path = self._own / _MANIFEST
        text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        for line in text.splitlines():
            with suppress(ValueError, TypeError):  # cut off by a crash: its file then counts as somebody's own
                one = _Written(**json.loads(line))
                if not (Path(one.path).is_absolute() or ".." in Path(one.path).parts):
                    yield one

    def _input_refused(self, path: Path) -> HandposeError:
        return HandposeError(
            self._where,
            f"{path}, an input of this command, where an output would be",
            "another folder",
            "Give another folder.",
        )

    def _foreign_refused(self, names: list[str]) -> HandposeError:
        return HandposeError(
            self._where,
            f"{_counted(names)} that no earlier run wrote, or that were changed since",
            "nothing that would be replaced",
            "Give another folder, or move these files away.",
        )


def _counted(names: list[str]) -> str:
    more = ", ..." if len(names) > _NAMED else ""
    return f"{len(names)} file{'s' if len(names) > 1 else ''} ({', '.join(names[:_NAMED])}{more})"


def _identity(path: Path) -> tuple[int, int] | None:
    """The device and number of a file or folder, the same under all of its names; None where there is none."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino

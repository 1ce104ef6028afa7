"""Outputs that never replace a user's file."""

import os
from collections.abc import Iterable
from pathlib import Path

from handpose_core.errors import HandposeError


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
    if any(_is_same(path, given) for given in inputs):
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


def _is_same(path: Path, other: Path) -> bool:
    """Whether two names lead to one file."""
    try:
        return path.samefile(other)
    except OSError:
        return False

"""Which samples of a dataset are read: choices by name, what is missing, what is left out on purpose."""

import multiprocessing
import os
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Literal, get_args

from handpose_core.errors import HandposeError
from handpose_core.io.image_files import shown_name, visible_names

Missing = Literal["error", "skip"]
MISSING: tuple[Missing, ...] = get_args(Missing)
_NAMED = 10


def check_choice(dataset: str, name: str, value: object, choices: Sequence[object]) -> None:
    """See that an option has one of its values.

    Raises:
        HandposeError: it has another.
    """
    if value not in choices:
        raise HandposeError(
            f"{dataset}, {name}", repr(value), f"one of {', '.join(map(str, choices))}", "Choose one of these."
        )


def wrong_root(root: Path, layout: str, fix: str) -> HandposeError:
    """What to say of a root folder that does not hold the dataset."""
    if root.is_dir():
        names = sorted(map(shown_name, visible_names(root)))
        found = f"a folder with {', '.join(names[:5]) or 'nothing'}{' ...' if len(names) > 5 else ''}"
    else:
        found = "no such folder"
    return HandposeError(str(root), found, layout, fix)


@dataclass(frozen=True)
class Selection:
    """What is read of the samples that a dataset lists.

    Attributes:
        kept: Positions in the list.
        missing: Names of samples that were left out because a file of theirs is missing.
        excluded: How many were left out on purpose.
    """

    kept: tuple[int, ...]
    missing: tuple[str, ...]
    excluded: int

    def describe(self) -> dict[str, str]:
        """The selection as recorded with results."""
        return {
            "frames": str(len(self.kept)),
            "missing_frames": str(len(self.missing)),
            "excluded_frames": str(self.excluded),
        }


def select(
    where: str, names: Sequence[str], absent: Mapping[int, Path], missing: Missing, exclude: Collection[str]
) -> Selection:
    """Choose the samples to read.

    Args:
        where: The dataset's name or folder, for messages.
        names: Of all samples it lists.
        absent: Position of each sample that lacks a file, and the first such file.
        missing: Whether those are an error or left out and recorded.
        exclude: Names to leave out on purpose; a name that the dataset does not list is no error, because
            the list is shared by its splits.

    Raises:
        HandposeError: a file is missing and ``missing`` is ``error``, a file is there under a name that differs in
            case, or no sample is left.
    """
    lacking = [i for i in absent if names[i] not in exclude]
    check_case(absent[i] for i in lacking)
    if lacking and missing == "error":
        raise HandposeError(
            str(absent[lacking[0]]),
            f"no such file; {len(lacking)} of {len(names)} samples lack one",
            "the files of every listed sample",
            "Complete the copy, or read the rest with missing: skip, which is recorded with the results.",
        )
    kept = tuple(i for i, name in enumerate(names) if i not in absent and name not in exclude)
    excluded = sum(name in exclude for name in names)
    if not kept:
        raise HandposeError(
            where,
            f"no sample to read: {len(names)} listed, {len(lacking)} without their files, {excluded} excluded",
            "at least one sample",
            "Complete the copy, or exclude less.",
        )
    left_out = tuple(names[i] for i in sorted(lacking))
    note_missing(where, left_out, len(names), "samples")
    return Selection(kept, left_out, excluded)


def check_case(absent: Iterable[Path]) -> None:
    """Refuse files that are there under a name that differs from the layout's in case only.

    Args:
        absent: files that were not found.

    Raises:
        HandposeError: one of them lies beside its place, such as ``00001.PNG`` for ``00001.png``.
    """
    for folder, paths in groupby(absent, lambda path: path.parent):
        present = {name.casefold(): name for name in visible_names(folder)}
        for path in paths:
            if other := present.get(path.name.casefold()):
                raise HandposeError(
                    str(folder / other), f"the name {other}", f"{path.name}, as the dataset's authors name it",
                    "Rename the files as the authors have them: upper and lower case count.",
                )  # fmt: skip


def note_missing(where: str, left_out: Sequence[str], total: int, kind: str) -> None:
    """Say once which parts of a dataset are left out because their files are missing.

    Args:
        where: The dataset's name or folder.
        left_out: Names of what is left out; nothing is said where there is none.
        total: How many the dataset lists.
        kind: Of the parts: samples, sequences, shards.
    """
    if left_out:
        named = ", ".join(map(shown_name, left_out[:_NAMED]))
        more = f" and {len(left_out) - _NAMED} more" if len(left_out) > _NAMED else ""
        note_once(f"{where}: {len(left_out)} of {total} {kind} left out, their files are missing: {named}{more}")


def note_once(text: str) -> None:
    """Print a note to the error stream: once, and in one process only.

    Loader workers and the further processes of a distributed run stay silent.

    Args:
        text: one line.
    """
    if multiprocessing.parent_process() is None and os.environ.get("LOCAL_RANK", "0") in ("", "0"):
        _print_note(text)


@cache
def _print_note(text: str) -> None:
    print(f"note: {text}", file=sys.stderr)

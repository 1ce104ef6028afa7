"""Which samples of a dataset are read: choices by name, what is missing, what is left out on purpose."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from handpose_core.datasets.rhd import Missing
from handpose_core.errors import HandposeError

MISSING: tuple[Missing, ...] = get_args(Missing)


def check_choice(dataset: str, name: str, value: object, choices: Sequence[object]) -> None:
    """See that an option has one of its values.

    Raises:
        HandposeError: it has another.
    """
    if value not in choices:
        raise HandposeError(
            f"{dataset}, {name}", repr(value), f"one of {', '.join(map(str, choices))}", "Choose one of these."
        )


def names_in(folder: Path) -> set[str]:
    """The names in a folder, none when there is no such folder; nothing is opened."""
    return {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()


def wrong_root(root: Path, layout: str, fix: str) -> HandposeError:
    """What to say of a root folder that does not hold the dataset."""
    if root.is_dir():
        names = sorted(names_in(root))
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
        HandposeError: a file is missing and ``missing`` is ``error``, or no sample is left.
    """
    lacking = [i for i in absent if names[i] not in exclude]
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
    return Selection(kept, tuple(names[i] for i in sorted(lacking)), excluded)


__all__ = ["MISSING", "Missing", "Selection", "check_choice", "names_in", "select", "wrong_root"]

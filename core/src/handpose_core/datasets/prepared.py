"""Prepared data (`handpose_core.prepare`): the samples of another dataset, cut out and stored for fast reading."""

from bisect import bisect_right
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from handpose_core.datasets.labels import without_unlabelled
from handpose_core.datasets.sample import Sample, collate
from handpose_core.errors import HandposeError
from handpose_core.prepare.manifest import Kind, PartName, read_manifest
from handpose_core.prepare.pictures import PICTURES, Columns, unpack
from handpose_core.prepare.shards import damaged, map_columns


class Prepared(Dataset[Sample]):
    """One part of prepared data.

    Samples have the keys of the original dataset's, 8-bit colours, and the ``box`` of the crop they were cut for.

    Args:
        root: The folder that ``handpose data prepare`` made.
        part: ``train``, ``val`` or ``test``.

    Attributes:
        manifest: Of the prepared data.
        kind: Whether samples are ``images``, ``clips`` or ``views``.
        rule: How the original is cropped, in words.

    Raises:
        HandposeError: no prepared data, the part is not finished, or a file of it is not as it was written.
    """

    def __init__(self, root: str | Path, part: PartName) -> None:
        self.root, self.manifest = Path(root), read_manifest(Path(root))
        if part not in self.manifest.parts:
            finished = ", ".join(self.manifest.parts) or "none"
            raise HandposeError(
                f"{self.root}, {part}",
                f"a part that is not there or not finished; finished: {finished}",
                "a finished part",
                f"Run the same `handpose data prepare` again, with {part} among its --parts.",
            )
        made = self.manifest.parts[part]
        self.part, self.kind, self.rule, self._choices = part, made.kind, made.rule, made.choices
        self.shards = made.shards
        self._ends = list(accumulate(shard.samples for shard in self.shards))
        self._columns: dict[int, Columns] = {}
        for number in range(len(self.shards)):
            self._open(number)  # what is cut off or missing is told now, not in the middle of training

    def __getstate__(self) -> dict[str, Any]:
        """Other processes map the files themselves."""
        return {**self.__dict__, "_columns": {}}

    def _open(self, number: int) -> Columns:
        if number not in self._columns:
            shard = self.shards[number]
            self._columns[number] = map_columns(self.root / self.part / shard.name, shard)
        return self._columns[number]

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def where(self, index: int) -> str:
        """The sample's name for messages: its shard and row."""
        number, row = self._place(index)
        return f"{self.root / self.part / self.shards[number].name}, row {row}"

    def _place(self, index: int) -> tuple[int, int]:
        if not 0 <= index < len(self):
            raise IndexError(index)
        number = bisect_right(self._ends, index)
        return number, index - (self._ends[number] - self.shards[number].samples)

    def __getitem__(self, index: int) -> Sample:
        """Read one sample.

        Raises:
            HandposeError: its picture does not decode.
        """
        columns, row, labels = self._row(index)
        if self.kind == "images":
            return {**labels, **self._unpacked(index, columns, row)}
        group = len(labels["box"])
        return {**labels, **collate([self._unpacked(index, columns, group * row + i) for i in range(group)])}

    def group_size(self) -> int:
        """How many pictures a sample has, which is one unless they are clips or groups of views."""
        return len(self._row(0)[2]["box"]) if self.kind != "images" and len(self) else 1

    def picture(self, index: int, position: int) -> Sample:
        """Read one picture of a clip or a group of views, with its own labels.

        Raises:
            HandposeError: it does not decode.
        """
        columns, row, labels = self._row(index)
        own = {key: value[position] for key, value in labels.items()}
        return {**own, **self._unpacked(index, columns, len(labels["box"]) * row + position)}

    def _row(self, index: int) -> tuple[Columns, int, Sample]:
        """The columns of a sample's shard, its row in them, and its labels."""
        number, row = self._place(index)
        columns = self._open(number)
        labels = {key: torch.from_numpy(np.array(column[row])) for key, column in columns.items() if _is_label(key)}
        return columns, row, without_unlabelled(labels)

    def _unpacked(self, index: int, columns: Columns, picture: int) -> Sample:
        try:
            return unpack(columns, picture)
        except (ValueError, IndexError) as error:
            raise damaged(Path(self.where(index)), str(error), "the sample as it was written") from error

    def describe(self) -> dict[str, str]:
        """The original's choices, and how it was prepared."""
        recipe = self.manifest.recipe
        cuts = f"{recipe.margin:g} x the crop, at most {recipe.image_size} px across the crop"
        return {**self._choices, "prepared": f"{cuts}, JPEG {recipe.quality}"}


class PreparedClips(Prepared):
    """A part of prepared clips."""


class PreparedViews(Prepared):
    """A part of prepared groups of views."""


class PreparedFrames(Dataset[Sample]):
    """The pictures of prepared clips or groups of views, each for itself.

    Args:
        groups: What was prepared.

    Attributes:
        rule: As `Prepared`'s.
    """

    def __init__(self, groups: PreparedClips | PreparedViews) -> None:
        self.groups, self.rule = groups, groups.rule
        self._size = groups.group_size()

    def __len__(self) -> int:
        return len(self.groups) * self._size

    def where(self, index: int) -> str:
        """The picture's name for messages."""
        return f"{self.groups.where(index // self._size)}, picture {index % self._size}"

    def __getitem__(self, index: int) -> Sample:
        """Read one picture; raises what `Prepared` raises."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self.groups.picture(*divmod(index, self._size))

    def describe(self) -> dict[str, str]:
        """The prepared groups' choices, and that they are taken apart."""
        return {**self.groups.describe(), "pictures": f"{len(self)}, each of its {self.groups.kind} for itself"}


PreparedPart = Prepared | PreparedFrames
_KINDS: dict[Kind, type[Prepared]] = {"images": Prepared, "clips": PreparedClips, "views": PreparedViews}


def open_prepared(root: Path, part: PartName, group: Kind | None = None) -> PreparedPart:
    """A part of prepared data, as the class that says whether it is of images, clips or views.

    Args:
        root: The folder that ``handpose data prepare`` made.
        part: Which part.
        group: ``images`` takes the pictures of clips or groups of views for themselves; None leaves all as prepared.

    Raises:
        HandposeError: as `Prepared`, or groups are asked for that were not prepared.
    """
    made = read_manifest(root).parts.get(part)
    opened = _KINDS[made.kind if made else "images"](root, part)
    if group in (None, opened.kind):
        return opened
    if group == "images" and isinstance(opened, PreparedClips | PreparedViews):
        return PreparedFrames(opened)
    there = "images" if opened.kind == "images" else f"{opened.kind} or images"
    raise HandposeError(
        "data, group", str(group), f"{there}, as was prepared in {root}",
        f"Ask for these, or prepare the data anew with --data.group {group}.",
    )  # fmt: skip


def _is_label(column: str) -> bool:
    name = column.removesuffix("_end").removesuffix("_at")
    return name not in PICTURES

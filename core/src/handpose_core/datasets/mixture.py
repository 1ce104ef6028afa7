"""Several datasets one after another, with the keys that all of them have."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

import torch
from torch.utils.data import Dataset

from handpose_core.datasets.detect import Source
from handpose_core.datasets.sample import Sample
from handpose_core.datasets.video import Views
from handpose_core.datasets.wrist import NO_ROOT, common_root
from handpose_core.errors import HandposeError


class Mixture(Dataset[Sample]):
    """Sources joined end to end; ``index`` counts on, and ``dataset`` says which source a sample is from.

    Args:
        sources: At least one; all of single images, or all of view groups with equally many views.

    Attributes:
        starts: Position of each source's first sample.
        keys: Those that the first sample of every source has.
        left_out: Those that only some have.

    Raises:
        HandposeError: single images and view groups together, or groups of different sizes.
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        self.sources = tuple(sources)
        sizes = {source.rows.shape[1] if isinstance(source, Views) else 1 for source in self.sources}
        if len(sizes) > 1:
            raise HandposeError(
                "mixed data",
                f"samples of {' and '.join(map(str, sorted(sizes)))} views",
                "equally many in all datasets",
                "Give all the same `group`, and choose as many cameras or views of each.",
            )
        roots = [source.describe().get("root_joint", NO_ROOT) for source in self.sources]
        self._root = common_root(roots)
        if self._root is None:
            raise HandposeError(
                "mixed data, root_joint",
                ", ".join(f"dataset {number}: {root}" for number, root in enumerate(roots)),
                "one joint 0 in all datasets",
                "Give all parts that label the palm the same wrist_rule, ring_2.0 beside data that label the wrist.",
            )
        ends = list(accumulate(len(source) for source in self.sources))
        self.starts = (0, *ends[:-1])
        self._count = ends[-1]
        found = [frozenset(source[0]) for source in self.sources]
        self.keys = frozenset.intersection(*found)
        self.left_out = tuple(sorted(frozenset.union(*found) - self.keys))

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Sample:
        """Read one sample; raises what its source raises."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        number = bisect_right(self.starts, index) - 1
        sample = self.sources[number][index - self.starts[number]]
        like = sample["image"].shape[:-3]
        return {
            **{key: value for key, value in sample.items() if key in self.keys},
            "index": torch.full(like, index),
            "dataset": torch.full(like, number),
        }

    def where(self, index: int) -> str:
        """The sample's name for messages."""
        number = bisect_right(self.starts, index) - 1
        return self.sources[number].where(index - self.starts[number])

    def describe(self) -> dict[str, str]:
        """The choices of all sources, each under its number."""
        choices = [source.describe() for source in self.sources]
        return {
            "dataset": " + ".join(own.get("dataset", "?") for own in choices),
            **{f"{number}.{key}": value for number, own in enumerate(choices) for key, value in own.items()},
            "root_joint": self._root,
            "left_out_keys": ", ".join(self.left_out) or "none",
        }


class ViewMixture(Mixture):
    """A `Mixture` of view groups."""


def mixture(sources: Sequence[Source]) -> Mixture:
    """The sources as one, of single images or of view groups as they are; raises what `Mixture` raises."""
    return (ViewMixture if any(isinstance(source, Views) for source in sources) else Mixture)(sources)

"""Several datasets one after another, with the keys of all of them."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

import torch
from torch.utils.data import Dataset

from handpose_core.datasets.detect import Source
from handpose_core.datasets.prepared import PreparedClips, PreparedViews
from handpose_core.datasets.sample import HAS, OF_IMAGE, Sample, zero_filled
from handpose_core.datasets.video import Clips, Grouping, Views
from handpose_core.datasets.wrist import NO_ROOT, common_root
from handpose_core.errors import HandposeError

#: Crops use it up one by one, so that samples need not all have it.
_BOX = "box"


class Mixture(Dataset[Sample]):
    """Sources joined end to end; ``index`` counts on, and ``dataset`` says which source a sample is from.

    Every sample has the keys of all sources. Those that its own source lacks are zeros; for every key that only some
    sources have, ``has_<key>`` says whether a sample has it (`handpose_core.datasets.sample.labelled`).

    Args:
        sources: At least one; all of single images, or of view groups or clips of one length.

    Attributes:
        grouping: Whether samples are ``images``, ``views`` or ``clips``, and of how many pictures.
        starts: Position of each source's first sample.
        keys: Those that the first sample of every source has.
        partial: Those that only some have, and which sources these are.

    Raises:
        HandposeError: Single images and groups together, groups of different sizes, different joints 0, or a key of
            different shapes, such as meshes of different rigs.
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        self.sources = tuple(sources)
        groupings = sorted({grouping_of(source) for source in self.sources})
        if len(groupings) > 1:
            raise HandposeError(
                "mixed data, group",
                " and ".join(f"{kind} of {size}" if size > 1 else kind for kind, size in groupings),
                "equally many pictures in a sample of all datasets",
                "Give all the same `group`, and choose as many cameras, views or frames of each.",
            )
        self.grouping = groupings[0]
        roots = [source.describe().get("root_joint", NO_ROOT) for source in self.sources]
        root = common_root(roots)
        if root is None:
            raise HandposeError(
                "mixed data, root_joint",
                ", ".join(f"dataset {number}: {root}" for number, root in enumerate(roots)),
                "one joint 0 in all datasets",
                "Give all parts that label the palm the same wrist_rule, ring_2.0 beside data that label the wrist.",
            )
        self._root = root
        ends = list(accumulate(len(source) for source in self.sources))
        self.starts = (0, *ends[:-1])
        self._count = ends[-1]
        found = [source[0] for source in self.sources]
        own = [{key for key in sample if not key.startswith(HAS) and key != _BOX} for sample in found]
        wanting = {key.removeprefix(HAS) for sample in found for key in sample if key.startswith(HAS)}
        self.keys = frozenset(set.intersection(*own) - wanting)
        names = sorted(set.union(*own) - self.keys)
        self.partial = {name: tuple(n for n, keys in enumerate(own) if name in keys) for name in names}
        self._like = {name: found[where[0]][name] for name, where in self.partial.items()}
        self._check_shapes(found)

    def _check_shapes(self, found: Sequence[Sample]) -> None:
        for name in sorted(self.keys | self.partial.keys() - OF_IMAGE - {"image"}):
            shapes = {tuple(sample[name].shape) for sample in found if name in sample}
            if name not in OF_IMAGE | {"image"} and len(shapes) > 1:
                raise HandposeError(
                    f"mixed data, {name}",
                    f"shapes {' and '.join(map(str, sorted(shapes)))}",
                    "one shape in all datasets that have it",
                    "Generate meshes of one rig with as many vertices, or leave them out: vertices: false.",
                )

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Sample:
        """Read one sample; raises what its source raises."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        number = bisect_right(self.starts, index) - 1
        sample = self.sources[number][index - self.starts[number]]
        like = sample["image"].shape[:-3]
        has = {f"{HAS}{name}": torch.full(like, name in sample) for name in self.partial}
        return {
            **zero_filled(sample, self._like),
            **{key: sample.get(key, value) for key, value in has.items()},
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
            "partial_keys": ", ".join(f"{name} ({_listed(where)})" for name, where in self.partial.items()) or "none",
        }


class ViewMixture(Mixture):
    """A `Mixture` of view groups."""


class ClipMixture(Mixture):
    """A `Mixture` of clips."""


_MIXTURES: dict[Grouping, type[Mixture]] = {"images": Mixture, "views": ViewMixture, "clips": ClipMixture}


def grouping_of(source: Source) -> tuple[Grouping, int]:
    """Return whether a source's samples are images, views or clips, and of how many pictures.

    Args:
        source: Of any dataset.

    Returns:
        Tuple ``(kind, pictures)``.
    """
    match source:
        case Mixture():
            return source.grouping
        case Views() | PreparedViews():
            return "views", _pictures(source)
        case Clips() | PreparedClips():
            return "clips", _pictures(source)
    return "images", 1


def _pictures(source: Views | Clips | PreparedViews | PreparedClips) -> int:
    return source.rows.shape[1] if isinstance(source, Views | Clips) else source.group_size()


def mixture(sources: Sequence[Source]) -> Mixture:
    """Return the sources as one, of single images, view groups or clips as they are; raises what `Mixture` raises."""
    return _MIXTURES[grouping_of(sources[0])[0]](sources)


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))

"""A dataset as something to leaf through: its splits, and a leaf for each sample."""

from dataclasses import dataclass
from pathlib import Path

from jaxtyping import UInt8
from numpy import ndarray

from handpose_core.datasets.detect import Source, detect, open_split
from handpose_core.errors import HandposeError
from handpose_core.viz.sample import draw_sample
from handpose_core.web.labels import Row, label_rows


@dataclass(frozen=True)
class Leaf:
    """One sample to look at.

    Attributes:
        name: Which it is.
        picture: What it shows; None where it cannot be read.
        labels: Its labels in words.
        problem: Why it cannot be read; empty where it can.
    """

    name: str
    picture: UInt8[ndarray, "H W 3"] | None
    labels: list[Row]
    problem: str = ""


class Leaves:
    """Opens a dataset's splits as they are first looked at.

    Args:
        root: The dataset's folder.

    Raises:
        HandposeError: it holds no known dataset.
    """

    def __init__(self, root: Path) -> None:
        layout = detect(root)
        self.root, self.dataset = root, str(layout.name)
        self.splits = [split.name for split in layout.splits_in(root)]
        self._sources: dict[str, Source] = {}

    def source(self, split: str | None) -> Source:
        """The reader of a split; None for the first that is there.

        Raises:
            HandposeError: no such split, or what its reader raises.
        """
        name = self.splits[0] if split is None else split
        if name not in self._sources:
            self._sources[name] = open_split(self.root, name)
        return self._sources[name]

    def leaf(self, split: str, index: int) -> Leaf:
        """Read and draw one sample, or tell why that cannot be done."""
        name = f"{split}, {index}"
        try:
            source = self.source(split)
            if not 0 <= index < len(source):
                raise HandposeError(f"{split}, index", str(index), f"0 to {len(source) - 1}", "Choose one of these.")
            name = source.where(index)
            sample = source[index]
        except HandposeError as error:
            return Leaf(name, None, [], str(error))
        return Leaf(name, draw_sample(sample), label_rows(sample))

"""Training on several datasets at once, by ratio."""

from collections.abc import Sequence

from handpose_core.datamodules.augmentation import Augmentation
from handpose_core.datamodules.base import HandDataModule, Part
from handpose_core.datamodules.cropped import SampleSource
from handpose_core.datasets.mixture import mixture
from handpose_core.datasets.world import joined
from handpose_core.errors import HandposeError


class MixedDataModule(HandDataModule):
    """Training samples of several datamodules, so many of each; validated and tested on one of them.

    An epoch has as many samples as the parts together, by the ratio: of a part that has more than its share some are
    left out, evenly spread, and those of a part that has fewer come several times. The parts give their samples
    only: batches, crops and augmentation are this module's. Keys that only some parts have are recorded; where a
    part lacks one its samples have zeros, and ``has_<key>`` is false.

    Args:
        parts: The datamodules, for example MVHM and MHP.
        ratio: How many of each, in any unit: ``[3, 1]`` is three quarters of the first.
        evaluate: Which of the parts gives validation and test, from 0.
        batch_size: Samples in a batch, in each process.
        num_workers: Loader processes; 0 loads in the training process.
        image_size: Side of the square crops, px.
        crop_scale: The crop's side over the joints' extent.
        augmentation: How to vary training samples; None leaves them as labelled.
        right_handed: Whether left hands are shown mirrored, as right ones; None does as the module asks.

    Raises:
        HandposeError: ratios that do not fit the parts, no such part, or a part with augmentation of its own.
    """

    def __init__(
        self,
        parts: list[HandDataModule],
        ratio: list[float],
        evaluate: int = 0,
        batch_size: int = 8,
        num_workers: int = 0,
        image_size: int = 256,
        crop_scale: float = 1.5,
        augmentation: Augmentation | None = None,
        right_handed: bool | None = None,
    ) -> None:
        super().__init__(
            batch_size, num_workers, image_size, crop_scale, augmentation=augmentation, right_handed=right_handed
        )
        self.parts, self.ratio, self.evaluate = tuple(parts), tuple(ratio), evaluate
        checks = (
            ("ratio", ratio, len(ratio) == len(parts) > 0 and min(ratio) > 0, f"{len(parts)} numbers above 0"),
            ("evaluate", evaluate, 0 <= evaluate < len(parts), f"a part's number, 0 to {len(parts) - 1}"),
            (
                "parts, augmentation", "one of its own", all(part.augmentation is None for part in parts),
                "augmentation of the whole mixture",
            ),
        )  # fmt: skip
        for name, found, holds, expected in checks:
            if not holds:
                raise HandposeError(f"data, {name}", str(found), expected, "Correct it.")

    def training_source(self) -> SampleSource:
        """All parts' training splits."""
        return mixture([part.training_source() for part in self.parts])

    def evaluation_source(self) -> SampleSource:
        """The evaluation split of the part that is evaluated on."""
        return self.parts[self.evaluate].evaluation_source()

    def training_and_validation(self) -> tuple[Part, Part]:
        """The mixture, and the validation samples of the part that is evaluated on."""
        pairs = [part.training_and_validation() for part in self.parts]
        sources = mixture([train[0] for train, _ in pairs])
        chosen = by_ratio([train[1] for train, _ in pairs], self.ratio)
        indices = [start + i for start, own in zip(sources.starts, chosen, strict=True) for i in own]
        return (sources, indices), pairs[self.evaluate][1]

    def world(self) -> str:
        """See `HandDataModule.world`: those of all parts."""
        return joined(part.world() for part in self.parts)

    def describe(self) -> dict[str, str]:
        """The choices that results depend on, of the stage set up last."""
        return {**super().describe(), "ratio": " : ".join(f"{share:g}" for share in self.ratio)}


def by_ratio(members: Sequence[Sequence[int]], ratio: Sequence[float]) -> list[list[int]]:
    """As many of each as the ratio asks for, and all together as many as there are members.

    Some are left out, evenly spread, where there are more, and repeated where there are fewer.

    Args:
        members: Positions to choose from.
        ratio: How many of each, in any unit.
    """
    total = sum(map(len, members))
    counts = [max(1, round(total * share / sum(ratio))) for share in ratio]
    return [_spread(own, count) for own, count in zip(members, counts, strict=True)]


def _spread(members: Sequence[int], count: int) -> list[int]:
    """So many of them, evenly spread, or over and over where there are too few."""
    if count > len(members):
        return [members[i % len(members)] for i in range(count)]
    return [members[i * len(members) // count] for i in range(count)]

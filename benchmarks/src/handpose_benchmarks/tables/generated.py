"""Makes the generated sets of Tables 2.1 to 2.3 from nothing, as chapter 2 of the thesis does.

Hands of the source world are simulated, matched to real pictures without labels and laid over them; generators are
trained on these pictures; each set is then as many labelled hands. Every step goes on where it stopped, and is left as
it is once finished. Like twins, sets are made once, with one seed: a table's seeds are those of its estimators.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import Any

from handpose_benchmarks.tables.data import SEED, Source
from handpose_benchmarks.tables.datasets import GENERATED_SETS
from handpose_benchmarks.tables.plan import Node
from handpose_benchmarks.tables.runner import Runner
from handpose_core.errors import HandposeError
from handpose_core.training.arguments import as_options
from handpose_core.training.stages import read_finished

Document = dict[str, Any]
REAL = "rhtd"
"""The dataset whose pictures are the real ones."""
GENERATORS = ("pix2pix", "cyclegan", "tagan")
"""The sets that a generator makes, whose recipe's name ends alike."""
_OF_TRAINER = "--trainer."


@dataclass(frozen=True)
class Scale:
    """How much is made.

    Attributes:
        simulated: Hands without a background.
        each: How many of them are laid over each real picture.
        size: Side of the superposed pictures, px.
    """

    simulated: int
    each: int
    size: int


SCALES: Mapping[str, Scale] = MappingProxyType(
    {"tiny": Scale(48, 1, 96), "demo": Scale(2000, 1, 128), "paper": Scale(60_000, 4, 256)}
)
"""By a twin's size; the thesis simulates 60,000 hands."""


@dataclass(frozen=True)
class Workshop:
    """Where and of what generated sets are made.

    Attributes:
        folder: Holds the sets and all that they are made of.
        real: The real pictures: FreiHAND's twin, or any folder or video with keypoints in ``labels.npz``.
        scale: A name out of `SCALES`.
        recipe: What the generators' recipes begin with.
        options: Further ones of the table's trainings; generators take the trainer's.
    """

    folder: Path
    real: Source
    scale: str
    recipe: str
    options: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """See that the scale is known."""
        if self.scale not in SCALES:
            raise HandposeError("--size", f"'{self.scale}'", f"one of {', '.join(SCALES)}", "Name one of these.")

    def of(self, name: str) -> Source:
        """A set, made or not."""
        return Source(self.folder / f"{name}-{self.scale}")

    @property
    def simulated(self) -> Path:
        """The hands without a background."""
        return self.folder / f"hands-{self.scale}"

    @property
    def superposed(self) -> Path:
        """The hands over real pictures."""
        return self.folder / f"superposed-{self.scale}"

    @property
    def pictures(self) -> Path:
        """The real pictures to learn from."""
        return self.real.root if self.real.size is None else self.real.root / "training" / "rgb"

    @property
    def held_out(self) -> Path:
        """The real pictures to compare with; of a given folder, the same."""
        return self.real.root if self.real.size is None else self.real.root / "evaluation" / "rgb"

    def generator(self, name: str) -> Node:
        """The training of a set's generator."""
        asked = as_options(self.options)
        further = [word for option in asked if option.startswith(_OF_TRAINER) for word in (option, *asked[option])]
        data = ["--data.root", str(self.pictures)]
        if name == "cyclegan":
            data += ["--data.simulated", str(self.superposed)]
        arguments = ("--config", f"{self.recipe}-{name}", *data, "--seed_everything", str(SEED), *further)
        return Node(name, name, "tagan", arguments, self.folder / f"generators-{self.scale}" / name, None)


def make_sets(names: set[str], workshop: Workshop, runner: Runner, report: Callable[[str], None]) -> None:
    """Make generated sets, as far as they are not there.

    Args:
        names: Of the sets.
        workshop: Where and of what.
        runner: Trains the generators.
        report: Takes lines of progress.

    Raises:
        HandposeError: the real pictures have no keypoints, a generator's training failed, or a folder holds something
            else.
    """
    from handpose_tagan.commands import generate, simulate, superpose

    scale = SCALES[workshop.scale]
    if not names:
        return
    simulate.main([str(workshop.simulated), "--frames", str(scale.simulated), "--seed", str(SEED)])
    if names != {"cbg"}:
        keypoints = _keypoints(workshop)
        folders = (str(workshop.pictures), str(workshop.simulated), str(workshop.superposed))
        superpose.main([*folders, "--labels", keypoints, "--each", str(scale.each), "--size", str(scale.size)])
    for name in sorted(names):
        hands = workshop.simulated if name == "cbg" else workshop.superposed
        options: list[str] = []
        if name in GENERATORS:
            report(f"{workshop.generator(name).label}: trained, gone on with or found")
            options = ["--checkpoint", str(runner.fit(workshop.generator(name), None))]
        generate.main([str(hands), str(workshop.of(name).root), "--seed", str(SEED), *options])


def judge_sets(names: set[str], workshop: Workshop) -> Document:
    """How far sets are from the held-out real pictures, and the thesis's figures 2.4, 2.6 and 2.7, made once.

    Args:
        names: Of the sets, all made.
        workshop: What they were made in.

    Returns:
        The figures, see `handpose_tagan.quality`, and the paths of the drawings by number.
    """
    from handpose_tagan.commands import compare, quality

    record, sheets = workshop.folder / f"quality-{workshop.scale}.json", workshop.folder / f"sheets-{workshop.scale}"
    folders = [str(workshop.of(name).root) for name in GENERATED_SETS if name in names]
    if not record.is_file() or len(json.loads(record.read_text())["sets"]) < len(folders):
        quality.main([str(workshop.held_out), *folders, "--out", str(record), "--overwrite"])
    drawn = {
        number: sheets / f"{name}.png"
        for number, name in (("2.4", "condition_maps"), ("2.6", "generators"), ("2.7", "tonality"))
    }
    if workshop.superposed.is_dir() and not all(path.is_file() for path in drawn.values()):
        finished = {name: read_finished(workshop.generator(name).folder) for name in GENERATORS if name in names}
        checkpoints = [
            str(workshop.generator(name).folder / done.checkpoint) for name, done in finished.items() if done
        ]
        options = ["--real", str(workshop.pictures), "--simulated", str(workshop.simulated)]
        compare.main([str(workshop.superposed), str(sheets), *options, "--checkpoints", *checkpoints])
    figures: Document = json.loads(record.read_text())
    return {**figures, "sheets": {number: str(path) for number, path in drawn.items() if path.is_file()}}


def _keypoints(workshop: Workshop) -> str:
    """The labels that tell where the hands are: a folder's own, or those of a twin, in place of a detector's.

    Of the twin's labels only the 2D joints are taken: these are all that its pictures are used with.
    """
    if workshop.real.size is None:
        return "auto"
    import numpy as np
    import torch

    from handpose_core.datasets.freihand import FreiHAND
    from handpose_core.io.atomic import write_bytes

    path = workshop.folder / f"keypoints-{workshop.scale}.npz"
    if not path.is_file():
        hands = FreiHAND(workshop.real.root, "training", versions=("gs",))
        joints = torch.stack([hands[number]["joints_2d"] for number in range(len(hands))])
        content = BytesIO()
        np.savez(content, joints_2d=joints.numpy(), annotated=np.ones(joints.shape[:2], bool))
        write_bytes(path, content.getvalue())
    return str(path.resolve())

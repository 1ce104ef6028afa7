"""A table's trainings and tests checked before the first of them, and before data are made for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from handpose_benchmarks.tables.data import Source
from handpose_benchmarks.tables.datasets import DATASETS, MVHM
from handpose_benchmarks.tables.plan import Cell, Node, nodes_of
from handpose_benchmarks.tables.runner import earlier_results, resolved
from handpose_core.datasets.world import split_worlds, world_of
from handpose_core.errors import HandposeError
from handpose_core.rig import load_rig
from handpose_core.training.experiment.preflight import Passed, Preflight, Step, check_disk
from handpose_core.training.experiment.provenance import refuse_start, start_of_file
from handpose_core.training.stages import Stage, read_finished

_RIG = "anny"
_SEED = "--seed_everything"


@dataclass
class TablePreflight:
    """Checks the cells of a plan, before their data are made and once they are.

    Attributes:
        sources: The data, by dataset.
        work: The table's folder.
        image_size: Side of the crops that are prepared, px; None where trainings cut their own.
    """

    sources: Mapping[str, Source]
    work: Path
    image_size: int | None = None
    _preflight: Preflight = field(default_factory=Preflight)
    _made_in: Path | None = None

    def check(self, cells: Sequence[Cell], further: Sequence[Node] = (), data_made: bool = True) -> None:
        """Check what is still to be trained and tested.

        Args:
            cells: Of the plan.
            further: Trainings of their own, such as generators'.
            data_made: Whether the data that the table makes are there, and so are read.

        Raises:
            HandposeError: Something that a training or test needs is missing, or weights must not start a row.
        """
        self._made_in = None if data_made else self.work / "data"
        waiting = [node for node in (*nodes_of(cells), *further) if read_finished(node.folder) is None]
        passed = [self._check(node) for node in waiting]
        check_disk(self.work, passed)
        for cell in cells:
            self._check_starts(cell)
            if earlier_results(cell.node) is None:
                arguments = _without_seed(resolved(cell.node, cell.node.test_arguments))
                stage = Stage(cell.node.method, cell.node.name, arguments)
                self._preflight.check(Step(stage, "test", made_in=self._made_in))

    def _check(self, node: Node) -> Passed:
        passed = self._preflight.check(self._step(node))
        if MVHM in self.sources and _reads(node.arguments, self.sources[MVHM]):
            _check_vertices(node, passed, self.sources[MVHM])
        self._check_crops(node, passed)
        return passed

    def _check_crops(self, node: Node, passed: Passed) -> None:
        """Refuse trainings that ask for larger crops than are prepared."""
        if self.image_size is None or not any(_reads(node.arguments, source) for source in self.sources.values()):
            return
        for option, asked in passed.image_sizes.items():
            if asked > self.image_size:
                raise HandposeError(
                    f"{node.label}, --{option}", f"{asked} px", f"{self.image_size} px at most, as crops are prepared",
                    "Give the table's `values` its recipe's `image_size`.",
                )  # fmt: skip

    def _step(self, node: Node) -> Step:
        """Return a node's training as a step; nodes that differ in their seeds alone are one."""
        stage = Stage(node.method, node.name, _without_seed(resolved(node, node.arguments)))
        parent = node.parent
        if parent is None:
            return Step(stage, made_in=self._made_in)
        if (done := read_finished(parent.folder)) is not None:
            return Step(stage, init_from=parent.folder / done.checkpoint, made_in=self._made_in)
        return Step(stage, after=self._step(parent), made_in=self._made_in)

    def _check_starts(self, cell: Cell) -> None:
        """Refuse weights that have seen the world on whose twin the row is tested, and the shipped estimator's."""
        tested = _world(cell.dataset, self.sources[cell.dataset])
        for node in cell.node.chain():
            done = read_finished(node.folder)
            if done is None:
                for start in self._preflight.check(self._step(node)).starts:
                    refuse_start(start, tested)
            elif (start := start_of_file(node.folder / done.checkpoint, f"{node.label},")).shipped:
                refuse_start(start, tested)


def _check_vertices(node: Node, passed: Passed, source: Source) -> None:
    """Refuse hands that are yet to be made with other meshes than the network's."""
    made = source.vertices or len(load_rig(_RIG).vertices)
    for need in passed.needs["train"]:
        if source.size is not None and need.keys == ("vertices",) and need.rows not in (None, made):
            raise HandposeError(
                f"{node.label}: vertices of {source.root}", f"{made:,}", f"{need.rows:,}, as {need.reader} has",
                "Give the table's `values` as many `vertices` as its recipe has.",
            )  # fmt: skip


def _reads(arguments: Sequence[str], source: Source) -> bool:
    place = source.prepared or source.root
    return any(str(place) in word for word in arguments)


def _world(dataset: str, source: Source) -> str | None:
    """Return the world that a row is tested on; None for real data."""
    if source.size is not None:
        return DATASETS[dataset].world
    return next(iter(sorted(split_worlds(world_of(source.root)), reverse=True)), None)


def _without_seed(arguments: Sequence[str]) -> tuple[str, ...]:
    """Return arguments with one seed for all, so that nodes of several seeds are checked once."""
    return tuple("0" if before == _SEED else word for before, word in zip(("", *arguments), arguments, strict=False))

"""From a table to its trainings: a tree, in which rows share the stages that they have in common."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from handpose_benchmarks.tables.data import Source, mixed_options
from handpose_benchmarks.tables.datasets import DATASETS
from handpose_benchmarks.tables.spec import RowSpec, StageSpec, TableSpec, unprepared
from handpose_core.errors import HandposeError
from handpose_core.training.arguments import is_option


@dataclass(frozen=True)
class Elsewhere:
    """A test on another dataset than the one trained on.

    Attributes:
        dataset: Its name, also the folder's, in the training's, where the test is written.
        arguments: Options of ``test``, but for folders and checkpoints.
    """

    dataset: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Node:
    """One training, done once, however many rows go through it.

    Attributes:
        name: The stages from the first to this one, joined by ``+``: also its folder's name.
        stage: The stage's own name.
        method: The method's name on the command line.
        arguments: Options of ``fit`` and ``test``, but for folders and checkpoints.
        folder: Where it lives.
        parent: The training it starts from.
        elsewhere: What it is tested on, if that is another dataset.
    """

    name: str
    stage: str
    method: str
    arguments: tuple[str, ...]
    folder: Path
    parent: "Node | None"
    elsewhere: Elsewhere | None = None

    @property
    def test_folder(self) -> Path:
        """Where the test is written, in a folder ``test``."""
        return self.folder / self.elsewhere.dataset if self.elsewhere else self.folder

    @property
    def test_arguments(self) -> tuple[str, ...]:
        """Options of ``test``, but for folders and checkpoints."""
        return self.elsewhere.arguments if self.elsewhere else self.arguments

    @property
    def trivial_folder(self) -> Path:
        """Where the trivial rows of the test are written, for all seeds; they need no training."""
        folder = self.folder.parent.parent / "trivial" / self.name
        return folder / self.elsewhere.dataset if self.elsewhere else folder

    def chain(self) -> tuple["Node", ...]:
        """From the first stage to this one."""
        return (*(self.parent.chain() if self.parent else ()), self)

    @property
    def label(self) -> str:
        """Dataset, seed and stages, as progress lines name it."""
        return "/".join(self.folder.parts[-3:])


@dataclass(frozen=True)
class Cell:
    """A row on a dataset with a seed, and the training whose test gives its figures."""

    row: RowSpec
    dataset: str
    seed: int
    node: Node


@dataclass(frozen=True)
class Setting:
    """What the trainings of a table are made with.

    Attributes:
        recipe: ``demo``, ``paper``, or another that the method's recipes begin with.
        work: The table's folder.
        sources: The data, by dataset.
        options: Further options of every training.
    """

    recipe: str
    work: Path
    sources: Mapping[str, Source]
    options: tuple[str, ...] = ()


def plan(spec: TableSpec, setting: Setting, datasets: Sequence[str], seeds: Sequence[int]) -> list[Cell]:
    """The cells of a table, seed by seed, so that the first seed's table is there first.

    Raises:
        HandposeError: a stage needs the folder of a dataset that is not given.
    """
    nodes: dict[tuple[str, Node | None, tuple[str, ...]], Node] = {}
    return [
        Cell(row, dataset, seed, _last_node(spec, setting, row, dataset, seed, nodes))
        for seed in seeds
        for dataset in datasets
        for row in spec.rows_on(dataset)
    ]


def nodes_of(cells: Sequence[Cell]) -> Iterator[Node]:
    """Every training that the cells need, once, parents first."""
    yield from dict.fromkeys(node for cell in cells for node in cell.node.chain())


def _last_node(
    spec: TableSpec,
    setting: Setting,
    row: RowSpec,
    dataset: str,
    seed: int,
    nodes: dict[tuple[str, Node | None, tuple[str, ...]], Node],
) -> Node:
    """The end of a row's chain; a node that is there already, with the same parent and arguments, is taken."""
    node: Node | None = None
    last = spec.stages[row.stages[-1]].trained_on(dataset)
    for number, name in enumerate(row.stages, 1):
        arguments = _arguments(spec, setting, name, dataset, seed)
        joined = f"{node.name}+{name}" if node else name
        folder = setting.work / last / f"seed{seed}" / joined  # of a table that shares them, what is tested elsewhere
        method = spec.stages[name].method or spec.method
        elsewhere = None
        if number == len(row.stages) and last != dataset:
            data = setting.sources[dataset].options(DATASETS[dataset].datamodule)
            elsewhere = Elsewhere(dataset, tested_on(arguments, data, setting.options))
        new = Node(joined, name, method, arguments, folder, node, elsewhere)
        node = nodes.setdefault((method, node, (*arguments, *new.test_arguments)), new)
    assert node is not None  # the table sees to it that every row has a stage
    return node


def tested_on(arguments: Sequence[str], data: Sequence[str], options: Sequence[str]) -> tuple[str, ...]:
    """The options of a training with others in place of those of its data.

    Args:
        arguments: Of the training.
        data: What is read instead.
        options: Those of every training, which its arguments end in.
    """
    own, kept, others = arguments[: len(arguments) - len(options)], True, []
    for word in own:
        kept = not word.startswith("--data") if is_option(word) else kept
        others += [word] if kept else []
    return (*others, *data, *options)


def _arguments(spec: TableSpec, setting: Setting, stage: str, dataset: str, seed: int) -> tuple[str, ...]:
    """The options of one training, placeholders filled in; the table's come after the data's, the user's last."""
    chosen = spec.stages[stage]
    trained_on = chosen.trained_on(dataset)
    if trained_on not in setting.sources:
        raise _not_given(f"{stage} on {dataset}", trained_on)
    source = setting.sources[trained_on]
    values = {name: str(where.prepared or where.root) for name, where in setting.sources.items()} | dict(
        spec.values.get(setting.recipe, {})
    )
    values |= {unprepared(name): str(where.root) for name, where in setting.sources.items()}
    values |= {"recipe": setting.recipe, "root": str(source.prepared or source.root)}
    config, recipe, *further = _fill(chosen.command(dataset), values, f"{stage} on {dataset}")
    data = _data_options(setting, chosen, trained_on, f"{stage} on {dataset}")
    return (config, recipe, *data, "--seed_everything", str(seed), *further, *setting.options)


def _data_options(setting: Setting, stage: StageSpec, trained_on: str, where: str) -> tuple[str, ...]:
    """What a stage reads: one dataset, or it and others."""
    if not stage.mixed_with:
        return setting.sources[trained_on].options(DATASETS[trained_on].datamodule)
    names = (trained_on, *stage.mixed_with)
    for name in names:
        if name not in setting.sources:
            raise _not_given(where, name)
    parts = [(setting.sources[name], DATASETS[name].datamodule) for name in names]
    return mixed_options(parts, (1, *stage.mixed_with.values()))


def _fill(texts: Sequence[str], values: Mapping[str, str], where: str) -> list[str]:
    try:
        return [Template(text).substitute(values) for text in texts]
    except KeyError as error:
        raise _not_given(where, str(error.args[0])) from error


def _not_given(stage: str, name: str) -> HandposeError:
    if name in DATASETS:
        return HandposeError(f"stage {stage}", f"no {name} data", "its folder", f"Give one: --data {name}=PATH,...")
    return HandposeError(f"stage {stage}", f"no value for ${{{name}}} with this recipe", "one", "Take another recipe.")

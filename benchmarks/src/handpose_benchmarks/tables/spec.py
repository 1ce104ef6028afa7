"""What a table of the thesis consists of, as data: the tables themselves lie in `handpose_benchmarks.tables.thesis`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from string import Template

from handpose_benchmarks.tables.datasets import DATASETS
from handpose_benchmarks.tables.measures import MEASURES
from handpose_core.errors import HandposeError

Printed = Mapping[str, float]
"""Figures of the thesis by measure."""
OWN_PLACEHOLDERS = ("recipe", "root")


def unprepared(dataset: str) -> str:
    """The placeholder of a dataset's own folder, whether it was prepared or not."""
    return f"{dataset}_root"


@dataclass(frozen=True)
class StageSpec:
    """One training of a method, a step of a row.

    ``${recipe}`` in the recipe's name and in arguments stands for the table's recipe, ``${root}`` for the folder of the
    dataset trained on, ``${rhd}`` and the like for that of a certain one; `TableSpec.values` has others.

    Attributes:
        recipe: Of the method's packaged ones, such as ``${recipe}-1-regression``.
        arguments: Further options of ``handpose METHOD fit`` and ``test``.
        for_dataset: Options for one target dataset only, after the others.
        on: The dataset to train on instead of the target, by target. A row's last stage is tested on the target in any
            case; one that is trained on another dataset must follow stages on the same.
        mixed_with: Datasets that are trained on beside it, and how many of their samples for one of its own; validated
            and tested is on its own alone.
        method: Whose recipe it is, by its name on the command line; None for the table's method.
    """

    recipe: str
    arguments: tuple[str, ...] = ()
    for_dataset: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    on: Mapping[str, str] = field(default_factory=dict)
    mixed_with: Mapping[str, float] = field(default_factory=dict)
    method: str | None = None

    def trained_on(self, dataset: str) -> str:
        """The dataset that it trains on, for a target."""
        return self.on.get(dataset, dataset)

    def command(self, dataset: str) -> tuple[str, ...]:
        """Its options for a dataset, placeholders and all."""
        return ("--config", self.recipe, *self.arguments, *self.for_dataset.get(dataset, ()))

    def placeholders(self, dataset: str) -> set[str]:
        """The names in its options for a dataset."""
        return {name for text in self.command(dataset) for name in Template(text).get_identifiers()}


@dataclass(frozen=True)
class RowSpec:
    """One row, for every dataset.

    Attributes:
        name: As the thesis prints it, or what it is called here.
        stages: Names of the table's stages, one after the other; each starts from the one before. The last is tested.
        printed: The thesis's figures by dataset; a dataset that is missing here does not have the row.
        names: Where the thesis prints another name for a dataset.
        optional: Whether it is run only by its number: it is none of the thesis's.
    """

    name: str
    stages: tuple[str, ...]
    printed: Mapping[str, Printed]
    names: Mapping[str, str] = field(default_factory=dict)
    optional: bool = False

    def name_on(self, dataset: str) -> str:
        """The row's name in a dataset's block."""
        return self.names.get(dataset, self.name)


@dataclass(frozen=True)
class Quoted:
    """A published figure that cannot be run again: shown as quoted.

    Attributes:
        name: Whose.
        dataset: On what.
        printed: The figures.
        source: Where they were published.
    """

    name: str
    dataset: str
    printed: Printed
    source: str


@dataclass(frozen=True)
class Protocol:
    """Which of a test's scores the table takes: those of the thesis, and further alignments beside them.

    Attributes:
        name: See `handpose_core.metrics.protocols`.
        recover: How root and scale were recovered.
        alignment: Of the thesis's figures.
        also: Alignments whose mean EPE is shown, too.
        unit: Of the errors: ``mm``, or ``px (crop)`` for 2D joints.
    """

    name: str = "exact"
    recover: str = "true_root_and_scale"
    alignment: str = "none"
    also: tuple[str, ...] = ("root", "procrustes")
    unit: str = "mm"


IN_PIXELS = Protocol(recover="none: 2D", also=(), unit="px (crop)")
"""Of 2D joints."""


@dataclass(frozen=True)
class Curves:
    """The PCK figure that belongs to a table.

    Attributes:
        number: Its number in the thesis.
        not_drawn: Methods whose curves the thesis draws without a published number.
    """

    number: str
    not_drawn: tuple[str, ...] = ()


@dataclass(frozen=True)
class Further:
    """What a table shows beside the pose's measures, of all that trainings and tests leave.

    Attributes:
        title: What it is about.
        measures: Headings by their names in the tests' ``metrics``; rows without any are left out.
        traced: Headings by their names in the trainings' ``metrics.csv``: drawn over all epochs of a row; the first is
            a line, what it is compared with dashed.
        picture: A file of the test's ``pictures`` to be shown, of the first run that has ``measures``; None shows none.
        number: Of the thesis's figures that the picture stands for.
        decimals: Digits after the point.
    """

    title: str
    measures: Mapping[str, str]
    traced: Mapping[str, str] = field(default_factory=dict)
    picture: str | None = None
    number: str = ""
    decimals: int = 3


@dataclass(frozen=True)
class TableSpec:
    """A table of the thesis.

    Attributes:
        number: Such as ``3.1``.
        title: What it shows.
        method: The method's name on the command line.
        datasets: In the order of the blocks.
        rows: The first one is what the others are compared with.
        stages: By name; names become folders. Nothing where the table takes another's runs.
        measures: The columns, names out of `MEASURES`.
        protocol: Whose scores.
        quoted: Published figures beside the measured ones.
        curves: The figure that belongs to it.
        further: What it shows beside.
        notes: What a reader must know, one sentence each.
        values: What further placeholders stand for, by recipe; where there is an ``image_size``, crops of this side are
            prepared, which the trainings read; where there are ``vertices``, so many have MVHM's meshes.
        prepared: Options that crops are prepared with, by dataset, such as whether views stay together; see
            `preparing` for their placeholders.
        runs_of: The number of the table whose results this one takes its rows from, by name.
        trainings_of: The number of the table in whose folder this one trains, where they have stages in common.
    """

    number: str
    title: str
    method: str
    datasets: tuple[str, ...]
    rows: tuple[RowSpec, ...]
    stages: Mapping[str, StageSpec] = field(default_factory=dict)
    measures: tuple[str, ...] = ("auc_20_50", "epe_mean", "epe_median")
    protocol: Protocol = Protocol()
    quoted: tuple[Quoted, ...] = ()
    curves: Curves | None = None
    further: Further | None = None
    notes: tuple[str, ...] = ()
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    prepared: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    runs_of: str | None = None
    trainings_of: str | None = None

    def __post_init__(self) -> None:
        """Find what does not fit together."""
        for problem in _problems(self):
            raise problem

    def rows_on(self, dataset: str) -> tuple[RowSpec, ...]:
        """The rows of a dataset's block."""
        return tuple(row for row in self.rows if dataset in row.printed)

    def needs(self, datasets: tuple[str, ...], rows: tuple[RowSpec, ...] | None = None) -> set[str]:
        """The datasets that must be there for some of them to be run; for all rows, or for those given."""
        stages = [
            (self.stages[name], dataset)
            for dataset in datasets
            for row in self.rows_on(dataset)
            if rows is None or row in rows
            for name in row.stages
        ]
        named = {
            name
            for stage, dataset in stages
            for name in DATASETS
            if {name, unprepared(name)} & stage.placeholders(dataset)
        }
        mixed = {name for stage, _ in stages for name in stage.mixed_with}
        return {*datasets, *named, *mixed, *(stage.trained_on(dataset) for stage, dataset in stages)}

    def preparing(self, dataset: str, recipe: str) -> tuple[str, ...]:
        """The options that a dataset's crops are prepared with, placeholders filled in by the recipe's `values`."""
        return tuple(Template(text).substitute(self.values[recipe]) for text in self.prepared.get(dataset, ()))

    def parts_of(self, dataset: str) -> tuple[str, ...]:
        """Which of train, val and test of a dataset its rows use."""
        stages = [(self.stages[name], target) for target in self.datasets for row in self.rows for name in row.stages]
        trained = any(dataset in (stage.trained_on(target), *stage.mixed_with) for stage, target in stages)
        return (*(("train", "val") if trained else ()), *(("test",) if dataset in self.datasets else ()))


def _problems(spec: TableSpec) -> Iterator[HandposeError]:
    """Every name that stands for nothing."""
    stages = {name for row in spec.rows for name in row.stages}
    named = {dataset for row in spec.rows for dataset in row.printed} | {quoted.dataset for quoted in spec.quoted}
    measures = {name for row in spec.rows for printed in row.printed.values() for name in printed}
    filled = {
        name for stage in spec.stages.values() for dataset in spec.datasets for name in stage.placeholders(dataset)
    }
    of_crops = {name for given in spec.prepared.values() for text in given for name in Template(text).get_identifiers()}
    values = {name for given in spec.values.values() for name in given}
    trained_on = {name for stage in spec.stages.values() for name in (*stage.on.values(), *stage.mixed_with)}
    checks: tuple[tuple[str, set[str], set[str]], ...] = (
        ("stages of rows", stages, set(spec.stages)),
        ("datasets of rows and quoted figures", named, set(spec.datasets)),
        ("datasets", set(spec.datasets), set(DATASETS)),
        ("datasets trained on", trained_on, set(DATASETS)),
        ("placeholders in stages", filled, {*OWN_PLACEHOLDERS, *DATASETS, *map(unprepared, DATASETS), *values}),
        ("placeholders in prepared", of_crops, values),
        ("measures", measures | set(spec.measures), set(MEASURES)),
    )
    for what, found, known in checks:
        if unknown := sorted(found - known):
            where = f"table {spec.number}, {what}"
            yield HandposeError(where, f"'{unknown[0]}'", f"one of {', '.join(sorted(known))}", "Correct the table.")
    if spec.runs_of is None and not all(row.stages for row in spec.rows):
        yield HandposeError(f"table {spec.number}, rows", "a row without stages", "one or more", "Give it its stages.")
        return
    for row in spec.rows:
        for dataset in row.printed if row.stages else ():
            last, *before = (spec.stages[name].trained_on(dataset) for name in reversed(row.stages))
            if last != dataset and {*before} - {last}:
                place, wanted = f"table {spec.number}, row {row.name}", f"all on {last}, or the last one on {dataset}"
                stages_on = f"stages on {', '.join(sorted({last, *before}))}, tested on {dataset}"
                yield HandposeError(place, stages_on, wanted, "Correct the table.")
        whose = {spec.stages[name].method or spec.method for name in row.stages}
        if len(whose) > 1:
            mixed, wanted = f"stages of {' and '.join(sorted(whose))}", "one method, as each starts from the one before"
            yield HandposeError(f"table {spec.number}, row {row.name}", mixed, wanted, "Correct the table.")

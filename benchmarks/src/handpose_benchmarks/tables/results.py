"""The results file of a table: everything its Markdown and its figure are made from."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from handpose_benchmarks.tables.datasets import DATASETS
from handpose_benchmarks.tables.further import read_further
from handpose_benchmarks.tables.plan import Cell, Node
from handpose_benchmarks.tables.provenance import provenance_of
from handpose_benchmarks.tables.scores import figures_of, scores_by_alignment
from handpose_benchmarks.tables.spec import Protocol, RowSpec, TableSpec
from handpose_benchmarks.tables.trivial import read_trivial
from handpose_core.errors import HandposeError
from handpose_core.io import atomic
from handpose_core.io.commit import code_record

SCHEMA = 1
PACKAGES = ("handpose-core", "handpose-benchmarks", "torch", "pytorch-lightning", "torchmetrics", "numpy")
Document = dict[str, Any]


@dataclass(frozen=True)
class Circumstances:
    """What a table's figures depend on beside its data and recipes.

    Attributes:
        recipe: The table's.
        options: Further options of every training.
        data: Of every dataset, see `handpose_benchmarks.tables.data.describe`.
        machine: See `handpose_benchmarks.speed.machine`.
        date: When it was run, ISO 8601.
        jobs: Trainings at a time.
    """

    recipe: str
    options: tuple[str, ...]
    data: Mapping[str, Any]
    machine: Mapping[str, str]
    date: str
    jobs: int


@dataclass(frozen=True)
class Found:
    """What there is of the plan's tests.

    Attributes:
        results: The results file of every node that was tested.
        failures: Why others have none.
        trivial: By dataset, the results file of its trivial rows, or why there is none.
    """

    results: Mapping[Node, Path] = field(default_factory=dict)
    failures: Mapping[Node, str] = field(default_factory=dict)
    trivial: Mapping[str, Path | str] = field(default_factory=dict)


def build_document(spec: TableSpec, cells: Sequence[Cell], found: Found, circumstances: Circumstances) -> Document:
    """The results file's content: `SCHEMA`, the table's own text and figures, and what was measured."""
    return {
        "schema": SCHEMA,
        "table": _heading(spec),
        **asdict(circumstances),
        "options": list(circumstances.options),
        "seeds": sorted({cell.seed for cell in cells}),
        "versions": _versions(spec.method),
        **code_record(),
        "datasets": _blocks(spec, cells, found),
    }


def _blocks(spec: TableSpec, cells: Sequence[Cell], found: Found) -> list[Document]:
    return [
        {
            "name": dataset,
            "title": DATASETS[dataset].title,
            "quoted": [
                {"name": quoted.name, "printed": dict(quoted.printed), "source": quoted.source}
                for quoted in spec.quoted
                if quoted.dataset == dataset
            ],
            "trivial": _trivial(found.trivial.get(dataset), spec.protocol),
            "rows": [
                _row(spec, row, dataset, cells, found)
                for row in spec.rows_on(dataset)
                if not row.optional or any(_settled(c, found) for c in cells if c.row is row and c.dataset == dataset)
            ],
        }
        for dataset in spec.datasets
    ]


def _trivial(found: Path | str | None, protocol: Protocol) -> Document | None:
    """A block's trivial rows, why there are none, or nothing where they were not asked for."""
    return read_trivial(found, protocol) if isinstance(found, Path) else {"failure": found} if found else None


def _settled(cell: Cell, found: Found) -> bool:
    return cell.node in found.results or cell.node in found.failures


def _heading(spec: TableSpec) -> Document:
    return {
        "number": spec.number,
        "title": spec.title,
        "method": spec.method,
        "measures": list(spec.measures),
        "protocol": asdict(spec.protocol),
        "curves": asdict(spec.curves) if spec.curves else None,
        "further": asdict(spec.further) if spec.further else None,
        "notes": list(spec.notes),
        "runs_of": spec.runs_of,
    }


def _row(spec: TableSpec, row: RowSpec, dataset: str, cells: Sequence[Cell], found: Found) -> Document:
    mine = [cell for cell in cells if cell.row is row and cell.dataset == dataset]
    return {
        "name": row.name_on(dataset),
        "printed": dict(row.printed[dataset]),
        "runs": [_run(spec, cell, found) for cell in mine],
    }


def _run(spec: TableSpec, cell: Cell, found: Found) -> Document:
    """A cell's figures, or why there are none. Folders are told from the table's: results outlive the machine."""
    run: Document = {"seed": cell.seed, "folder": cell.node.label}
    if cell.node not in found.results:
        return {**run, "failure": found.failures.get(cell.node, "not run")}
    chain = [
        {
            "stage": node.stage,
            "method": node.method,
            "recipe": node.arguments[1],
            "arguments": list(spec.stages[node.stage].command(cell.dataset)[2:]),
            "on": spec.stages[node.stage].trained_on(cell.dataset),
            "seconds": _seconds(node),
        }
        for node in cell.node.chain()
    ]
    figures = read_figures(found.results[cell.node], spec.protocol)
    if spec.further is not None:
        figures |= read_further(found.results[cell.node], cell.node, spec.further)
    return {**run, **figures, "stages": chain}


def read_figures(path: Path, protocol: Protocol) -> Document:
    """The figures that a table takes of a test's ``results.json``: by alignment, and the PCK curve of the thesis's one.

    Raises:
        HandposeError: the file has no score of the protocol.
    """
    document = json.loads(path.read_text("utf-8"))
    own = document["rows"][0]["method"]  # the method's rows come before the baselines'
    scores = scores_by_alignment(document["rows"], own, protocol, protocol.recover)
    wanted = (protocol.alignment, *protocol.also)
    if missing := [name for name in wanted if name not in scores]:
        raise HandposeError(
            str(path),
            f"no score of protocol {protocol.name}, recover {protocol.recover}, alignment {missing[0]}",
            "one",
            "Test again with a module whose test scores have it.",
        )
    thesis = scores[protocol.alignment]
    return {
        "n_samples": thesis["n_samples"],
        "figures": {name: figures_of(scores[name]) for name in wanted},
        "curve": {"thresholds": thesis["thresholds"], "pck": [round(share, 6) for share in thesis["pck"]]},
        "test_data": document["data"],
        **provenance_of(document),
    }


def _seconds(node: Node) -> float | None:
    """How long a stage's last process took; None where its record is gone."""
    path = node.folder / "finished.json"
    return round(json.loads(path.read_text("utf-8"))["seconds"], 1) if path.is_file() else None


def _versions(method: str) -> dict[str, str]:
    versions = {}
    for name in (*PACKAGES, f"handpose-{method}"):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    return versions


def taken_from(spec: TableSpec, other: Document) -> Document:
    """A table's document made of the rows and datasets that it shares with another's, by name.

    Optional rows that were not run are left out here, too.

    Raises:
        HandposeError: the other one lacks a row or dataset.
    """
    runs = {(block["name"], row["name"]): row["runs"] for block in other["datasets"] for row in block["rows"]}
    rows = [
        replace(row, optional=False)
        for row in spec.rows
        if not row.optional or any((dataset, row.name_on(dataset)) in runs for dataset in row.printed)
    ]
    blocks = _blocks(replace(spec, rows=tuple(rows)), [], Found())
    document = {**other, "table": _heading(spec), "datasets": blocks}
    trivial = {block["name"]: block.get("trivial") for block in other["datasets"]}
    for block in document["datasets"]:
        block["trivial"] = trivial[block["name"]]
        for row in block["rows"]:
            if (block["name"], row["name"]) not in runs:
                where, wanted = f"results of table {other['table']['number']}", f"{row['name']} on {block['title']}"
                raise HandposeError(where, "no such row", wanted, "Correct the table that takes its runs.")
            row["runs"] = runs[block["name"], row["name"]]
    document.pop("pictures", None)
    document["data"] = {name: data for name, data in other["data"].items() if name in spec.datasets}
    return document


def write_document(path: Path, document: Document) -> None:
    """Write a results file."""
    atomic.write_text(path, json.dumps(document, indent=1) + "\n")


def results_folder() -> Path:
    """Where results are kept unless told otherwise: with the other tables' in a clone, else in ``results``."""
    return Path("benchmarks", "results") if in_clone() else Path("results")


def in_clone() -> bool:
    """Whether this is run from the suite's own folder."""
    return Path("benchmarks", "pyproject.toml").is_file()


def read_document(path: Path) -> Document:
    """Read a results file.

    Raises:
        HandposeError: it is missing, no JSON, or of another schema.
    """
    try:
        document = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise HandposeError(
            str(path), "no such file", "a table's results", "Run the table, or check the path."
        ) from error
    except (OSError, ValueError) as error:
        raise HandposeError(str(path), str(error), "a table's results, JSON", "Give another file.") from error
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != SCHEMA:
        raise HandposeError(str(path), f"schema {schema}", f"schema {SCHEMA}", "Run the table again.")
    result: Document = document
    return result

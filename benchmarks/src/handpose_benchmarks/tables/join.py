"""Results of one table, run in parts, for example seed by seed on several machines, as one."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from handpose_benchmarks.tables.provenance import twins_of
from handpose_benchmarks.tables.results import Document, read_document
from handpose_benchmarks.tables.spec import TableSpec
from handpose_core.errors import HandposeError

_ALIKE = ("recipe", "options")
_PER_PART = ("date", "machine", "versions", "data", "commit", "data_version")
_OF_BITS = ("checksum", "checksums")
"""Of twins: processors round differently, so that the same twin made elsewhere has other bits; parts tell their own."""


def join(spec: TableSpec, paths: Sequence[Path]) -> Document:
    """The parts' runs in one document; what they were measured with stands in it part by part.

    Args:
        spec: the table.
        paths: of the parts' results files.

    Raises:
        HandposeError: the parts are of other tables, recipes or data, or rows of one seed come from several of them:
            these do not share their first stages, and cannot be compared as a pair.
    """
    documents = {str(path): read_document(path) for path in paths}
    first, *others = documents.items()
    for name, document in documents.items():
        _check(name, "table", document["table"]["number"], spec.number)
    for name, document in others:
        for key in _ALIKE:
            _check(name, key, document[key], first[1][key])
        for dataset in document["data"].keys() & first[1]["data"].keys():
            _check(name, f"data, {dataset}", *(_choices(part["data"][dataset]) for part in (document, first[1])))
    seeds = sorted({seed for document in documents.values() for seed in document["seeds"]})
    return {
        **first[1],
        "data": {name: data for document in documents.values() for name, data in document["data"].items()},
        "seeds": seeds,
        "datasets": [_block(spec, block, documents, seeds) for block in first[1]["datasets"]],
        "pictures": {},
        "also": [],
        "parts": [{key: document[key] for key in _PER_PART if key in document} for document in documents.values()],
    }


def _choices(data: Document) -> Document:
    """What data were made by."""
    return {key: value for key, value in data.items() if key not in _OF_BITS}


def _check(name: str, field: str, found: Any, expected: Any) -> None:
    if found != expected:
        raise HandposeError(f"{name}, {field}", str(found)[:200], str(expected)[:200], "Join parts of one table alone.")


def _block(spec: TableSpec, block: Document, documents: Mapping[str, Document], seeds: Sequence[int]) -> Document:
    """One dataset's rows, in the table's order, with a run for each seed."""
    dataset = block["name"]
    sources: dict[int, str] = {}
    runs: dict[tuple[str, int], Document] = {}
    printed: dict[str, Document] = {}
    for name, document in documents.items():
        for row in next((other["rows"] for other in document["datasets"] if other["name"] == dataset), []):
            printed.setdefault(row["name"], row["printed"])
            for run in row["runs"]:
                if "figures" in run:
                    _check(name, f"{dataset}, seed {run['seed']}", name, sources.setdefault(run["seed"], name))
                    runs[row["name"], run["seed"]] = {**run, "twins": twins_of(run, document, dataset)}
    rows = [
        {"name": name, "printed": printed[name], "runs": [runs.get((name, s), _not_run(s)) for s in seeds]}
        for name in (row.name_on(dataset) for row in spec.rows_on(dataset))
        if name in printed
    ]
    return {**block, "rows": rows}


def _not_run(seed: int) -> Document:
    return {"seed": seed, "failure": "not run"}

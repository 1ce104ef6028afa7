"""Of which commit, data version and twins a table's runs are; runs of different twins are kept apart."""

import string
from collections.abc import Mapping, Sequence
from typing import Any

from handpose_core import DATA_VERSION
from handpose_core.synth.provenance import CHECKSUM, VERSION

Document = dict[str, Any]
TEST = "test"
"""Name of the test data among a run's twins."""
_UNKNOWN = "not recorded, "


def provenance_of(results: Document) -> Document:
    """Select what a test's results record of code and data.

    Args:
        results: The content of its ``results.json``.

    Returns:
        ``commit`` and ``data_version`` of the code that tested, and ``twins``: the checksums of the generated data that
        it was tested on (`TEST`) and that its weights were trained on, by the names of these.
    """
    twins: dict[str, str] = {}
    for chapter in results.get("trained_on", []):
        for key, checksum in chapter.items():
            if key.endswith(CHECKSUM):  # of a part of a mixture its number stands before it
                name = key.removesuffix(CHECKSUM) + chapter.get("dataset", "training data")
                again = name if twins.get(name, checksum) == checksum else f"{name}, made again"
                twins[again] = checksum
    if CHECKSUM in results["data"]:
        twins[TEST] = results["data"][CHECKSUM]
    return {"commit": results.get("commit"), "data_version": results.get("data_version"), "twins": twins}


def twins_of(run: Document, document: Document, dataset: str) -> dict[str, str]:
    """Return the checksums of a run's generated data.

    Args:
        run: With figures.
        document: The results file it is in.
        dataset: Its block's name.

    Returns:
        As recorded with the run; else as the file records for all of its runs. Where a joined file has parts of
        different twins and does not tell which part a run is of, no other run's are the same.
    """
    if "twins" in run:
        return dict(run["twins"])
    recorded = [_checksums(part["data"], dataset) for part in document.get("parts", [document])]
    if all(part == recorded[0] for part in recorded):
        return recorded[0]
    return {TEST: f"{_UNKNOWN}seed {run['seed']}"}


def _checksums(data: Mapping[str, Document], dataset: str) -> dict[str, str]:
    found = {name: told.get("checksum", told.get(CHECKSUM)) for name, told in data.items()}
    return {TEST if name == dataset else name: checksum for name, checksum in found.items() if checksum}


def by_twin(document: Document) -> Document:
    """Split up the blocks whose runs are of different twins.

    Args:
        document: A results file's content.

    Returns:
        The same where each block's runs are of the same twins; else with a block, and a row in further test sets, for
        each group of runs that agree in all their data. Blocks say of which twins they are under ``twins``.
    """
    blocks = [part for block in document["datasets"] for part in _parts(block, document)]
    also = [
        {**further, "rows": [part for row in further["rows"] for part in _rows(row, document)]}
        for further in document.get("also", [])
    ]
    return {**document, "datasets": blocks, "also": also}


def _parts(block: Document, document: Document) -> list[Document]:
    scored = [run for row in block["rows"] for run in row["runs"] if "figures" in run]
    groups = _groups(scored, document, block["name"])
    if len(groups) < 2:
        return [block]
    parts = []
    for number, (twins, members) in enumerate(groups):
        failed = [] if number else [run for row in block["rows"] for run in row["runs"] if "figures" not in run]
        mine = {id(run) for run in (*members, *failed)}
        rows = [{**row, "runs": [run for run in row["runs"] if id(run) in mine]} for row in block["rows"]]
        name = _name(number, twins)
        part = {
            **block, "title": f"{block['title']}, {name}", "whole_title": block["title"],
            "rows": [row for row in rows if row["runs"]], "twins": _told(name, twins, members),
        }  # fmt: skip
        if (block.get("trivial") or {}).get("twin") not in (None, twins.get(TEST)):
            part["trivial"] = None
        parts.append(part)
    return parts


def _rows(row: Document, document: Document) -> list[Document]:
    """A row of a further set, for each group of twins that it was trained on."""
    scored = [run for run in row["runs"] if "figures" in run]
    groups = _groups(scored, document, row["trained_on"])
    if len(groups) < 2:
        return [row]
    return [
        {**row, "row": f"{row['row']}, {_name(number, twins)}", "runs": members}
        for number, (twins, members) in enumerate(groups)
    ]


def _groups(runs: Sequence[Document], document: Document, dataset: str) -> list[tuple[dict[str, str], list[Document]]]:
    """Runs that agree in all data they have in common, and these data."""
    groups: list[tuple[dict[str, str], list[Document]]] = []
    for run in runs:
        twins = twins_of(run, document, dataset)
        for known, members in groups:
            # of what one was trained on alone, the other cannot say anything
            if twins.get(TEST) == known.get(TEST) and all(known.get(name, sha) == sha for name, sha in twins.items()):
                known.update(twins)
                members.append(run)
                break
        else:
            groups.append((dict(twins), [run]))
    return groups


def _name(number: int, twins: Mapping[str, str]) -> str:
    """``twins A``, ``twins B``; the seed where it is not known which of several twins it is of."""
    test = twins.get(TEST, "")
    return test.removeprefix(_UNKNOWN) if test.startswith(_UNKNOWN) else f"twins {string.ascii_uppercase[number % 26]}"


def _told(name: str, twins: Mapping[str, str], members: Sequence[Document]) -> str:
    if twins.get(TEST, "").startswith(_UNKNOWN):
        return f"Of which of several twins {name} is was not recorded; it stands alone."
    checksums = [f"{'tested on' if one == TEST else one} sha256 {checksum[:16]}" for one, checksum in twins.items()]
    told = "; ".join(sorted(checksums, key=lambda text: not text.startswith("tested on"))) or "data without checksums"
    seeds = sorted({run["seed"] for run in members})
    return f"{name[0].upper()}{name[1:]} ({told}): seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}."


def age(document: Document) -> str | None:
    """Say that a results file's data are not today's.

    Args:
        document: Its content.

    Returns:
        A sentence; None where all generated data are of today's version.
    """
    parts = document.get("parts", [document])
    versions = (data.get("version", data.get(VERSION)) for part in parts for data in part["data"].values())
    told = {version for version in versions if version}
    others = ", ".join(sorted(told - {DATA_VERSION}))
    again = "Today's data are others: run the table again before its figures are read beside new ones."
    if any("data_version" not in part for part in parts):
        made = f"; its generated data were made by version {others}" if others else ""
        return f"Older than the record: commit and data version were not recorded{made}. {again}"
    return f"Of an older data version, {others}. {again}" if others else None

"""The trivial rows of a table, read from their test, and which of its rows beat them: only these say anything."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handpose_benchmarks.tables.scores import figures_of, scores_by_alignment
from handpose_benchmarks.tables.spec import Protocol
from handpose_core.errors import HandposeError
from handpose_core.synth.provenance import CHECKSUM
from handpose_core.training.baselines import FlatDepth
from handpose_core.training.trivial_rows import CONSTANT_2D, CONSTANT_3D, UNTRAINED

Document = dict[str, Any]
MARGIN = 0.2
"""By how much of its error a competent row is better than every trivial one."""
IN_MM = (FlatDepth.name, CONSTANT_3D, UNTRAINED)
IN_PX = (CONSTANT_2D, UNTRAINED)


def read_trivial(path: Path, protocol: Protocol) -> Document:
    """Read a table's trivial rows from the results of their test.

    Args:
        path: What `handpose_core.training.untrained.score_trivial` wrote.
        protocol: The table's.

    Returns:
        ``rows``, each with name, what it was told and figures by alignment; ``twin``, the checksum of the test data
        where these were generated; ``n_samples``.

    Raises:
        HandposeError: the file lacks a row or an alignment.
    """
    document = json.loads(path.read_text("utf-8"))
    own, rows = document["rows"][0]["method"], []
    for name in IN_MM if protocol.unit == "mm" else IN_PX:
        method, recover = (own, protocol.recover) if name == UNTRAINED else (name, None)
        scores = scores_by_alignment(document["rows"], method, protocol, recover)
        wanted = (protocol.alignment, *protocol.also)
        if missing := [alignment for alignment in wanted if alignment not in scores]:
            raise HandposeError(
                str(path), f"no score of {name}, alignment {missing[0]}", "one", "Remove the file and run again."
            )
        figures = {alignment: figures_of(scores[alignment]) for alignment in wanted}
        told = " or ".join(dict.fromkeys(scores[alignment]["recover"] for alignment in wanted))
        count = scores[protocol.alignment]["n_samples"]
        rows.append({"name": name, "told": told, "n_samples": count, "figures": figures})
    return {"rows": rows, "twin": document["data"].get(CHECKSUM)}


@dataclass(frozen=True)
class Shortfall:
    """Where a row is not better than a trivial one by the margin.

    Attributes:
        trivial: The trivial row's name.
        alignment: In which the errors are.
        error: The row's mean EPE.
        allowed: The largest that would be competent.
    """

    trivial: str
    alignment: str
    error: float
    allowed: float


def shortfalls(errors: Mapping[str, float], trivial: Sequence[Document]) -> list[Shortfall]:
    """Compare a row with every trivial one, alignment by alignment.

    Args:
        errors: The row's mean EPE by alignment.
        trivial: The trivial rows.

    Returns:
        In each alignment in which the row does not beat all trivial rows by `MARGIN`, the best of these; nothing for a
        competent row.
    """
    found = []
    for alignment, error in errors.items():
        best = min(trivial, key=lambda row: float(row["figures"][alignment]["epe_mean"]))
        allowed = (1 - MARGIN) * float(best["figures"][alignment]["epe_mean"])
        if error > allowed:
            found.append(Shortfall(best["name"], alignment, error, allowed))
    return found

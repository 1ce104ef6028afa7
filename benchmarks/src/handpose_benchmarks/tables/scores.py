"""What a table takes of the rows of a test's ``results.json``."""

import math
from collections.abc import Sequence
from typing import Any

from handpose_benchmarks.tables.spec import Protocol

Document = dict[str, Any]


def scores_by_alignment(
    rows: Sequence[Document], method: str, protocol: Protocol, recover: str | None
) -> dict[str, Document]:
    """Select the scores of one predictor under a protocol.

    Args:
        rows: Of the results file.
        method: The predictor.
        protocol: Its name and unit must agree.
        recover: How root and scale were recovered; None takes any, for predictors that have but one way.

    Returns:
        The scores by alignment.
    """
    return {
        row["alignment"]: row
        for row in rows
        if (row["method"], row["protocol"], row["unit"]) == (method, protocol.name, protocol.unit)
        if recover in (None, row["recover"])
    }


def figures_of(score: Document) -> Document:
    """Return the measures of one score, by their names in `MEASURES`; ``epe_mean`` in any unit."""
    figures = {name: score[name] for name in ("epe_mean", "epe_median")}
    if score["unit"] == "mm":
        return figures | {name: score[name] for name in ("auc_0_50", "auc_20_50")}
    at_20 = next(share for px, share in zip(score["thresholds"], score["pck"], strict=True) if math.isclose(px, 20))
    return figures | {"epe_mean_px": score["epe_mean"], "pck_20": 100 * at_20}

"""Are all numbers numbers?"""

import numpy as np

from handpose_core.checks.part import Part
from handpose_core.checks.verdict import Verdict, ok, skipped, wrong


def finite(part: Part) -> Verdict:
    """Name labels with not-a-number or infinity in them."""
    labels = part.labels
    if labels is None:
        return skipped("no labels could be read")
    bad = np.flatnonzero(~labels.finite)
    if not len(bad):
        return ok(f"{len(labels)} labels")
    return wrong(
        f"not-a-number or infinity in {len(bad)} of {len(labels)} labels, first {labels.names[bad[0]]}",
        f"Correct them in {labels.source}, or leave these frames out with `exclude`.",
        int(bad[0]),
    )

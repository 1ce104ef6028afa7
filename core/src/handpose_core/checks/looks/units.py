"""Are the joints in the unit that the layout is in?"""

import numpy as np

from handpose_core.checks.part import Part
from handpose_core.checks.verdict import Verdict, ok, skipped, wrong
from handpose_core.geometry.hand_shape import reach

_MIXED = 5.0
"""A hand this many times smaller or larger than the others is in another unit."""
_NAMES_OF_MM = {1.0: "millimetres", 1000.0: "metres", 0.001: "micrometres", 10.0: "centimetres", 0.1: "0.1 mm"}
_MM = {"m": 1000.0, "mm": 1.0}


def units(part: Part) -> Verdict:
    """Say the unit by a hand's size."""
    labels = part.labels
    if labels is None or not len(labels.hands):
        return skipped("no 3D labels")
    spans, expected, factor = reach(labels.some_hands(len(labels))), _MM[labels.unit], labels.unit_factor
    size = float(np.median(spans))
    mixed = np.flatnonzero((spans < size / _MIXED) | (spans > size * _MIXED))
    seen = f"a hand reaches {size / expected:.4g} from its root in the median of {len(spans)}"
    if len(mixed):
        first = int(labels.hands[mixed[0]])
        return wrong(
            f"units are mixed: {seen}, but {spans[mixed[0]] / expected:.4g} in {labels.names[first]} "
            f"({len(mixed)} such labels)",
            f"Bring all joints in {labels.source} to {_NAMES_OF_MM[expected]}, or leave these frames out.",
            first,
        )
    if factor == 1:
        return ok(f"{size:.0f} mm from root to farthest joint (median), stored in {labels.unit}")
    example = int(labels.hands[0])
    if np.isnan(factor):
        return wrong(f"{seen}: no unit makes that a hand", f"Look at the numbers in {labels.source}.", example)
    found = _NAMES_OF_MM.get(factor * expected, f"{factor * expected:g} mm")
    return wrong(
        f"{seen}: that is {found}, and the layout is in {_NAMES_OF_MM[expected]}",
        f"Multiply the joints in {labels.source} by {factor:g}.",
        example,
    )

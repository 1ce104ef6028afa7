"""Measures of hands that several checks share; none depends on the unit but by `TYPICAL_SPAN_MM`."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from handpose_core.hand import BONES, WRIST

TYPICAL_SPAN_MM = (50.0, 300.0)
"""From the root to the farthest joint, in the median over a part: from closed fists to a long open hand."""


def reach(joints: Float[ndarray, "n 21 3"]) -> Float[ndarray, " n"]:
    """Distance from the root to the farthest joint."""
    farthest: Float[ndarray, " n"] = np.linalg.norm(joints - joints[:, WRIST, None], axis=-1).max(-1)
    return farthest


def span(joints: Float[ndarray, "n 21 3"]) -> float:
    """Median `reach`."""
    return float(np.median(reach(joints)))


def unit_factor(joints: Float[ndarray, "n 21 3"]) -> float:
    """What the joints must be multiplied by to be in mm: 1, a power of ten, or nan where none makes them a hand's."""
    size = span(joints)
    for factor in (1.0, 1000.0, 0.001, 10.0, 0.1):
        if TYPICAL_SPAN_MM[0] <= size * factor <= TYPICAL_SPAN_MM[1]:
            return factor
    return float("nan")


def bone_lengths(joints: Float[ndarray, "n 21 3"]) -> Float[ndarray, "n 20"]:
    """Length of each of `handpose_core.hand.BONES`."""
    parents, children = np.array(BONES).T
    lengths: Float[ndarray, "n 20"] = np.linalg.norm(joints[:, children] - joints[:, parents], axis=-1)
    return lengths

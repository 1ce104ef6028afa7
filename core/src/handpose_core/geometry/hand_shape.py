"""Measures of hands: sizes, bone lengths, and how well joints in some order make a hand."""

from itertools import pairwise

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from handpose_core.hand import BONES, FINGER_JOINTS, WRIST

TYPICAL_SPAN_MM = (50.0, 300.0)
"""From the root to the farthest joint, in the median over a part: from closed fists to a long open hand."""
PLAUSIBLE_LENGTH_MM = (90.0, 260.0)
"""`hand_lengths` from one-year-olds to the largest adults."""
MOST_COST_OF_A_HAND = 0.27
"""Joints whose every order has higher `order_costs` make no hand; a hand's are 0.1 to 0.25."""
_KNUCKLES = tuple(joints[0] for joints in FINGER_JOINTS.values())
_FINGER_BONES = tuple(bone for bone in BONES if bone[0] != WRIST)
_LINKS: Int[ndarray, "links 2"] = np.array([*_FINGER_BONES, *pairwise(_KNUCKLES), *((WRIST, j) for j in _KNUCKLES)])
"""Pairs of joints whose distance no pose changes much."""
_LINK_LENGTHS = {
    root: np.array(
        [
            *(1.20, 1.15, 0.75, 1.50, 0.90, 0.60, 1.65, 1.00, 0.65, 1.50, 0.95, 0.63, 1.22, 0.65, 0.58),
            *(2.10, 0.82, 0.74, 0.82),
            *to_knuckles,
        ]
    )
    for root, to_knuckles in {
        "wrist": (1.50, 3.15, 3.05, 2.95, 2.95),
        "palm": (1.45, 1.95, 1.75, 1.60, 1.55),
    }.items()
}
"""Typical lengths of the links, in mean lengths of a finger's bone, by what joint 0 is."""


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


def hand_lengths(joints: Float[ndarray, "n 21 3"]) -> Float[ndarray, " n"]:
    """Length of each hand from the wrist to the middle finger's tip along the bones, the same in every pose."""
    middle = [joint - 1 for joint in FINGER_JOINTS["middle"]]
    lengths: Float[ndarray, " n"] = bone_lengths(joints)[:, middle].sum(axis=1)
    return lengths


def order_costs(
    joints: Float[ndarray, "n 21 3"], orders: Int[ndarray, "m 21"], root: str = "unknown"
) -> Float[ndarray, " m"]:
    """Compute how far from a hand's skeleton joints in each order are.

    Args:
        joints: In any unit.
        orders: Candidates, as ``canonical = joints[:, order]``.
        root: What joint 0 is, ``wrist``, ``palm`` or ``unknown``.

    Returns:
        Mean absolute log ratio of the links' lengths to a hand's, plus their mean relative deviation over the hands.
    """
    distances = np.linalg.norm(joints[:, :, None] - joints[:, None], axis=-1)
    starts, ends = orders[:, _LINKS[:, 0]], orders[:, _LINKS[:, 1]]
    mean, deviation = np.maximum(distances.mean(0)[starts, ends], 1e-9), distances.std(0)[starts, ends]
    off = []
    for name in [root] if root in _LINK_LENGTHS else _LINK_LENGTHS:
        ratio = np.log(mean / _LINK_LENGTHS[name])
        off.append(np.abs(ratio - np.median(ratio, axis=1, keepdims=True)).mean(1))
    cost: Float[ndarray, " m"] = np.min(off, axis=0) + (deviation / mean).mean(1)
    return cost

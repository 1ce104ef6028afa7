"""Datasets that label the palm's middle instead of the wrist: the rules that place one from the other.

The field has not settled on one rule, so it is a named choice, recorded with every result. Each takes the wrist
on the line from a point among the MCPs through the palm: ``wrist = anchor + factor (palm - anchor)``.
"""

from collections.abc import Iterable
from typing import Literal, get_args

from jaxtyping import Float
from numpy import ndarray

from handpose_core.hand import FINGER_JOINTS, FINGERS, WRIST

WristRule = Literal["ring_2.0", "middle_2.2", "mean_2.25", "palm"]
"""``ring_2.0``: hand3d, Ge et al.; ``middle_2.2``: bihand, Minimal-Hand; ``mean_2.25``: from the mean of the four
MCPs; ``palm``: the palm stays joint 0."""
WRIST_RULES: tuple[WristRule, ...] = get_args(WristRule)
#: The rule of METHODS' tables: datasets that label the palm put the wrist there unless another rule is asked for.
DEFAULT_RULE: WristRule = "ring_2.0"
#: What datasets that label the wrist record as ``root_joint``, those that label the palm, and those without joints.
WRIST_ROOT, PALM_ROOT, NO_ROOT = "wrist", "palm", "none"

_MCPS = tuple(FINGER_JOINTS[finger][0] for finger in FINGERS[1:])
_LINES: dict[str, tuple[tuple[int, ...], float]] = {
    "ring_2.0": ((FINGER_JOINTS["ring"][0],), 2.0),
    "middle_2.2": ((FINGER_JOINTS["middle"][0],), 2.2),
    "mean_2.25": (_MCPS, 2.25),
    "palm": (_MCPS, 1.0),
}


def root_joint(rule: WristRule) -> str:
    """Return what joint 0 is under a rule, as recorded with results."""
    return PALM_ROOT if rule == "palm" else f"{WRIST_ROOT} (from the palm by {rule})"


def common_root(roots: Iterable[str]) -> str | None:
    """Return the joint 0 that several datasets have in common.

    A labelled wrist agrees with one that any one rule places; the palm, and two rules, agree with themselves alone.

    Args:
        roots: The ``root_joint`` of each, as recorded with results.

    Returns:
        The rule's wrist, the labelled wrist or the palm; `NO_ROOT` where no dataset has joints; None where they differ.
    """
    found = set(roots) - {NO_ROOT}
    placed = found - {WRIST_ROOT}
    if len(placed) > 1 or (PALM_ROOT in placed and WRIST_ROOT in found):
        return None
    return next(iter(placed or found), NO_ROOT)


def palm_to_wrist(joints: Float[ndarray, "*batch 21 3"], rule: WristRule) -> Float[ndarray, "*batch 21 3"]:
    """Canonical joints whose joint 0 is the palm, with joint 0 moved to the wrist."""
    return _move_root(joints, *_LINES[rule])


def wrist_to_palm(joints: Float[ndarray, "*batch 21 3"], rule: WristRule) -> Float[ndarray, "*batch 21 3"]:
    """The inverse of `palm_to_wrist`, for writing a dataset that labels the palm."""
    anchors, factor = _LINES[rule]
    return _move_root(joints, anchors, 1 / factor)


def _move_root(
    joints: Float[ndarray, "*batch 21 3"], anchors: tuple[int, ...], factor: float
) -> Float[ndarray, "*batch 21 3"]:
    moved = joints.copy()
    anchor = joints[..., anchors, :].mean(-2)
    moved[..., WRIST, :] = anchor + factor * (joints[..., WRIST, :] - anchor)
    return moved

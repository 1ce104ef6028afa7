"""Datasets that label the palm's middle instead of the wrist: the rules that place one from the other.

The field has not settled on one rule, so it is a named choice, recorded with every result. Each takes the wrist
on the line from a point among the MCPs through the palm: ``wrist = anchor + factor (palm - anchor)``.
"""

from typing import Literal, get_args

from jaxtyping import Float
from numpy import ndarray

from handpose_core.hand import FINGER_JOINTS, FINGERS, WRIST

WristRule = Literal["ring_2.0", "middle_2.2", "mean_2.25", "palm"]
"""``ring_2.0``: hand3d, Ge et al.; ``middle_2.2``: bihand, Minimal-Hand; ``mean_2.25``: from the mean of the four
MCPs; ``palm``: the palm stays joint 0."""
WRIST_RULES: tuple[WristRule, ...] = get_args(WristRule)

_MCPS = tuple(FINGER_JOINTS[finger][0] for finger in FINGERS[1:])
_LINES: dict[str, tuple[tuple[int, ...], float]] = {
    "ring_2.0": ((FINGER_JOINTS["ring"][0],), 2.0),
    "middle_2.2": ((FINGER_JOINTS["middle"][0],), 2.2),
    "mean_2.25": (_MCPS, 2.25),
    "palm": (_MCPS, 1.0),
}


def root_joint(rule: WristRule) -> str:
    """What joint 0 is under a rule, as recorded with results."""
    return "palm" if rule == "palm" else f"wrist (from the palm by {rule})"


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

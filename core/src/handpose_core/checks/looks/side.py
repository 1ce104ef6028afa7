"""Is a left hand a left hand?

Fingers bend towards the palm. Seen from the palm, a right hand's index finger is to the right of its little finger,
so that (index MCP − wrist) × (little MCP − wrist) points out of the palm; a left hand's points out of the back.
"""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from handpose_core.checks.part import NO_SIDE, Part
from handpose_core.checks.verdict import Verdict, ok, skipped, wrong
from handpose_core.geometry.hand_shape import span
from handpose_core.hand import FINGER_JOINTS, FINGERS, WRIST, Side

_CLEAR = 0.12
"""Bend towards the palm, in spans, from which on a frame tells its side; below it the hand is too flat to tell."""
_SHARE = 0.25
_AT_LEAST = 3


def side(part: Part) -> Verdict:
    """Compare the labelled side with the side by which way the fingers bend."""
    labels = part.labels
    if labels is None or labels.joints_3d is None or not len(labels.hands):
        return skipped("no 3D labels")
    rows = labels.hands[labels.side[labels.hands] != NO_SIDE]
    if not len(rows):
        return skipped("the labels name no side")
    bend = right_handedness(labels.joints_3d[rows].astype(np.float64))
    clear = np.abs(bend) > _CLEAR
    if clear.sum() < _AT_LEAST:
        return skipped(f"the hands are too flat to tell ({clear.sum()} of {len(rows)} bend)")
    against = clear & ((bend > 0) != (labels.side[rows] == Side.RIGHT))
    named = " and ".join(Side(number).name.lower() for number in np.unique(labels.side[rows]).tolist())
    seen = f"labelled {named}; {clear.sum()} of {len(rows)} hands bend enough to tell"
    if against.sum() <= _SHARE * clear.sum():
        return ok(f"{1 - against.sum() / clear.sum():.0%} bend as labelled ({seen})")
    return wrong(
        f"{against.sum()} of {clear.sum()} hands bend as the other side's hands do ({seen})",
        "If the joint order is found wrong too, correct that first; else the sides are exchanged, or images and joints "
        "were mirrored without changing the side.",
        int(rows[np.flatnonzero(against)[0]]),
    )


def right_handedness(joints: Float[ndarray, "n 21 3"]) -> Float[ndarray, " n"]:
    """How far the fingers bend to the side where a right hand's palm is, in hand spans; negative for a left hand."""
    roots = [FINGER_JOINTS[finger][0] for finger in FINGERS[1:]]
    tips = [FINGER_JOINTS[finger][3] for finger in FINGERS[1:]]
    wrist = joints[:, WRIST]
    normal = np.cross(joints[:, roots[0]] - wrist, joints[:, roots[-1]] - wrist)
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-12)
    bend: Float[ndarray, " n"] = ((joints[:, tips] - joints[:, roots]) * normal[:, None]).sum(-1).mean(-1)
    return bend / span(joints)

"""Gestures as joint angles: the corner points that sampled poses lie between.

Angles are in degrees as `handpose_core.rig.JOINT_LIMITS` defines them. The thumb's pinching and folding angles
were found on the packaged rig by bringing pad to pad, or pad to finger without penetration; the others were set by eye
on pictures of it.
"""

import torch
from jaxtyping import Float
from torch import Tensor

_Finger = tuple[float, float, float]
"""Flexion of MCP, PIP, DIP."""

STRAIGHT: _Finger = (2, 4, 2)
RELAXED: _Finger = (22, 32, 18)
HALF: _Finger = (42, 50, 30)
CURLED: _Finger = (78, 98, 58)
HOOKED: _Finger = (8, 92, 62)
BENT: _Finger = (78, 8, 4)
CLAWED: _Finger = (-8, 55, 45)
GRIPPING: _Finger = (48, 58, 34)

_Thumb = tuple[_Finger, float, float]
"""Flexion of CMC, MCP, IP; abduction and twist of the CMC."""

THUMB_OUT: _Thumb = ((-12, -2, -6), 4, 0)
THUMB_UP: _Thumb = ((-18, -6, -12), 12, 0)
THUMB_REST: _Thumb = ((4, 6, 8), -8, 0)
THUMB_SIDE: _Thumb = ((22, 4, 4), -2, 0)
THUMB_FIST: _Thumb = ((-21, 33, 38), -43, 6)
THUMB_ON_MIDDLE: _Thumb = ((-9, 9, 60), -44, 4)
THUMB_ON_RING: _Thumb = ((-16, 37, 29), -50, 9)
THUMB_ON_LITTLE: _Thumb = ((-3, 38, 13), -50, 24)
THUMB_PALM: _Thumb = ((13, 50, 16), -50, 23)
THUMB_GRIP: _Thumb = ((-3, 13, -2), -29, 0)


def _gesture(
    thumb: _Thumb, index: _Finger, middle: _Finger, ring: _Finger, little: _Finger, spread: float = 0.0
) -> Float[Tensor, "15 3"]:
    """Angles in radians; ``spread`` degrees lie between neighbouring fingers beyond their rest."""
    flexions, abduction, twist = thumb
    angles = torch.zeros(5, 3, 3)
    angles[0, :, 0] = torch.tensor(flexions)
    angles[0, 0, 1:] = torch.tensor([abduction, twist])
    for finger, flexion in enumerate((index, middle, ring, little), start=1):
        angles[finger, :, 0] = torch.tensor(flexion)
    angles[1:, 0, 1] = spread * torch.tensor([-1.0, 0.0, 1.0, 2.0])
    return angles.flatten(0, 1).deg2rad()


GESTURES: dict[str, Float[Tensor, "15 3"]] = {
    "open": _gesture(THUMB_OUT, STRAIGHT, STRAIGHT, STRAIGHT, STRAIGHT),
    "spread": _gesture(THUMB_UP, STRAIGHT, STRAIGHT, STRAIGHT, STRAIGHT, spread=6),
    "closed": _gesture(THUMB_SIDE, STRAIGHT, STRAIGHT, STRAIGHT, STRAIGHT, spread=-5),
    "relaxed": _gesture(THUMB_REST, RELAXED, RELAXED, RELAXED, RELAXED),
    "half": _gesture(THUMB_REST, HALF, HALF, HALF, HALF),
    "fist": _gesture(THUMB_FIST, CURLED, CURLED, CURLED, CURLED, spread=-3),
    "thumbs_up": _gesture(THUMB_UP, CURLED, CURLED, CURLED, CURLED, spread=-3),
    "one": _gesture(THUMB_ON_MIDDLE, STRAIGHT, CURLED, CURLED, CURLED),
    "two": _gesture(THUMB_ON_RING, STRAIGHT, STRAIGHT, CURLED, CURLED, spread=5),
    "three": _gesture(THUMB_ON_LITTLE, STRAIGHT, STRAIGHT, STRAIGHT, CURLED, spread=3),
    "four": _gesture(THUMB_PALM, STRAIGHT, STRAIGHT, STRAIGHT, STRAIGHT, spread=2),
    "three_with_thumb": _gesture(THUMB_UP, STRAIGHT, STRAIGHT, CURLED, CURLED, spread=4),
    "gun": _gesture(THUMB_UP, STRAIGHT, CURLED, CURLED, CURLED),
    "horns": _gesture(THUMB_ON_MIDDLE, STRAIGHT, CURLED, CURLED, STRAIGHT),
    "call": _gesture(THUMB_UP, CURLED, CURLED, CURLED, STRAIGHT),
    "hook": _gesture(THUMB_REST, HOOKED, HOOKED, HOOKED, HOOKED),
    "table": _gesture(THUMB_SIDE, BENT, BENT, BENT, BENT),
    "claw": _gesture(THUMB_OUT, CLAWED, CLAWED, CLAWED, CLAWED, spread=5),
    "grip": _gesture(THUMB_GRIP, GRIPPING, GRIPPING, GRIPPING, GRIPPING),
    "pinch_index": _gesture(((14, -15, -20), -39, -18), (76, 34, -8), RELAXED, RELAXED, RELAXED, spread=2),
    "pinch_middle": _gesture(((10, -15, -20), -50, -13), RELAXED, (85, 34, -8), RELAXED, RELAXED, spread=2),
    "pinch_ring": _gesture(((7, -7, -20), -50, 16), RELAXED, RELAXED, (83, 30, -8), RELAXED, spread=2),
    "pinch_little": _gesture(((7, 13, -20), -50, 30), RELAXED, RELAXED, RELAXED, (82, 16, -8), spread=2),
    "ok": _gesture(((14, -15, -20), -39, -18), (76, 34, -8), STRAIGHT, STRAIGHT, STRAIGHT, spread=5),
    "tripod": _gesture(((17, -15, -20), -45, -17), (82, 32, -8), (74, 43, -8), HALF, HALF),
}

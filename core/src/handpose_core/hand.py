"""The 21-joint hand as data: names, bones, fingers, sides, colours, and each dataset's joint order.

Canonical order: wrist, then thumb, index, middle, ring, little, each from palm to tip.
This module imports nothing heavy, so that the command line can use it at start-up.
"""

from enum import IntEnum


class Side(IntEnum):
    """Which hand, as stored under the sample key ``side``."""

    LEFT = 0
    RIGHT = 1


FINGERS = ("thumb", "index", "middle", "ring", "little")
_THUMB_PARTS = ("cmc", "mcp", "ip", "tip")
_FINGER_PARTS = ("mcp", "pip", "dip", "tip")

JOINT_NAMES: tuple[str, ...] = (
    "wrist",
    *(f"thumb_{part}" for part in _THUMB_PARTS),
    *(f"{finger}_{part}" for finger in FINGERS[1:] for part in _FINGER_PARTS),
)
N_JOINTS = len(JOINT_NAMES)
WRIST = 0
MIDDLE_MCP = JOINT_NAMES.index("middle_mcp")
MIDDLE_PIP = JOINT_NAMES.index("middle_pip")
REFERENCE_BONE = (MIDDLE_MCP, MIDDLE_PIP)
"""The bone whose length is the scale `s` of relative depths and of the alignment ``root_scale``."""

FINGER_JOINTS: dict[str, tuple[int, ...]] = {
    finger: tuple(range(1 + 4 * i, 5 + 4 * i)) for i, finger in enumerate(FINGERS)
}
TIPS: tuple[int, ...] = tuple(joints[-1] for joints in FINGER_JOINTS.values())
PARENTS: tuple[int, ...] = (-1, *(0 if i % 4 == 1 else i - 1 for i in range(1, N_JOINTS)))
BONES: tuple[tuple[int, int], ...] = tuple((PARENTS[i], i) for i in range(1, N_JOINTS))
"""(parent, child) of each of the 20 bones; bone ``i`` ends at joint ``i + 1``."""

FINGER_COLOURS: dict[str, tuple[int, int, int]] = {
    "thumb": (230, 75, 53),
    "index": (243, 156, 18),
    "middle": (60, 179, 90),
    "ring": (52, 140, 219),
    "little": (155, 89, 182),
}
"""RGB in 0..255 for drawing; the wrist is drawn in WRIST_COLOUR."""
WRIST_COLOUR = (245, 245, 245)

_CANONICAL = tuple(range(N_JOINTS))
JOINT_ORDERS: dict[str, tuple[int, ...]] = {
    "canonical": _CANONICAL,
    "openpose": _CANONICAL,
    "freihand": _CANONICAL,
    "rhd": (0, 4, 3, 2, 1, 8, 7, 6, 5, 12, 11, 10, 9, 16, 15, 14, 13, 20, 19, 18, 17),
    "stb": (0, 17, 18, 19, 20, 13, 14, 15, 16, 9, 10, 11, 12, 5, 6, 7, 8, 1, 2, 3, 4),
    "mhp": (20, 17, 16, 18, 19, 1, 0, 2, 3, 5, 4, 6, 7, 13, 12, 14, 15, 9, 8, 10, 11),
    "mano": (0, 13, 14, 15, 16, 1, 2, 3, 17, 4, 5, 6, 18, 10, 11, 12, 19, 7, 8, 9, 20),
    "interhand": (20, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12, 19, 18, 17, 16),
}
"""``canonical = raw[JOINT_ORDERS[name]]``: the raw row of each canonical joint.

``mano``: MANO's 16 joints (wrist, index, middle, little, ring, thumb, each from palm to tip), then the tips from thumb
to little finger, as smplx and HO-3D append them. ``interhand``: one hand of InterHand2.6M, thumb to little finger, each
from tip to palm, then the wrist. ``openpose`` and ``freihand`` are the canonical order.
"""
#: Orders of the datasets that label the palm in the wrist's place.
PALM_ORDERS = ("stb", "mhp")

ADULT_HAND_LENGTH = (160.0, 210.0)
"""mm, wrist to middle tip along the bones: the hands that are baked and drawn."""


def to_raw_order(dataset: str) -> tuple[int, ...]:
    """The inverse permutation of ``JOINT_ORDERS[dataset]``: ``raw = canonical[to_raw_order(dataset)]``."""
    order = JOINT_ORDERS[dataset]
    return tuple(order.index(i) for i in range(N_JOINTS))

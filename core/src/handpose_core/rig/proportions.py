"""Lengths of the hand's segments: published means for every rig, and their spread as shape components.

Rigs are sculpted, not measured: their distal phalanges are up to 45 % too long, and a hand that is sized by one bone of
such a rig is sized wrongly. Segments are stretched together with the skin around them, so that joints stay where the
skin bends.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from handpose_core.hand import BONES, FINGER_JOINTS, JOINT_NAMES, TIPS, WRIST
from handpose_core.rig.asset import ARTICULATED, RigData
from handpose_core.rig.build import find_nails

#: Length in mm of each segment by the joint at its end, phalanges with the fingertip's soft tissue: Buryanov and Kotiuk
#: 2010, "Proportions of hand segments", International Journal of Morphology 28(3), radiographs of 66 adults.
PHALANGES: Mapping[str, float] = MappingProxyType(
    {
        "thumb_ip": 31.57, "thumb_tip": 21.67 + 5.67,
        "index_pip": 39.78, "index_dip": 22.38, "index_tip": 15.82 + 3.84,
        "middle_pip": 44.63, "middle_dip": 26.33, "middle_tip": 17.40 + 3.95,
        "ring_pip": 41.37, "ring_dip": 25.65, "ring_tip": 17.30 + 3.95,
        "little_pip": 32.74, "little_dip": 18.11, "little_tip": 15.96 + 3.73,
    }
)  # fmt: skip
#: Length of the thumb's metacarpal between joint centres over the hand's length (wrist to middle tip along the bones):
#: Buchholz, Armstrong and Goldstein 1992, Ergonomics 35(3), 0.251 of the external hand length, 0.99 of it in segments.
THUMB_METACARPAL = 0.251 / 0.99
#: One standard deviation of a segment's length, over the length, that a hand's size does not explain: the spreads of
#: Buryanov and Kotiuk less that of hand length (6 %).
_SPREAD = {"mcp": 0.05, "cmc": 0.12, "pip": 0.06, "dip": 0.08, "ip": 0.06, "tip": 0.08}
_THUMB_METACARPAL_SPREAD = 0.06
#: mm over which the skin of the palm passes from one metacarpal to the next.
_PALM_BLEND = 8.0


def segment_lengths(joints: Float[ndarray, "*n 21 3"]) -> Float[ndarray, "*n 20"]:
    """Return the length of each of the 20 segments.

    Args:
        joints: canonical joints, any unit.

    Returns:
        Lengths in the joints' unit; segment ``i`` ends at joint ``i + 1``.
    """
    parents = [parent for parent, _ in BONES]
    lengths: Float[ndarray, "*n 20"] = np.linalg.norm(joints[..., 1:, :] - joints[..., parents, :], axis=-1)
    return lengths


def with_published_lengths(rig: RigData) -> RigData:
    """Stretch a rig's phalanges to the published proportions, its middle finger as long as before.

    The thumb's CMC joint moves along its metacarpal, which lies deep in the palm: the skin stays.

    Args:
        rig: any rig, fingertips on the skin.

    Returns:
        The rig with other vertices and joints, and the nails where they lie now.
    """
    middle = [f"middle_{part}" for part in ("pip", "dip", "tip")]
    own = dict(zip(JOINT_NAMES[1:], segment_lengths(rig.joints), strict=True))
    scale = sum(own[name] for name in middle) / sum(PHALANGES[name] for name in middle)
    points, count = np.concatenate([rig.vertices, rig.joints]), len(rig.vertices)
    for name, length in PHALANGES.items():
        stretch = _stretch(points[:count], points[count:], rig.weights, JOINT_NAMES.index(name))
        points = points + (scale * length / own[name] - 1) * stretch
    joints = points[count:].copy()
    cmc, mcp = FINGER_JOINTS["thumb"][:2]
    hand = sum(segment_lengths(joints)[joint - 1] for joint in FINGER_JOINTS["middle"])
    back = joints[cmc] - joints[mcp]
    joints[cmc] = joints[mcp] + back * (THUMB_METACARPAL * hand / np.linalg.norm(back))
    vertices = points[:count]
    return replace(rig, vertices=vertices, joints=joints, nails=find_nails(vertices, rig.faces, joints, rig.weights))


def with_length_components(rig: RigData) -> RigData:
    """Append one shape component a segment to a rig: the spread of its length, apart from the hand's size.

    Args:
        rig: any rig.

    Returns:
        The rig with 20 further shape components, each of one standard deviation in mm, in the order of `BONES`.
    """
    fields = [
        _spread(joint) * _stretch(rig.vertices, rig.joints, rig.weights, joint) for joint in range(1, len(JOINT_NAMES))
    ]
    components, count = np.stack(fields), len(rig.vertices)
    return replace(
        rig,
        shape_vertices=np.concatenate([rig.shape_vertices, components[:, :count]]),
        shape_joints=np.concatenate([rig.shape_joints, components[:, count:]]),
    )


def _spread(joint: int) -> float:
    name = JOINT_NAMES[joint]
    return _THUMB_METACARPAL_SPREAD if name == "thumb_mcp" else _SPREAD[name.rpartition("_")[2]]


def _stretch(
    vertices: Float[ndarray, "v 3"], joints: Float[ndarray, "21 3"], weights: Float[ndarray, "v 16"], joint: int
) -> Float[ndarray, "p 3"]:
    """Return the displacement in mm of vertices, then joints, that doubles the segment that ends at a joint."""
    start = joints[BONES[joint - 1][0]]
    line = joints[joint] - start
    carried, own = _shares(vertices, joints, weights, joint)
    along = np.clip((np.concatenate([vertices, joints]) - start) @ line / (line @ line), 0, None)
    if joint not in TIPS:  # beyond the segment its whole length is added, as to the next one
        along = np.minimum(along, 1)
    displacement: Float[ndarray, "p 3"] = (carried + own * along)[:, None] * line
    return displacement


def _shares(
    vertices: Float[ndarray, "v 3"], joints: Float[ndarray, "21 3"], weights: Float[ndarray, "v 16"], joint: int
) -> tuple[Float[ndarray, " p"], Float[ndarray, " p"]]:
    """Return how far each point moves with what follows the segment, and how far it is part of the segment."""
    finger, part = divmod(joint - 1, 4)
    chain = list(FINGER_JOINTS.values())[finger]
    first = 1 + 3 * finger  # the finger's first articulated joint
    after = weights[:, first + part : first + 3].sum(1)
    own = weights[:, first + part - 1] if part else _palm_share(vertices, joints, weights, finger)
    moved, within = np.zeros(len(joints)), np.zeros(len(joints))
    moved[list(chain[part:])] = 1
    return np.concatenate([after, moved]), np.concatenate([own, within])


def _palm_share(
    vertices: Float[ndarray, "v 3"], joints: Float[ndarray, "21 3"], weights: Float[ndarray, "v 16"], finger: int
) -> Float[ndarray, " v"]:
    """Return how far the palm's skin belongs to a finger's metacarpal: by nearness, over all five."""
    distances = np.stack([_distance(vertices, joints[WRIST], joints[c[0]]) for c in FINGER_JOINTS.values()], axis=1)
    nearness = np.exp(-np.square(distances - distances.min(1, keepdims=True)) / (2 * _PALM_BLEND**2))
    share: Float[ndarray, " v"] = (
        weights[:, ARTICULATED.index(WRIST)] * (nearness / nearness.sum(1, keepdims=True))[:, finger]
    )
    return share


def _distance(
    points: Float[ndarray, "p 3"], start: Float[ndarray, "3"], end: Float[ndarray, "3"]
) -> Float[ndarray, " p"]:
    """Return the distance of points from a segment."""
    line = end - start
    along = np.clip((points - start) @ line / (line @ line), 0, 1)
    distance: Float[ndarray, " p"] = np.linalg.norm(points - start - along[:, None] * line, axis=-1)
    return distance

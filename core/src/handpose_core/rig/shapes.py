"""Shape components for a rig that has none: lengths and widths of its parts, worked out from its bones."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from handpose_core.hand import FINGER_JOINTS
from handpose_core.rig.asset import ARTICULATED

_SCALE, _LENGTH, _THICKNESS, _PALM = 0.045, 0.06, 0.09, 0.05
"""One standard deviation of each component, as a fraction of the part's own size: adults' anthropometric spreads."""


def part_shapes(
    vertices: Float[ndarray, "v 3"], joints: Float[ndarray, "21 3"], weights: Float[ndarray, "v 16"]
) -> tuple[Float[ndarray, "s v 3"], Float[ndarray, "s 21 3"]]:
    """Nine components in mm: size, length of each finger, thickness of the fingers, width and depth of the palm.

    Args:
        vertices: at rest, canonical frame.
        joints: likewise.
        weights: skinning weights; they say which part a vertex belongs to.
    """
    points = np.concatenate([vertices, joints])
    shares = np.concatenate([weights, _joint_weights()])
    fingers = [shares[:, 1 + 3 * i : 4 + 3 * i].sum(1, keepdims=True) for i in range(len(FINGER_JOINTS))]
    components = [_SCALE * points]
    components += [
        share * _LENGTH * _along(points, joints[chain[0]], joints[chain[3]])
        for share, chain in zip(fingers, FINGER_JOINTS.values(), strict=True)
    ]
    offsets = [_across(points, joints, shares, bone) for bone in range(1, len(ARTICULATED))]
    components.append(_THICKNESS * np.sum(offsets, axis=0))
    for axis in (0, 2):
        components.append(_PALM * _palm_stretch(points, joints, shares, fingers, axis))
    stacked = np.stack(components)
    return stacked[:, : len(vertices)], stacked[:, len(vertices) :]


def _joint_weights() -> Float[ndarray, "21 16"]:
    """Each joint belongs to its own bone, a tip to its last one, an MCP to the palm that carries it."""
    weights = np.zeros((21, len(ARTICULATED)))
    for joint in range(21):
        is_base = joint in (0, *(chain[0] for chain in FINGER_JOINTS.values()))
        owner = joint if joint in ARTICULATED else joint - 1
        weights[joint, 0 if is_base else ARTICULATED.index(owner)] = 1
    return weights


def _along(
    points: Float[ndarray, "p 3"], start: Float[ndarray, "3"], end: Float[ndarray, "3"]
) -> Float[ndarray, "p 3"]:
    """Displacement that stretches a finger along its line from base to tip by its own length."""
    line = end - start
    share = np.clip((points - start) @ line / (line @ line), 0, None)
    return share[:, None] * line


def _across(
    points: Float[ndarray, "p 3"], joints: Float[ndarray, "21 3"], shares: Float[ndarray, "p 16"], bone: int
) -> Float[ndarray, "p 3"]:
    """Offset of each point from a bone's axis, as far as the bone moves it."""
    start, end = joints[ARTICULATED[bone]], joints[ARTICULATED[bone] + 1]
    line = (end - start) / np.linalg.norm(end - start)
    offset = points - start
    return shares[:, [bone]] * (offset - (offset @ line)[:, None] * line)


def _palm_stretch(
    points: Float[ndarray, "p 3"],
    joints: Float[ndarray, "21 3"],
    shares: Float[ndarray, "p 16"],
    fingers: list[Float[ndarray, "p 1"]],
    axis: int,
) -> Float[ndarray, "p 3"]:
    """Displacement that widens the palm along an axis; fingers move with their bases and keep their own width."""
    moved = np.zeros_like(points)
    moved[:, axis] = shares[:, 0] * points[:, axis]
    for share, chain in zip(fingers, FINGER_JOINTS.values(), strict=True):
        moved[:, axis] += share[:, 0] * joints[chain[0], axis]
    return moved

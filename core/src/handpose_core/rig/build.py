"""From any hand mesh with 21 joints to the canonical rig: frame, closed wrist, hinge axes, nails."""

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from handpose_core.errors import HandposeError
from handpose_core.hand import FINGER_JOINTS, JOINT_NAMES
from handpose_core.mesh import boundary_loops, vertex_normals
from handpose_core.rig.asset import RigData
from handpose_core.rig.landmarks import tips_on_skin, wrist_at_carpus

_INDEX, _MIDDLE, _LITTLE = (JOINT_NAMES.index(f"{finger}_mcp") for finger in ("index", "middle", "little"))

_THUMB_HINGE = np.array([-0.42, -0.32, 0.85])
"""Flexion axis of a thumb held out beside the palm, in the canonical frame: measured on the packaged rig."""
_STRAIGHT = 0.26
"""Sum of the sines of a finger's two bends at rest where its own plane and the typical axis count alike: 15 degrees."""


def build_rig(
    vertices: Float[ndarray, "v 3"],
    faces: Int[ndarray, "f 3"],
    joints: Float[ndarray, "21 3"],
    weights: Float[ndarray, "v 16"],
    shape_vertices: Float[ndarray, "s v 3"],
    shape_joints: Float[ndarray, "s 21 3"],
    licence: str,
) -> RigData:
    """Assemble a rig from a right hand in any pose of the world, in mm; the wrist is capped if it is open.

    Wrist and fingertips go where `landmarks` has them.

    Raises:
        HandposeError: the fingers curl away from the palm (a left hand, or mirrored joints), or there are several
            openings.
    """
    _require_right_hand(joints)
    joints = wrist_at_carpus(tips_on_skin(joints, vertices, weights))
    axes = palm_axes(joints)
    origin = joints[0]
    vertices, joints = (vertices - origin) @ axes, (joints - origin) @ axes
    shape_vertices, shape_joints = shape_vertices @ axes, shape_joints @ axes
    loop = _wrist_opening(faces)
    if len(loop):
        vertices, faces, weights, shape_vertices = _cap(vertices, faces, weights, shape_vertices, loop)
    return RigData(
        vertices=vertices,
        faces=faces,
        joints=joints,
        weights=weights / weights.sum(1, keepdims=True),
        hinges=hinge_axes(joints),
        shape_vertices=shape_vertices,
        shape_joints=shape_joints,
        wrist_loop=loop,
        nails=find_nails(vertices, faces, joints, weights),
        licence=licence,
    )


def palm_axes(joints: Float[ndarray, "21 3"]) -> Float[ndarray, "3 3"]:
    """Columns x (to the thumb's side), y (wrist to middle MCP) and z (out of a right hand's palm)."""
    y = _unit(joints[_MIDDLE] - joints[0])
    across = joints[_INDEX] - joints[_LITTLE]
    x = _unit(across - (across @ y) * y)
    return np.stack([x, y, np.cross(x, y)], axis=1)


def hinge_axes(joints: Float[ndarray, "21 3"]) -> Float[ndarray, "5 3"]:
    """Flexion axis of each finger in the canonical frame: the normal of the plane it curls in at rest.

    A finger that is nearly straight at rest has no such plane: the less it is bent, the more a typical axis counts,
    the palm's x for the fingers.
    """
    hinges = []
    for finger, chain in FINGER_JOINTS.items():
        first, second, third = _unit(np.diff(joints[list(chain)], axis=0))
        typical = _THUMB_HINGE if finger == "thumb" else np.array([1.0, 0.0, 0.0])
        typical = _unit(typical - (typical @ first) * first)
        normal = np.cross(first, second) + np.cross(second, third)
        bend = max(0.0, float(normal @ typical))
        trust = bend**2 / (bend**2 + _STRAIGHT**2)
        hinges.append(_unit(trust * _unit(normal) + (1 - trust) * typical))
    return np.stack(hinges)


def _wrist_opening(faces: Int[ndarray, "f 3"]) -> Int[ndarray, "w"]:
    """The vertices around the mesh's one opening; empty when it is closed."""
    loops = boundary_loops(faces)
    if len(loops) > 1:
        raise HandposeError(
            "rig mesh", f"{len(loops)} openings", "one opening, at the wrist", "Close the other holes first."
        )
    return loops[0] if loops else np.zeros(0, np.int64)


def find_nails(
    vertices: Float[ndarray, "v 3"],
    faces: Int[ndarray, "f 3"],
    joints: Float[ndarray, "21 3"],
    weights: Float[ndarray, "v 16"],
) -> Bool[ndarray, "v"]:
    """The vertices on the back of each last phalanx, over its outer 55 %, within a nail's width."""
    normals = vertex_normals(torch.as_tensor(vertices), torch.as_tensor(faces)).numpy()
    nails = np.zeros(len(vertices), bool)
    for finger, (chain, hinge) in enumerate(zip(FINGER_JOINTS.values(), hinge_axes(joints), strict=True)):
        start, tip = joints[chain[2]], joints[chain[3]]
        along = _unit(tip - start)
        across = _unit(hinge - (hinge @ along) * along)
        back = -np.cross(across, along)
        position = (vertices - start) @ along / np.linalg.norm(tip - start)
        distal = weights[:, 3 + 3 * finger] > 0.5
        nails |= distal & (position > 0.45) & (position < 1.02) & (normals @ back > 0.55)
    return nails


def _cap(
    vertices: Float[ndarray, "v 3"],
    faces: Int[ndarray, "f 3"],
    weights: Float[ndarray, "v 16"],
    shape_vertices: Float[ndarray, "s v 3"],
    loop: Int[ndarray, "w"],
) -> tuple[Float[ndarray, "u 3"], Int[ndarray, "g 3"], Float[ndarray, "u 16"], Float[ndarray, "s u 3"]]:
    """Close the opening by a fan of faces around one new vertex at the loop's centre."""
    fan = np.stack([np.roll(loop, -1), loop, np.full_like(loop, len(vertices))], axis=1)
    return (
        np.concatenate([vertices, vertices[loop].mean(0, keepdims=True)]),
        np.concatenate([faces, fan]),
        np.concatenate([weights, weights[loop].mean(0, keepdims=True)]),
        np.concatenate([shape_vertices, shape_vertices[:, loop].mean(1, keepdims=True)], axis=1),
    )


def curls_into_palm(joints: Float[ndarray, "21 3"]) -> bool:
    """Whether the fingers bend to the side where a right hand's palm would be: false for a left hand."""
    local = (joints - joints[0]) @ palm_axes(joints)
    return bool(np.mean([local[chain[3], 2] - local[chain[0], 2] for chain in list(FINGER_JOINTS.values())[1:]]) > 0)


def _require_right_hand(joints: Float[ndarray, "21 3"]) -> None:
    if not curls_into_palm(joints):
        raise HandposeError(
            "rig joints", "fingers that curl away from the palm", "a right hand",
            "Mirror the mesh and its joints (x -> -x, faces reversed), or check the joints' names.",
        )  # fmt: skip


def _unit(vector: Float[ndarray, "*n 3"]) -> Float[ndarray, "*n 3"]:
    unit: Float[ndarray, "*n 3"] = vector / np.maximum(np.linalg.norm(vector, axis=-1, keepdims=True), 1e-12)
    return unit

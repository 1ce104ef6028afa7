"""Meshes as files that other programs show."""

from pathlib import Path

import numpy as np
import trimesh
from jaxtyping import Float
from numpy import ndarray

from handpose_core.hand import BONES
from handpose_core.io.atomic import write_bytes

_TO_GLTF = np.diag([1e-3, -1e-3, -1e-3, 1.0])
"""From mm with y down and z away to metres with y up, as glTF has it; a turn, so that no face is turned inside out."""
_SKIN = np.array([224, 172, 145, 255], np.uint8)
_JOINT, _BONE = 5.0, 3.0
"""mm, radii of a skeleton's balls and sticks."""


def write_glb(path: Path, mesh: trimesh.Trimesh) -> None:
    """Write a mesh (mm, y down, z away) as a binary glTF file, which W&B's Object3D and every viewer take."""
    shown = mesh.copy()
    shown.apply_transform(_TO_GLTF)
    shown.visual = trimesh.visual.ColorVisuals(shown, vertex_colors=np.tile(_SKIN, (len(shown.vertices), 1)))
    content = shown.export(file_type="glb", include_normals=True)  # else viewers draw every face flat
    assert isinstance(content, bytes)
    write_bytes(path, content)


def skeleton(joints: Float[ndarray, "21 3"]) -> trimesh.Trimesh:
    """A hand of balls and sticks, for models that estimate no surface.

    Args:
        joints: mm.
    """
    parts = [trimesh.creation.icosphere(subdivisions=2, radius=_JOINT) for _ in joints]
    for ball, joint in zip(parts, joints, strict=True):
        ball.apply_translation(joint)
    ends = [joints[list(bone)] for bone in BONES]
    parts += [
        trimesh.creation.cylinder(_BONE, segment=segment, sections=12)
        for segment in ends
        if np.linalg.norm(segment[1] - segment[0]) > 1e-3
    ]
    joined = trimesh.util.concatenate(parts)
    assert isinstance(joined, trimesh.Trimesh)
    return joined

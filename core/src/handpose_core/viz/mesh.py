"""Meshes as files that other programs show."""

from pathlib import Path

import numpy as np
import trimesh

from handpose_core.atomic import write_bytes

_TO_GLTF = np.diag([1e-3, -1e-3, -1e-3, 1.0])
"""From mm with y down and z away to metres with y up, as glTF has it; a turn, so that no face is turned inside out."""
_SKIN = np.array([224, 172, 145, 255], np.uint8)


def write_glb(path: Path, mesh: trimesh.Trimesh) -> None:
    """Write a mesh (mm, y down, z away) as a binary glTF file, which W&B's Object3D and every viewer take."""
    shown = mesh.copy()
    shown.apply_transform(_TO_GLTF)
    shown.visual = trimesh.visual.ColorVisuals(shown, vertex_colors=np.tile(_SKIN, (len(shown.vertices), 1)))
    content = shown.export(file_type="glb")
    assert isinstance(content, bytes)
    write_bytes(path, content)

"""Bake the target world's rig from the generic hand of WebXR's input profiles.

    npm pack @webxr-input-profiles/assets && tar xzf *.tgz
    python -m handpose_core.rig.bake_webxr package/dist/profiles/generic-hand/right.glb OUT

The asset is under the MIT licence (Copyright (c) 2019 Amazon). It has one shape; components are added to it.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from handpose_core.mesh import face_normals
from handpose_core.rig.asset import RigData, save_rig
from handpose_core.rig.build import build_rig
from handpose_core.rig.glb import load_glb
from handpose_core.rig.proportions import with_length_components, with_published_lengths
from handpose_core.rig.shapes import part_shapes

LICENCE = (
    "Baked from the generic hand of @webxr-input-profiles/assets "
    "(https://github.com/immersive-web/webxr-input-profiles), Copyright (c) 2019 Amazon, MIT License."
)

_LID = 18.0
"""mm from the stump's end within which backward faces are its lid."""


def main() -> None:
    """Write the rig to the path given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("glb", type=Path, help="the package's right.glb")
    parser.add_argument("out", type=Path, help="the .npz to write")
    arguments = parser.parse_args()
    rig = with_published_lengths(_open_wrist(load_glb(arguments.glb)))
    shape_vertices, shape_joints = part_shapes(rig.vertices, rig.joints, rig.weights)
    shaped = replace(rig, shape_vertices=shape_vertices, shape_joints=shape_joints)
    save_rig(with_length_components(shaped), arguments.out)
    print(f"{arguments.out}: {len(rig.vertices)} vertices, {arguments.out.stat().st_size / 1e3:.0f} kB")


def _open_wrist(rig: RigData) -> RigData:
    """Take the lid off the forearm's stump and put our own cap there: its rim is then known, for an arm to grow."""
    corners = rig.vertices[rig.faces]
    normals = face_normals(torch.as_tensor(rig.vertices), torch.as_tensor(rig.faces)).numpy()
    lid = (normals[:, 1] < -0.85) & (corners[..., 1].max(1) < rig.vertices[:, 1].min() + _LID)
    faces = rig.faces[~lid]
    kept = np.unique(faces)
    renumbered = np.full(len(rig.vertices), -1)
    renumbered[kept] = np.arange(len(kept))
    none = np.zeros((0, len(kept), 3)), np.zeros((0, 21, 3))
    return build_rig(rig.vertices[kept], renumbered[faces], rig.joints, rig.weights[kept], *none, LICENCE)


if __name__ == "__main__":
    main()

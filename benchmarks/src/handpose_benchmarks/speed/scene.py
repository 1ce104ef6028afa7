"""What the renderers draw, the same for ours and its peers: posed hands before one camera."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int

from handpose_core.rig import HandRig, pose_from_angles
from handpose_core.synth.poses import PoseSampler

DISTANCE_MM = 450.0
FOCAL_PX_PER_SIZE = 1.6
"""Focal length over image size: a hand of 180 mm at ``DISTANCE_MM`` then spans two thirds of the image."""


@dataclass(frozen=True)
class Scene:
    """Posed hands before one camera.

    Attributes:
        vertices: One hand a frame, mm, camera frame (x right, y down, z forward).
        faces: Triangles, the same in all frames.
        K: Intrinsics in px, fx = fy; (0, 0) is the centre of the top-left pixel.
        size: Width and height of the image, px.
    """

    vertices: Float[np.ndarray, "frames vertices 3"]
    faces: Int[np.ndarray, "faces 3"]
    K: Float[np.ndarray, "3 3"]
    size: int


def posed_hands(frames: int, size: int, vertices: int | None = None) -> Scene:
    """Hands in sampled poses, shapes and orientations, in the middle of the image; the same at every call.

    Args:
        frames: How many hands.
        size: Width and height of the image, px.
        vertices: How many the rig shall have; its own count by default.
    """
    generator = torch.Generator().manual_seed(0)
    rig = HandRig(vertices=vertices)
    shape = torch.randn(frames, rig.n_shapes, generator=generator)
    angles = PoseSampler(rig).sample(frames, generator, shape)
    rotation = torch.linalg.qr(torch.randn(frames, 3, 3, generator=generator)).Q
    rotation = rotation * torch.linalg.det(rotation)[:, None, None]  # no reflections
    with torch.no_grad():
        points = rig(pose_from_angles(rig, angles), shape, rotation).vertices
    centred = points - (points.amin(1, keepdim=True) + points.amax(1, keepdim=True)) / 2
    focal, middle = FOCAL_PX_PER_SIZE * size, (size - 1) / 2
    return Scene(
        vertices=(centred + torch.tensor([0.0, 0.0, DISTANCE_MM])).numpy(),
        faces=rig.faces.numpy(),
        K=np.array([[focal, 0.0, middle], [0.0, focal, middle], [0.0, 0.0, 1.0]]),
        size=size,
    )

"""A synthetic frame as RHD would have it: mask classes, rows of both hands, metres."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from handpose_core.datasets.rhd_layout import BACKGROUND, BONE_CLASSES, PERSON, joint_rows, raw_joints
from handpose_core.hand import Side
from handpose_core.synth.frame import SyntheticFrame
from handpose_core.synth.layouts.rhd import RHDFrame

_APART = 400.0
"""mm between the two hands' wrists, at least; enough to have the other one out of the picture."""


def rhd_frame(frame: SyntheticFrame) -> RHDFrame:
    """Put a frame into RHD's form. It always labels two hands: the other one is beside the first, out of sight."""
    class_of_segment = np.array([BACKGROUND, PERSON, *BONE_CLASSES[frame.side]], np.uint8)
    uv_vis, xyz = raw_joints(frame.joints_2d, frame.visible, frame.joints_3d, frame.side)
    other = Side.LEFT if frame.side == Side.RIGHT else Side.RIGHT
    beside = _beside(frame)
    homogeneous = beside @ frame.K.T
    unseen = np.zeros(len(beside), bool)
    uv_other, xyz_other = raw_joints(homogeneous[:, :2] / homogeneous[:, 2:], unseen, beside, other)
    rows = joint_rows(other)
    uv_vis[rows], xyz[rows] = uv_other[rows], xyz_other[rows]
    return RHDFrame(
        colour=frame.colour,
        depth=frame.depth,
        classes=class_of_segment[frame.segments],
        uv_vis=uv_vis,
        xyz=xyz,
        K=frame.K,
    )


def _beside(frame: SyntheticFrame) -> Float[ndarray, "21 3"]:
    """The other hand's joints: the first's mirrored and moved out of the picture, to the side a body would have it."""
    width = frame.colour.shape[1]
    half_view = width / 2 / frame.K[0, 0] * frame.joints_3d[:, 2].max()
    mirrored = frame.joints_3d * np.array([-1.0, 1.0, 1.0])
    direction = 1.0 if frame.side == Side.LEFT else -1.0
    away = direction * (half_view + _APART)
    mirrored[:, 0] += away - mirrored[:, 0].mean()
    return mirrored

"""The label tensors of a sample whose 21 joints are all given in 3D."""

import numpy as np
import torch
from jaxtyping import Float, Float64, UInt8
from numpy import ndarray
from torch import Tensor

from handpose_core.camera import project
from handpose_core.datasets.sample import Sample
from handpose_core.errors import HandposeError
from handpose_core.hand import N_JOINTS, WRIST

_SPANS = (30.0, 400.0)
"""mm from the root to the farthest joint: more than a fist's, less than any hand's; metres fall below."""


def image_tensor(rgb: UInt8[ndarray, "h w 3"]) -> Float[Tensor, "3 h w"]:
    """An RGB image as the contract has it, channels last in memory, so that a crop can warp it without a copy."""
    return torch.from_numpy(rgb).permute(2, 0, 1) / 255


def labels_3d(where: str, joints_3d: Float64[ndarray, "21 3"], K: Float64[ndarray, "3 3"]) -> Sample:
    """``joints_2d, joints_3d, annotated, visible, K`` of canonical joints (mm, camera frame) and their camera.

    For datasets that do not say which joints can be seen: ``visible`` is true for all.

    Raises:
        HandposeError: a joint that is not in front of the camera, a hand of no hand's size, or intrinsics that
            are no camera's.
    """
    if not (K[0, 0] > 0 and K[1, 1] > 0 and (K[2] == [0, 0, 1]).all()):
        raise HandposeError(
            f"{where}, K",
            str(K.tolist()),
            "positive focal lengths, and 0 0 1 in the last row",
            "Check the order of the numbers, or leave this frame out with `exclude`.",
        )
    if not (joints_3d[:, 2] > 0).all():
        raise HandposeError(
            f"{where}, joint {int(joints_3d[:, 2].argmin())}",
            f"z = {joints_3d[:, 2].min():.6g} mm",
            "joints in front of the camera",
            "Check the calibration and the joints, or leave this frame out with `exclude`.",
        )
    span = float(np.linalg.norm(joints_3d - joints_3d[WRIST], axis=-1).max())
    if not _SPANS[0] <= span <= _SPANS[1]:
        raise HandposeError(
            f"{where}, joints",
            f"a hand that reaches {span:.4g} mm from its root",
            f"a hand's size in millimetres, {_SPANS[0]:g} to {_SPANS[1]:g} mm",
            "Check the unit (metres?) and the joints, or leave this frame out with `exclude`.",
        )
    joints, intrinsics = torch.from_numpy(joints_3d), torch.from_numpy(K)
    return {
        "joints_2d": project(joints, intrinsics).float(),
        "joints_3d": joints.float(),
        "annotated": torch.ones(N_JOINTS, dtype=torch.bool),
        "visible": torch.ones(N_JOINTS, dtype=torch.bool),
        "K": intrinsics.float(),
    }

"""The label tensors of a sample."""

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, UInt8
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


def without_unlabelled(sample: Sample) -> Sample:
    """Set joints that are not annotated to 0 and invisible, whatever a file has in their place.

    Args:
        sample: With ``annotated`` (21, or more axes in front), and any of ``joints_2d``, ``joints_3d``, ``visible``.

    Returns:
        The sample with numbers in all joints; the same where it has no ``annotated``.
    """
    if "annotated" not in sample or sample["annotated"].all():
        return sample
    annotated = sample["annotated"]
    joints = {key: sample[key].where(annotated[..., None], 0) for key in sample.keys() & {"joints_2d", "joints_3d"}}
    seen = {key: sample[key] & annotated for key in sample.keys() & {"visible"}}
    return {**sample, **joints, **seen}


def labels_3d(
    where: str,
    joints_3d: Float64[ndarray, "21 3"],
    K: Float64[ndarray, "3 3"],
    annotated: Bool[ndarray, "21"] | None = None,
) -> Sample:
    """Check canonical joints and their camera, and project them.

    Args:
        where: The sample's name, for messages.
        joints_3d: mm, camera frame.
        K: Intrinsics, px.
        annotated: Which joints have a label; the others may be anything. Default: all.

    Returns:
        ``joints_2d, joints_3d, annotated, visible, K``. For datasets that do not say which joints can be seen:
        ``visible`` is true for all that are annotated. Joints without a label are 0.

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
    known = np.ones(N_JOINTS, bool) if annotated is None else annotated
    joints_3d = np.where(known[:, None], joints_3d, (0, 0, 1))  # a place before the camera
    if not (joints_3d[:, 2] > 0).all():
        raise HandposeError(
            f"{where}, joint {int(joints_3d[:, 2].argmin())}",
            f"z = {joints_3d[:, 2].min():.6g} mm",
            "joints in front of the camera",
            "Check the calibration and the joints, or leave this frame out with `exclude`.",
        )
    # A few joints can lie close together, and their extent is measured from any of them.
    root = joints_3d[WRIST if known[WRIST] else int(known.argmax())]
    span = float(np.linalg.norm(joints_3d - root, axis=-1).max(where=known, initial=0.0))
    least = _SPANS[0] if known.sum() > N_JOINTS // 2 else 0.0
    if not least <= span <= _SPANS[1]:
        raise HandposeError(
            f"{where}, joints",
            f"a hand that reaches {span:.4g} mm from its root",
            f"a hand's size in millimetres, {_SPANS[0]:g} to {_SPANS[1]:g} mm",
            "Check the unit (metres?) and the joints, or leave this frame out with `exclude`.",
        )
    joints, intrinsics = torch.from_numpy(joints_3d), torch.from_numpy(K)
    return without_unlabelled(
        {
            "joints_2d": project(joints, intrinsics).float(),
            "joints_3d": joints.float(),
            "annotated": torch.from_numpy(known.copy()),
            "visible": torch.from_numpy(known.copy()),
            "K": intrinsics.float(),
        }
    )

"""Constant hands: the best answers that look at no picture, learnt from training labels alone.

All of them are of the right-handed view: left hands are mirrored first, as their mirror images are other shapes.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from handpose_core.camera import reference_length
from handpose_core.errors import HandposeError
from handpose_core.hand import JOINT_NAMES, REFERENCE_BONE, WRIST, Side
from handpose_core.metrics.functional.alignment import align_procrustes

_ROUNDS = 10
"""Of the generalised Procrustes analysis, which changes by less than 0.01 mm after the third."""


def mirror_left(points: Float[Tensor, "batch n 3"], side: Int[Tensor, " batch"]) -> Float[Tensor, "batch n 3"]:
    """Mirror left hands at the plane x = 0; applied twice it changes nothing.

    Args:
        points: Relative to the root, in any unit.
        side: `Side` of each hand.

    Returns:
        The same points, x negated where the hand is a left one.
    """
    sign = torch.where(side == Side.LEFT, -1.0, 1.0).to(points)
    return torch.cat([points[..., :1] * sign[:, None, None], points[..., 1:]], dim=-1)


def mirror_left_pixels(
    pixels: Float[Tensor, "batch n 2"], side: Int[Tensor, " batch"], width: int
) -> Float[Tensor, "batch n 2"]:
    """Mirror the pixels of left hands in their picture; applied twice it changes nothing.

    Args:
        pixels: Of the picture, (0, 0) being the centre of its top-left pixel.
        side: `Side` of each hand.
        width: Of the picture, px.

    Returns:
        The same pixels, u replaced by ``width - 1 - u`` where the hand is a left one.
    """
    left = (side == Side.LEFT)[:, None]
    u = torch.where(left, width - 1 - pixels[..., 0], pixels[..., 0])
    return torch.stack([u, pixels[..., 1]], dim=-1)


def mean_points(
    points: Float[Tensor, "batch 21 dim"], annotated: Bool[Tensor, "batch 21"], what: str
) -> Float[Tensor, "21 dim"]:
    """Compute the mean of each joint over the hands in which it is annotated.

    Args:
        points: Of right hands.
        annotated: Which joints count.
        what: Names the constant in messages.

    Returns:
        The mean, in the unit of ``points``.

    Raises:
        HandposeError: a joint is annotated in no hand.
    """
    counts = annotated.sum(dim=0)
    if bool((counts == 0).any()):
        missing = JOINT_NAMES[int((counts == 0).nonzero()[0])]
        raise HandposeError(
            f"{what}, {missing}", "no training sample in which it is annotated", "at least one",
            "Train on data with labels of all 21 joints.",
        )  # fmt: skip
    total = torch.where(annotated[..., None], points, 0).double().sum(dim=0)
    return (total / counts[:, None]).to(points)


def mean_pose(joints: Float[Tensor, "batch 21 3"], annotated: Bool[Tensor, "batch 21"]) -> Float[Tensor, "21 3"]:
    """Compute the mean hand after the wrists were brought together and the reference bones scaled to length 1.

    Among the hands that do not depend on the picture this one has the smallest squared error where the true wrist and
    the true length of the reference bone are given (alignments ``none``, ``root`` and ``root_scale``).

    Args:
        joints: Of right hands, mm.
        annotated: Which joints count; hands whose wrist or reference bone is not annotated are left out.

    Returns:
        Joints relative to the wrist, in lengths of the reference bone.

    Raises:
        HandposeError: a joint is annotated in no such hand.
    """
    lengths = reference_length(joints)
    usable = annotated[:, [WRIST, *REFERENCE_BONE]].all(dim=1) & (lengths > 0)
    relative = (joints - joints[:, [WRIST]])[usable] / lengths[usable][:, None, None]
    return mean_points(relative, annotated[usable], "best constant 3D hand")


def mean_shape(joints: Float[Tensor, "batch 21 3"], annotated: Bool[Tensor, "batch 21"]) -> Float[Tensor, "21 3"]:
    """Compute the mean hand after similarity transforms to each other (generalised Procrustes analysis, Gower 1975).

    Args:
        joints: Of right hands, mm.
        annotated: Which joints count; hands with fewer than three are left out.

    Returns:
        Joints relative to the wrist, its reference bone of length 1. Where alignment is ``procrustes``, no constant
        hand has a smaller squared error but for the hands' sizes.

    Raises:
        HandposeError: a joint is annotated in no hand whose wrist and reference bone are annotated, too.
    """
    mean = mean_pose(joints, annotated)
    usable = annotated.sum(dim=1) >= 3
    joints, annotated = joints[usable], annotated[usable]
    for _ in range(_ROUNDS):
        laid, _ = align_procrustes(joints, mean.expand_as(joints), annotated, WRIST)
        mean = mean_points(laid, annotated, "best constant 3D hand")
        mean = (mean - mean[WRIST]) / reference_length(mean)
    return mean

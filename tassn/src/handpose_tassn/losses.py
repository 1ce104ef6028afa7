"""TASSN's losses (thesis, sections 4.3.2 to 4.3.4) and two that go beyond it: pure functions.

Squared Frobenius norms are means over pixels, joints or vertices and frames, so that their weights mean the same for
maps, meshes and clips of any size. Places are (u, v, d) as in `handpose_tassn.networks`.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from handpose_core.hand import BONES, FINGER_JOINTS, WRIST
from handpose_core.precision import single_precision
from handpose_core.render import pyramid_loss
from handpose_core.rig import JOINT_LIMITS

SQUARED_BONES = 17.8
"""Sum of a hand's 20 squared bone lengths, in reference bones: 18.0 and 17.6 in the two packaged rigs, 17.9 by Buchholz
et al. 1992."""
_MARGIN = 0.26
"""rad; joints labelled on the skin bend by as much more than the bones in it: 15 degrees."""
_LEAST_ACROSS = 0.1
"""Least part of `SQUARED_BONES` that lies across the line of sight, whatever the depths say."""
_TINY = 1e-8

_FINGERS = torch.tensor([[WRIST, *joints] for joints in FINGER_JOINTS.values()])
_LARGEST_BEND = (JOINT_LIMITS.unflatten(0, (5, 3))[:, :, 0, 1] + _MARGIN).clamp_max(torch.pi)


@single_precision
def consistency_loss(
    forward: Float[Tensor, "batch t n 3"], backward: Float[Tensor, "batch t n 3"]
) -> Float[Tensor, ""]:
    """L_c^p (4.3) or L_c^m (4.4): squared distances of what both directions say of the same frames.

    The thesis divides n + 1 terms by n; here a mean is a mean.
    """
    return (forward - backward).square().sum(-1).mean()


@single_precision
def silhouette_loss(
    coverage: Float[Tensor, "batch 1 size size"],
    target: Float[Tensor, "batch 1 size size"],
    counted: Bool[Tensor, " batch"],
    levels: int = 0,
) -> Float[Tensor, ""]:
    """L_m (4.2): squared difference of silhouettes, a mean over the counted ones' pixels; 0 when none is counted.

    Args:
        coverage: of the estimated meshes.
        target: of the hands.
        counted: those with a target to trust.
        levels: halvings compared as well, see `pyramid_loss`; the thesis has none.
    """
    losses = pyramid_loss(coverage, target, levels)
    return torch.where(counted, losses, 0).sum() / counted.sum().clamp_min(1)


@single_precision
def place_loss(
    predicted: Float[Tensor, "*batch n 3"],
    target: Float[Tensor, "*batch n 3"],
    counted: Bool[Tensor, "*batch"],
    crop: float,
) -> Float[Tensor, ""]:
    """Smooth L1 distance of places to labelled ones, a mean over the counted hands; 0 when none is counted.

    Args:
        predicted: (u, v, d).
        target: likewise.
        counted: hands with labels.
        crop: the crop's side in reference bones, which makes u and v comparable with d.
    """
    error = torch.where(counted[..., None, None], predicted - target, 0)
    error = error * error.new_tensor([crop, crop, 1.0])
    summed = F.smooth_l1_loss(error, torch.zeros_like(error), reduction="sum", beta=0.1)
    return summed / (counted.sum() * predicted.shape[-2] * predicted.shape[-1]).clamp_min(1)


@single_precision
def projection_loss(
    joints: Float[Tensor, "*batch 21 3"], places: Float[Tensor, "*batch 21 2"], annotated: Bool[Tensor, "*batch 21"]
) -> Float[Tensor, ""]:
    """Squared distance of the pose's own u and v to the 2D labels, a mean over annotated joints; 0 without any."""
    error = torch.where(annotated[..., None], joints[..., :2] - places, 0)
    return error.square().sum() / annotated.sum().clamp_min(1)


@single_precision
def hand_frame(joints: Float[Tensor, "*batch 21 3"]) -> Float[Tensor, "*batch 21 3"]:
    """Joints in reference bones on all three axes, by weak perspective: no camera is needed.

    What a crop's side is in reference bones follows from `SQUARED_BONES`: what of it the depths leave, u and v must
    have. All bones together are never seen end on, as one bone may be.

    Args:
        joints: (u, v, d).
    """
    bones = torch.stack([joints[..., child, :] - joints[..., parent, :] for parent, child in BONES], dim=-2)
    across = bones[..., :2].square().sum((-1, -2))
    left = (SQUARED_BONES - bones[..., 2].square().sum(-1)).clamp_min(_LEAST_ACROSS * SQUARED_BONES)
    scale = (left / (across + _TINY)).sqrt()
    return torch.cat([joints[..., :2] * scale[..., None, None], joints[..., 2:]], dim=-1)


@single_precision
def bone_constancy_loss(joints: Float[Tensor, "batch t 21 3"]) -> Float[Tensor, ""]:
    """How much a hand's bones change their lengths along a clip: the lengths' variance, a mean over bones and clips.

    Not the thesis's: an answer to its question for further self-supervision. Lengths are in reference bones, see
    `hand_frame`.
    """
    hand = hand_frame(joints)
    ends = torch.tensor(BONES, device=hand.device)
    lengths = ((hand[..., ends[:, 1], :] - hand[..., ends[:, 0], :]).square().sum(-1) + _TINY).sqrt()
    return lengths.var(dim=1, unbiased=False).mean()


@single_precision
def plausibility_loss(joints: Float[Tensor, "*batch 21 3"]) -> Float[Tensor, ""]:
    """How far fingers bend as no finger can, whichever hand it is: a mean over hands and fingers.

    Three parts: a joint bent further than its limit (`JOINT_LIMITS` and a margin; not the thumb's first, whose limits
    count from another zero), the last two joints bent in opposite directions, and the last bone turned out of the
    plane of the two before. Not the thesis's.
    """
    chain = hand_frame(joints)[..., _FINGERS.to(joints.device), :]
    bones = F.normalize(chain.diff(dim=-2), dim=-1, eps=1e-4)
    before, after = bones[..., :-1, :], bones[..., 1:, :]
    limits = _LARGEST_BEND.to(bones).cos()
    limits[0, 0] = -1
    too_far = (limits - (before * after).sum(-1)).clamp_min(0).square().sum(-1)
    first, second = torch.linalg.cross(before, after)[..., 1:, :].unbind(-2)
    zigzag = (-(first * second).sum(-1)).clamp_min(0)
    out_of_plane = (first * bones[..., 3, :]).sum(-1).square()
    return (too_far + zigzag + out_of_plane).mean()

"""The losses of DGGAN's pose module (thesis, section 3.4.3): pure functions."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from handpose_core.precision import single_precision


@single_precision
def depth_loss(
    predicted: Float[Tensor, "batch 21"], target: Float[Tensor, "batch 21"], counted: Bool[Tensor, "batch 21"]
) -> Float[Tensor, ""]:
    """L_z (3.4): smooth L1 with β = 1, a mean over the counted joints; 0 when none is counted.

    Printed (3.4) switches branches at 0.5 without the constant 1/2, which is discontinuous: a misprint.
    """
    error = torch.where(counted, predicted - target, 0)
    return F.smooth_l1_loss(error, torch.zeros_like(error), beta=1.0, reduction="sum") / counted.sum().clamp_min(1)


@single_precision
def depth_map_loss(
    predicted: Float[Tensor, "batch 1 size size"],
    target: Float[Tensor, "batch 1 size size"],
    counted: Bool[Tensor, " batch"],
) -> Float[Tensor, ""]:
    """L_dep (3.5): the L1 distance of depth maps, a mean over the counted maps' pixels; 0 when none is counted."""
    distances = (predicted - target).abs().mean(dim=(1, 2, 3))
    return torch.where(counted, distances, 0).sum() / counted.sum().clamp_min(1)


@single_precision
def hand_depth_loss(
    predicted: Float[Tensor, "batch 1 size size"],
    target: Float[Tensor, "batch 1 size size"],
    hand: Bool[Tensor, "batch 1 size size"],
) -> Float[Tensor, ""]:
    """The L1 distance of depth maps on the hand alone: a fifth of a crop, or less; 0 where there is none."""
    distances = torch.where(hand, (predicted - target).abs(), 0)
    return distances.sum() / hand.sum().clamp_min(1)

"""Losses that two methods use; pure functions."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from handpose_core.precision import single_precision


@single_precision
def heatmap_loss(
    stages: Sequence[Float[Tensor, "batch maps _ _"]],
    target: Float[Tensor, "batch maps size size"],
    counted: Bool[Tensor, "batch maps"],
) -> Float[Tensor, ""]:
    """L_2D (3.3): squared error against the target, a mean over pixels and maps, summed over stages.

    Each stage's maps are upsampled bilinearly to the target's size first. The thesis prints a
    Frobenius norm divided by 6 K; its author's code takes per-pixel means, and so do we.

    Args:
        stages: every stage's maps at the network's resolution.
        target: Gaussians of peak 1 (and the background).
        counted: the maps that have a truth; the others add nothing, and are left out of the mean.
    """
    pixels = (counted.sum() * target[0, 0].numel()).clamp_min(1)
    total = target.new_zeros(())
    for maps in stages:
        full = F.interpolate(maps, size=target.shape[-2:], mode="bilinear", align_corners=False)
        # masked before squaring: a NaN label must not reach the gradient
        total = total + torch.where(counted[..., None, None], full - target, 0).square().sum() / pixels
    return total

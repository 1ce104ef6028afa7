"""Losses of the pose network: pure functions."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from handpose_core.hand import JOINT_NAMES, MIDDLE_MCP, WRIST
from handpose_core.nn.heatmaps import gaussian_heatmaps
from handpose_core.precision import single_precision

_INDEX, _LITTLE = (JOINT_NAMES.index(f"{finger}_mcp") for finger in ("index", "little"))
_PALM = [WRIST, _INDEX, MIDDLE_MCP, _LITTLE]


@single_precision
def heatmap_entropy_loss(
    maps: Float[Tensor, "batch 21 m m"],
    joints_2d: Float[Tensor, "batch 21 2"],
    counted: Bool[Tensor, "batch 21"],
    sigma: float,
    image_size: int,
) -> Float[Tensor, ""]:
    """Compute the cross-entropy of heatmaps and Gaussians, both normalised to sum to 1; a mean over joints.

    Args:
        maps: Logits.
        joints_2d: px of the crop.
        counted: Joints that count; those whose Gaussian lies outside the crop are left out as well.
        sigma: Standard deviation of the Gaussians, px of the crop.
        image_size: Side of the crop, px.

    Returns:
        The loss, a scalar.
    """
    target = gaussian_heatmaps(joints_2d, sigma, image_size, maps.shape[-1]).flatten(2)
    mass = target.sum(-1, keepdim=True)
    within = counted & (mass[..., 0] > 0.1)
    entropy = -(target / mass.clamp_min(1e-6) * maps.flatten(2).log_softmax(-1)).sum(-1)
    return _mean(entropy, within)


@single_precision
def joints_2d_loss(
    predicted: Float[Tensor, "batch 21 2"], target: Float[Tensor, "batch 21 2"], counted: Bool[Tensor, "batch 21"]
) -> Float[Tensor, ""]:
    """Compute the mean absolute difference of joints in the image.

    Args:
        predicted: px.
        target: px, within the crop.
        counted: Joints that count.

    Returns:
        The loss, px.
    """
    return _mean((predicted - target).abs().mean(-1), counted)


@single_precision
def joints_3d_loss(
    predicted: Float[Tensor, "batch 21 3"], target: Float[Tensor, "batch 21 3"], counted: Bool[Tensor, "batch 21"]
) -> Float[Tensor, ""]:
    """Compute the mean absolute difference of joints relative to their mean, predictions scaled to the target.

    A single image does not show a hand's size: the scale is that of least squares, within 0.5 to 2, without gradient.

    Args:
        predicted: Any unit.
        target: mm.
        counted: Joints that count.

    Returns:
        The loss, mm.
    """
    a, b = (_centred(points, counted) for points in (predicted, target))
    with torch.no_grad():
        factor = (a * b).sum((1, 2)) / a.square().sum((1, 2)).clamp_min(1e-6)
        factor = factor.clamp(0.5, 2.0)[:, None, None]
    return _mean((a * factor - b).abs().mean(-1), counted)


@single_precision
def orientation_loss(
    predicted: Float[Tensor, "batch 21 3"], target: Float[Tensor, "batch 21 3"], counted: Bool[Tensor, "batch 21"]
) -> Float[Tensor, ""]:
    """Compute the difference of the palms' orientations.

    Args:
        predicted: Joints, any unit.
        target: Joints, any unit.
        counted: Annotated joints; incomplete palms do not count.

    Returns:
        Mean of 1 - cos over the palms' three axes; 0.02 at 14 degrees about one of them.
    """
    whole = counted[:, _PALM].all(1)
    axes = [_palm_axes(torch.where(whole[:, None, None], joints[:, _PALM], 0)) for joints in (predicted, target)]
    off = 1 - (axes[0] * axes[1]).sum(-2).mean(-1)
    return torch.where(whole, off, 0).sum() / whole.sum().clamp_min(1)


@single_precision
def handedness_loss(right: Float[Tensor, " batch"], target: Bool[Tensor, " batch"]) -> Float[Tensor, ""]:
    """Compute the mean cross-entropy of handedness.

    Args:
        right: Logits of a right hand.
        target: Whether it is one.

    Returns:
        The loss, a scalar.
    """
    return F.binary_cross_entropy_with_logits(right, target.to(right))


def _palm_axes(palm: Float[Tensor, "batch 4 3"]) -> Float[Tensor, "batch 3 3"]:
    """Return the palm's frame of wrist, index, middle and little MCP: columns across, along and out of it."""
    wrist, index, middle, little = palm.unbind(1)
    along = F.normalize(middle - wrist, dim=-1, eps=1e-6)
    across = index - little
    across = F.normalize(across - (across * along).sum(-1, keepdim=True) * along, dim=-1, eps=1e-6)
    return torch.stack([across, along, torch.linalg.cross(across, along)], dim=-1)


def _centred(points: Float[Tensor, "batch 21 3"], counted: Bool[Tensor, "batch 21"]) -> Float[Tensor, "batch 21 3"]:
    # masked first: a NaN label must not reach the gradient
    points = torch.where(counted[..., None], points, 0)
    mean = points.sum(1, keepdim=True) / counted.sum(1).clamp_min(1)[:, None, None]
    return torch.where(counted[..., None], points - mean, 0)


def _mean(values: Float[Tensor, "batch 21"], counted: Bool[Tensor, "batch 21"]) -> Float[Tensor, ""]:
    return torch.where(counted, values, 0).sum() / counted.sum().clamp_min(1)

"""The losses of chapter 5: pure functions. (5.1) is `handpose_core.nn.losses.heatmap_loss`.

Squared Frobenius norms divided by a count: means over vertices or joints of squared distances, and over the batch.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from handpose_core.precision import single_precision


@single_precision
def mesh_loss(
    predicted: Float[Tensor, "batch vertices 3"],
    target: Float[Tensor, "batch vertices 3"],
    counted: Bool[Tensor, "batch"],
) -> Float[Tensor, ""]:
    """L_m (5.5): squared distance of the vertices in (u, v, d), a mean over those of counted hands; 0 without any."""
    error = torch.where(counted[:, None, None], predicted - target, 0)
    return error.square().sum() / (counted.sum() * predicted.shape[1]).clamp_min(1)


@single_precision
def depth_loss(
    predicted: Float[Tensor, "batch 21"], target: Float[Tensor, "batch 21"], counted: Bool[Tensor, "batch 21"]
) -> Float[Tensor, ""]:
    """L_d (5.6): squared error of the relative depths, a mean over the counted joints; 0 when none is counted."""
    error = torch.where(counted, predicted - target, 0)
    return error.square().sum() / counted.sum().clamp_min(1)


@single_precision
def pose_loss(
    predicted: Float[Tensor, "batch 21 3"],
    target: Float[Tensor, "batch 21 3"],
    scale: Float[Tensor, "batch"],
    counted: Bool[Tensor, "batch 21"],
) -> Float[Tensor, ""]:
    """L_p (5.7): squared distance of joints, a mean over the counted ones; 0 when none is counted.

    The thesis's text calls them depths; they are joints in space.

    Args:
        predicted: mm.
        target: mm, in the same frame.
        scale: length of each hand's reference bone, mm, in which distances count: in mm the loss would be thousands.
        counted: the joints that have a truth.
    """
    unit = torch.where(counted.any(dim=1), scale, 1)  # a hand without annotation may have none
    error = torch.where(counted[..., None], predicted - target, 0) / unit[:, None, None]
    return error.square().sum() / counted.sum().clamp_min(1)

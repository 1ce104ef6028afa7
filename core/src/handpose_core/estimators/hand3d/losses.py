"""The losses of Zimmermann & Brox 2017 beside the heatmaps' own: pure functions."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from handpose_core.precision import single_precision


@single_precision
def mask_loss(
    logits: Float[Tensor, "batch 2 height width"],
    mask: Bool[Tensor, "batch 1 height width"],
    counted: Bool[Tensor, " batch"],
) -> Float[Tensor, ""]:
    """Compute the cross-entropy of background and hand.

    Args:
        logits: Of background and hand.
        mask: The hand.
        counted: Samples that have a mask.

    Returns:
        Mean over the counted samples' pixels; 0 when none is counted.
    """
    entropy = F.cross_entropy(logits, mask[:, 0].long(), reduction="none").mean((1, 2))
    return torch.where(counted, entropy, 0).sum() / counted.sum().clamp_min(1)


@single_precision
def overlap(
    logits: Float[Tensor, "batch 2 height width"], mask: Bool[Tensor, "batch 1 height width"]
) -> Float[Tensor, ""]:
    """Intersection over union of the estimated and the true mask of all images together, 1 where both are empty."""
    found, true = logits[:, 1] > logits[:, 0], mask[:, 0]
    union = (found | true).sum()
    return torch.where(union > 0, (found & true).sum() / union.clamp_min(1), torch.ones(()).to(logits))


@single_precision
def canonical_loss(
    predicted: Float[Tensor, "batch 21 3"], target: Float[Tensor, "batch 21 3"], counted: Bool[Tensor, "batch 21"]
) -> Float[Tensor, ""]:
    """Squared distance of the joints in the canonical frame, a mean over the counted ones; 0 when none is."""
    # masked before squaring: a NaN label must not reach the gradient
    error = torch.where(counted[..., None], predicted - target, 0)
    return error.square().sum() / counted.sum().clamp_min(1)


@single_precision
def rotation_loss(
    predicted: Float[Tensor, "batch 3 3"], target: Float[Tensor, "batch 3 3"], counted: Bool[Tensor, " batch"]
) -> Float[Tensor, ""]:
    """Squared Frobenius distance of the rotations, 4 - 4 cos of their angle; a mean over the counted ones."""
    error = torch.where(counted[:, None, None], predicted - target, 0)
    return error.square().sum() / counted.sum().clamp_min(1)

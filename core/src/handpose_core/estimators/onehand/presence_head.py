"""The presence head: the probability of a hand, from the detector's logit and the pose network's prediction."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from handpose_core.hand import N_JOINTS
from handpose_core.precision import single_precision

_HIDDEN = 64
_FEATURES = 2 * N_JOINTS + 5


class PresenceHead(nn.Module):
    """Correct the detector's presence logit by a two-layer perceptron, which begins as zero.

    In images without a hand heatmaps are blurred, refinement moves joints far, joints lie close together, and the
    image and its mirror image look equally unlike a right hand.
    """

    def __init__(self) -> None:
        super().__init__()
        self.normalise = nn.BatchNorm1d(_FEATURES, affine=False)
        last = nn.Linear(_HIDDEN, 1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.layers = nn.Sequential(nn.Linear(_FEATURES, _HIDDEN), nn.ReLU(inplace=True), last)

    def forward(
        self, features: Float[Tensor, "batch features"], presence: Float[Tensor, " batch"]
    ) -> Float[Tensor, " batch"]:
        """Compute logits of presence.

        Args:
            features: From `presence_features`.
            presence: The detector's logits.

        Returns:
            Logits.
        """
        return presence + self.layers(self.normalise(features))[:, 0]


def presence_features(
    means: Float[Tensor, "batch 21 2"],
    joints_2d: Float[Tensor, "batch 21 2"],
    scores: Float[Tensor, "batch 21"],
    rights: Float[Tensor, "batch 2"],
    presence: Float[Tensor, " batch"],
    size: int,
) -> Float[Tensor, "batch features"]:
    """Collect the presence head's features; no gradient passes.

    Args:
        means: Means of the heatmaps, px of the canonical crop.
        joints_2d: Refined joints, px of the canonical crop.
        scores: Confidence of each joint, 0 to 1.
        rights: Logits of a right hand, of the crop and its mirror image, in any order.
        presence: The detector's logits.
        size: Side of the crop, px.

    Returns:
        Scores, distances moved by refinement, extents, larger and smaller logit of a right hand, detector's logit.
    """
    moved = (joints_2d - means).norm(dim=-1) / size
    extent = (joints_2d.amax(1) - joints_2d.amin(1)) / size
    sides = torch.stack([rights.amax(1), rights.amin(1)], dim=1)
    return torch.cat([scores, moved, extent, sides, presence[:, None]], dim=1).detach()


@single_precision
def presence_loss(
    logits: Float[Tensor, " batch"], presence: Bool[Tensor, " batch"], known: Bool[Tensor, " batch"]
) -> Float[Tensor, ""]:
    """Compute the mean cross-entropy of presence over the samples for which it is known.

    Args:
        logits: Of presence.
        presence: Whether there is a hand.
        known: Whether that is known.

    Returns:
        The loss, a scalar; 0 where nothing is known.
    """
    error = F.binary_cross_entropy_with_logits(logits, presence.to(logits), reduction="none")
    return torch.where(known, error, 0).sum() / known.sum().clamp_min(1)

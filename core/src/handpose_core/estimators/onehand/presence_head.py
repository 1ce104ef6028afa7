"""The last word on whether there is a hand: of what the first look said, and of how the hand was then read."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from handpose_core.hand import N_JOINTS
from handpose_core.precision import single_precision

_HIDDEN = 64
_SIGNS = 2 * N_JOINTS + 5


class Verdict(nn.Module):
    """A few signs of a hand to a logit, beginning with the first look's own.

    Where there is no hand joints are blurred, moved far by the others' word, and crowded, and the picture looks as
    little like a right hand as its mirror image does.
    """

    def __init__(self) -> None:
        super().__init__()
        self.even = nn.BatchNorm1d(_SIGNS, affine=False)
        last = nn.Linear(_HIDDEN, 1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.layers = nn.Sequential(nn.Linear(_SIGNS, _HIDDEN), nn.ReLU(inplace=True), last)

    def forward(self, signs: Float[Tensor, "batch signs"], there: Float[Tensor, " batch"]) -> Float[Tensor, " batch"]:
        """Logits.

        Args:
            signs: as `signs_of` gives them.
            there: the first look's logits.
        """
        return there + self.layers(self.even(signs))[:, 0]


def signs_of(
    means: Float[Tensor, "batch 21 2"],
    joints_2d: Float[Tensor, "batch 21 2"],
    scores: Float[Tensor, "batch 21"],
    rights: Float[Tensor, "batch 2"],
    there: Float[Tensor, " batch"],
    size: int,
) -> Float[Tensor, "batch signs"]:
    """What tells hands.

    Args:
        means: of the maps, px of the upright crop.
        joints_2d: corrected by what the other joints say, px.
        scores: of each joint, 0 to 1.
        rights: logits of a right hand, in the crop and in its mirror image, in any order.
        there: the first look's logits.
        size: of the crop, px.
    """
    moved = (joints_2d - means).norm(dim=-1) / size
    extent = (joints_2d.amax(1) - joints_2d.amin(1)) / size
    sides = torch.stack([rights.amax(1), rights.amin(1)], dim=1)
    return torch.cat([scores, moved, extent, sides, there[:, None]], dim=1).detach()


@single_precision
def verdict_loss(
    said: Float[Tensor, " batch"], there: Bool[Tensor, " batch"], known: Bool[Tensor, " batch"]
) -> Float[Tensor, ""]:
    """Cross-entropy of there being a hand, where that is known."""
    error = F.binary_cross_entropy_with_logits(said, there.to(said), reduction="none")
    return torch.where(known, error, 0).sum() / known.sum().clamp_min(1)

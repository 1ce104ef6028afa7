"""Joints placed exactly: a closer look around each, at a quarter of the crop's size."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from handpose_core.estimators.onehand.joint_attention import attention, to_shift
from handpose_core.nn.fused import convolution
from handpose_core.nn.heatmaps import lattice

_STEP = 0.1
"""How far a unit of the last layer moves a joint, of half the crop's side."""


class CloserLook(nn.Module):
    """What fine maps show in a window around each joint, between the joints once more (Vaswani et al. 2017).

    Windows are read by linear interpolation, and cost little where maps as fine for every joint would cost much.
    Begins by leaving joints where they are.

    Args:
        fine: channels of the finest stage's maps.
        joined: channels of the coarser maps that say what is what.
        features: channels that the two are made one in.
        window: fine cells along a window's side.
        width: of the joints' tokens.
    """

    def __init__(self, fine: int, joined: int, features: int, window: int, width: int) -> None:
        super().__init__()
        self.fine, self.joined = nn.Conv2d(fine, features, 1), nn.Conv2d(joined, features, 1)
        self.mixed = convolution(features, features, 3)
        self.window = window
        self.seen = nn.Linear(features * window * window, width)
        self.among = attention(width)
        self.shift = nn.Sequential(nn.LayerNorm(width), to_shift(width))

    def forward(
        self,
        tokens: Float[Tensor, "batch 21 w"],
        place: Float[Tensor, "batch 21 2"],
        fine: Float[Tensor, "batch f n n"],
        joined: Float[Tensor, "batch c m m"],
    ) -> tuple[Float[Tensor, "batch 21 w"], Float[Tensor, "batch 21 2"]]:
        """What is known of each joint now, and how far it is from where it seems to be.

        Args:
            tokens: what is known of each joint.
            place: where it seems to be, -1 to 1 across the crop; windows do not move by gradients.
            fine: the finest maps.
            joined: the coarser ones.

        Returns:
            tokens, and shifts in units of ``place``.
        """
        known = F.interpolate(self.joined(joined), size=fine.shape[-2:], mode="nearest")
        maps = self.mixed(self.fine(fine) + known).float()
        windows = F.grid_sample(maps, windows_around(place.detach(), self.window, fine.shape[-1]), align_corners=False)
        seen = self.seen(windows.transpose(1, 2).flatten(2).to(tokens.dtype))
        looked: Tensor = self.among(tokens + seen)
        return looked, _STEP * self.shift(looked)


def windows_around(place: Float[Tensor, "batch n 2"], window: int, cells: int) -> Float[Tensor, "batch n places 2"]:
    """Places a cell apart, row by row, in square windows.

    Args:
        place: the windows' middles, -1 to 1 across the crop.
        window: places along a side.
        cells: of the whole crop's side.
    """
    along = 2 / cells * (torch.arange(window, device=place.device) - (window - 1) / 2)
    return place[:, :, None] + lattice(along)

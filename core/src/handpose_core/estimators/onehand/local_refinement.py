"""Refinement of joints from windows of fine maps around them, and attention among the joints once more."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from handpose_core.estimators.onehand.joint_attention import attention_layer, offset_layer
from handpose_core.nn.fused import convolution
from handpose_core.nn.heatmaps import lattice

#: Offset for one unit of the last layer, of half the crop's side.
_STEP = 0.1


class LocalRefinement(nn.Module):
    """Correct joints by fine features around them.

    Windows are sampled bilinearly, at a small part of the cost of fine heatmaps of every joint. Offsets begin as zero.

    Args:
        fine: Channels of the finest stage's maps.
        coarse: Channels of the joined coarser maps.
        features: Channels in which the two are mixed.
        window: Fine cells along a window's side.
        width: Width of the joints' tokens.
    """

    def __init__(self, fine: int, coarse: int, features: int, window: int, width: int) -> None:
        super().__init__()
        self.fine, self.coarse = nn.Conv2d(fine, features, 1), nn.Conv2d(coarse, features, 1)
        self.mixed = convolution(features, features, 3)
        self.window = window
        self.window_features = nn.Linear(features * window * window, width)
        self.attention = attention_layer(width)
        self.offset = nn.Sequential(nn.LayerNorm(width), offset_layer(width))

    def forward(
        self,
        tokens: Float[Tensor, "batch 21 w"],
        place: Float[Tensor, "batch 21 2"],
        fine: Float[Tensor, "batch f n n"],
        coarse: Float[Tensor, "batch c m m"],
    ) -> tuple[Float[Tensor, "batch 21 w"], Float[Tensor, "batch 21 2"]]:
        """Refine joints.

        Args:
            tokens: Of the joints.
            place: Their places, -1 to 1 across the crop; no gradient passes through the windows' places.
            fine: The finest maps.
            coarse: The joined coarser maps.

        Returns:
            tokens: With the windows' information.
            offsets: Corrections of ``place``, in its unit.
        """
        up = F.interpolate(self.coarse(coarse), size=fine.shape[-2:], mode="nearest")
        maps = self.mixed(self.fine(fine) + up).float()
        windows = F.grid_sample(maps, window_grid(place.detach(), self.window, fine.shape[-1]), align_corners=False)
        sampled = self.window_features(windows.transpose(1, 2).flatten(2).to(tokens.dtype))
        refined: Tensor = self.attention(tokens + sampled)
        return refined, _STEP * self.offset(refined)


def window_grid(place: Float[Tensor, "batch n 2"], window: int, cells: int) -> Float[Tensor, "batch n places 2"]:
    """Return sampling places one cell apart, row by row, in square windows.

    Args:
        place: Centres of the windows, -1 to 1 across the crop.
        window: Places along a side.
        cells: Cells along the crop's side.

    Returns:
        Places, -1 to 1 across the crop.
    """
    along = 2 / cells * (torch.arange(window, device=place.device) - (window - 1) / 2)
    return place[:, :, None] + lattice(along)

"""Joints corrected by each other: attention among them and the picture's coarse cells."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from handpose_core.hand import N_JOINTS
from handpose_core.nn.heatmaps import lattice

_FREQUENCIES = 4
_HEADS = 4
_STEP = 0.25
"""How far a unit of the last layer moves a joint, of half the crop's side."""


class JointRefiner(nn.Module):
    """A transformer encoder (Vaswani et al. 2017) whose tokens are the joints, where they seem to be, and coarse cells.

    Begins by leaving joints where they are.

    Args:
        features: channels of what is seen at joints.
        coarse: channels of the coarse cells.
        width: of tokens.
        layers: of the encoder.
    """

    def __init__(self, features: int, coarse: int, width: int, layers: int) -> None:
        super().__init__()
        self.joint, self.cell = nn.Linear(features, width), nn.Linear(coarse, width)
        self.position = nn.Linear(4 * _FREQUENCIES, width)
        self.which = nn.Parameter(0.02 * torch.randn(N_JOINTS, width))
        self.encoder = nn.TransformerEncoder(attention(width), layers, nn.LayerNorm(width), enable_nested_tensor=False)
        self.shift = to_shift(width)

    def forward(
        self,
        here: Float[Tensor, "batch 21 f"],
        place: Float[Tensor, "batch 21 2"],
        coarse: Float[Tensor, "batch c m m"],
    ) -> tuple[Float[Tensor, "batch 21 w"], Float[Tensor, "batch 21 2"]]:
        """What is known of each joint, and how far it is from where it seems to be.

        Args:
            here: features at the joints.
            place: where they seem to be, -1 to 1 across the crop.
            coarse: cells of the whole crop.

        Returns:
            tokens, and shifts in units of ``place``.
        """
        joints = self.joint(here) + self.position(_waves(place).to(here.dtype)) + self.which
        centres = _waves(_centres(coarse.shape[-1], place)).to(here.dtype)
        cells = self.cell(coarse.flatten(2).transpose(1, 2).to(here.dtype)) + self.position(centres)
        tokens: Tensor = self.encoder(torch.cat([joints, cells], dim=1))[:, :N_JOINTS]
        return tokens, _STEP * self.shift(tokens)


def attention(width: int) -> nn.TransformerEncoderLayer:
    """A layer of attention among tokens of this width."""
    return nn.TransformerEncoderLayer(
        width, _HEADS, 2 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
    )


def to_shift(width: int) -> nn.Linear:
    """A layer from tokens of this width to how far joints are moved; it begins by leaving them where they are."""
    layer = nn.Linear(width, 2)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def _centres(cells: int, like: Tensor) -> Float[Tensor, "places 2"]:
    return lattice((torch.arange(cells, device=like.device, dtype=like.dtype) + 0.5) * (2 / cells) - 1)


def _waves(place: Float[Tensor, "*batch 2"]) -> Float[Tensor, "*batch w"]:
    """Sines and cosines of places, of half a wave across the crop and of shorter ones."""
    angles = place[..., None] * (torch.pi / 2 * 2.0 ** torch.arange(_FREQUENCIES, device=place.device))
    return torch.cat([angles.sin(), angles.cos()], dim=-1).flatten(-2)

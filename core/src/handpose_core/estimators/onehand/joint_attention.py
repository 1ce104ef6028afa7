"""Attention among joints and the coarse cells of the canonical crop (Vaswani et al. 2017)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from handpose_core.hand import N_JOINTS
from handpose_core.nn.heatmaps import lattice

_FREQUENCIES = 4
_HEADS = 4
#: Offset for one unit of the last layer, of half the crop's side.
_STEP = 0.25


class JointAttention(nn.Module):
    """A transformer encoder whose tokens are the joints, with their estimated places, and coarse cells.

    Its offsets begin as zero.

    Args:
        features: Channels of the features sampled at joints.
        coarse: Channels of the coarse cells.
        width: Width of the tokens.
        layers: Layers of the encoder.
    """

    def __init__(self, features: int, coarse: int, width: int, layers: int) -> None:
        super().__init__()
        self.joint, self.cell = nn.Linear(features, width), nn.Linear(coarse, width)
        self.position = nn.Linear(4 * _FREQUENCIES, width)
        self.joint_embedding = nn.Parameter(0.02 * torch.randn(N_JOINTS, width))
        self.encoder = nn.TransformerEncoder(
            attention_layer(width), layers, nn.LayerNorm(width), enable_nested_tensor=False
        )  # fmt: skip
        self.offset = offset_layer(width)

    def forward(
        self,
        features: Float[Tensor, "batch 21 f"],
        place: Float[Tensor, "batch 21 2"],
        coarse: Float[Tensor, "batch c m m"],
    ) -> tuple[Float[Tensor, "batch 21 w"], Float[Tensor, "batch 21 2"]]:
        """Exchange information among joints.

        Args:
            features: Sampled at the joints.
            place: Estimated places, -1 to 1 across the crop.
            coarse: Features of the crop's cells.

        Returns:
            tokens: One of each joint.
            offsets: Corrections of ``place``, in its unit.
        """
        joints = self.joint(features) + self.position(_sinusoids(place).to(features.dtype)) + self.joint_embedding
        centres = _sinusoids(_cell_centres(coarse.shape[-1], place)).to(features.dtype)
        cells = self.cell(coarse.flatten(2).transpose(1, 2).to(features.dtype)) + self.position(centres)
        tokens: Tensor = self.encoder(torch.cat([joints, cells], dim=1))[:, :N_JOINTS]
        return tokens, _STEP * self.offset(tokens)


def attention_layer(width: int) -> nn.TransformerEncoderLayer:
    """Build a pre-norm attention layer without dropout.

    Args:
        width: Width of the tokens.

    Returns:
        The layer.
    """
    return nn.TransformerEncoderLayer(
        width, _HEADS, 2 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
    )


def offset_layer(width: int) -> nn.Linear:
    """Build the layer from tokens to 2D offsets; it begins as zero.

    Args:
        width: Width of the tokens.

    Returns:
        The layer.
    """
    layer = nn.Linear(width, 2)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def _cell_centres(cells: int, like: Tensor) -> Float[Tensor, "places 2"]:
    return lattice((torch.arange(cells, device=like.device, dtype=like.dtype) + 0.5) * (2 / cells) - 1)


def _sinusoids(place: Float[Tensor, "*batch 2"]) -> Float[Tensor, "*batch w"]:
    """Encode places by sines and cosines, from half a period across the crop upwards."""
    angles = place[..., None] * (torch.pi / 2 * 2.0 ** torch.arange(_FREQUENCIES, device=place.device))
    return torch.cat([angles.sin(), angles.cos()], dim=-1).flatten(-2)

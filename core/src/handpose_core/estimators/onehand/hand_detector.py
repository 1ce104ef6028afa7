"""The first look: whether there is a hand, where, how large, and which way up. Some 64 px are enough."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from handpose_core.estimators.onehand.canonical_crop import Seen, Upright
from handpose_core.nn.fused import FusedBackbone, convolution
from handpose_core.nn.heatmaps import decode_softargmax
from handpose_core.precision import single_precision

_SMALLEST, _LARGEST = 0.1, 2.0
"""Of a hand over the picture's side."""
_OUTPUTS = 6
_ENOUGH = 64
"""Pictures are made a whole number of times smaller, to no less than this, px; and at least halved."""


@dataclass(frozen=True)
class GlanceSize:
    """The first look's size.

    Args:
        stem: channels at half the size that is looked at.
        widths: of the backbone's stages, at 1/4, 1/8 and 1/16 of it.
        blocks: of each stage.
        features: channels that the last two stages' maps are joined in.
        hidden: width of the layer that numbers come from.
    """

    stem: int = 16
    widths: tuple[int, int, int] = (32, 64, 128)
    blocks: tuple[int, int, int] = (1, 2, 2)
    features: int = 64
    hidden: int = 128


class Glimpse(NamedTuple):
    """What a glance says.

    Args:
        there: logit of there being a hand.
        upright: how it lies, px of the picture.
    """

    there: Float[Tensor, " batch"]
    upright: Upright


class Glance(nn.Module):
    """A small backbone; a map of where the hand is; numbers from its features there.

    Args:
        size: see `GlanceSize`.
    """

    def __init__(self, size: GlanceSize) -> None:
        super().__init__()
        self.backbone = FusedBackbone(size.stem, size.widths, size.blocks, expansion=2)
        self.lateral = nn.ModuleList(nn.Conv2d(width, size.features, 1) for width in size.widths[1:])
        self.joined = convolution(size.features, size.features, 3)
        self.map = nn.Conv2d(size.features, 1, 1)
        last = nn.Linear(size.hidden, _OUTPUTS)
        nn.init.normal_(last.weight, std=1e-2)
        self.head = nn.Sequential(
            nn.Linear(size.features + size.widths[-1], size.hidden), nn.ReLU(inplace=True), last
        )  # fmt: skip

    def forward(self, image: Float[Tensor, "batch 3 s s"]) -> Glimpse:
        """What is seen in pictures in [0, 1], square."""
        side = image.shape[-1]
        _, fine, coarse = self.backbone(F.avg_pool2d(image, max(side // _ENOUGH, 2)))
        up = F.interpolate(self.lateral[1](coarse), size=fine.shape[-2:], mode="nearest")
        joined = self.joined(self.lateral[0](fine) + up)
        where = self.map(joined).float()
        about = decode_softargmax(where, side, beta=1.0)[0][:, 0]
        share = where.flatten(2).softmax(-1).to(joined.dtype)
        here = (share @ joined.flatten(2).transpose(1, 2))[:, 0]
        said = self.head(torch.cat([here, coarse.mean((-2, -1)).to(here.dtype)], -1)).float()
        there, x, y, large, right, down = said.unbind(-1)
        extent = side * (large - 0.4).exp().clamp(_SMALLEST, _LARGEST)
        direction = F.normalize(torch.stack([x, y - 0.05], -1), dim=-1)
        centre = about + extent[:, None] * torch.stack([right, down], -1).clamp(-1, 1)
        return Glimpse(there, Upright(centre, extent, direction))


@single_precision
def glance_loss(
    said: Glimpse, seen: Seen, there: Bool[Tensor, " batch"], known: Bool[Tensor, " batch"]
) -> Float[Tensor, ""]:
    """Cross-entropy of there being a hand; and, of hands, place and size over their size, and direction's cosine.

    Args:
        said: by the network.
        seen: as labelled; of no meaning where there is no hand.
        there: whether there is one.
        known: whether that is known.
    """
    truth, hands = seen.upright, (there & known).to(said.there)
    presence = F.binary_cross_entropy_with_logits(said.there, there.to(said.there), reduction="none")
    place = ((said.upright.centre - truth.centre) / truth.side[:, None]).abs().sum(-1)
    size = (said.upright.side / truth.side).log().abs()
    off = seen.certain * (1 - (said.upright.direction * truth.direction).sum(-1))
    of_hands = torch.where(hands > 0, 3 * place + size + off, 0).sum() / hands.sum().clamp_min(1)
    return of_hands + torch.where(known, presence, 0).sum() / known.sum().clamp_min(1)

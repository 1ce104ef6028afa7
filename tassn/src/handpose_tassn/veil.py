"""Frames that show less than they should, in training: where a picture says little, the frames before it say more.

Of clear pictures the past is hardly worth heeding, and a network that heeds none is right as often. Where some frames
of a clip are covered, blurred or lost, the maps of the frame before and the flow from it are the better source.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

_SIDES = (0.3, 0.7)
"""Of the crop's side: smallest and largest sides of what covers a part of it."""
_CELLS = 8
"""A blurred frame has as many cells a side."""
_KINDS = 3


@dataclass(frozen=True)
class Veil:
    """How often, in training on clips, a frame is veiled: covered in part, blurred or lost, one as likely as another.

    Args:
        share: of the frames.
    """

    share: float = 0.5

    def over(self, images: Float[Tensor, "n t 3 s s"]) -> Float[Tensor, "n t 3 s s"]:
        """The clips with some of their frames veiled."""
        count, device = images.shape[:2], images.device
        veiled = torch.rand(count, device=device) < self.share
        kind = torch.randint(_KINDS, count, device=device)
        colour = torch.rand(*count, 3, 1, 1, device=device).to(images)
        everywhere = torch.ones_like(images[:, :, :1], dtype=torch.bool)
        hidden = torch.where((kind == 0)[..., None, None, None], _rectangles(images), everywhere)
        instead = torch.where((kind == 1)[..., None, None, None], _blurred(images), colour)
        return torch.where(hidden & veiled[..., None, None, None], instead, images)


def _rectangles(images: Float[Tensor, "n t 3 s s"]) -> Bool[Tensor, "n t 1 s s"]:
    """A rectangle in each frame, somewhere in it."""
    side = images.shape[-1]
    low, high = _SIDES
    sizes = low + (high - low) * torch.rand(2, *images.shape[:2], 1, device=images.device)
    starts = torch.rand_like(sizes) * (1 - sizes)
    cells = (torch.arange(side, device=images.device) + 0.5) / side
    down, across = (cells >= starts) & (cells < starts + sizes)
    return (down[..., :, None] & across[..., None, :]).unsqueeze(2)


def _blurred(images: Float[Tensor, "n t 3 s s"]) -> Float[Tensor, "n t 3 s s"]:
    frames = images.flatten(0, 1)
    coarse = F.adaptive_avg_pool2d(frames, min(_CELLS, frames.shape[-1]))
    return F.interpolate(coarse, frames.shape[-2:], mode="bilinear", align_corners=False).view_as(images)

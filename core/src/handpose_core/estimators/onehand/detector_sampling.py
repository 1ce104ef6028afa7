"""What a first look learns from beside well-framed crops: hands far off and at the side, and pictures without one."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from handpose_core.estimators.onehand.negatives import HandlessPictures
from handpose_core.estimators.onehand.random_crop import enlarged, windows

_NEAREST, _FARTHEST = 0.8, 3.0
"""How many times as wide as the crop around the hand a picture is."""
_WITHOUT = 1 / 3
"""Share of pictures without a hand."""
_MORE_WITHOUT, _HANDLESS_PICTURES = 0.6, 0.7
"""The same where there are pictures of their own for it, and the share that these have of those without a hand."""
_WINDOWS = 6
"""Places tried for one that shows nothing of the hand."""
_COARSE = 24
"""Cells along the side that this is looked for in."""
_HANDLESS = 0.003
"""Share of a window that a hand may still fill."""


class Sights(NamedTuple):
    """Pictures for the first look.

    Args:
        image: in [0, 1].
        joints_2d: px of these; of no meaning where there is no hand.
        there: whether a hand is there.
        known: whether that is known.
    """

    image: Float[Tensor, "batch 3 s s"]
    joints_2d: Float[Tensor, "batch 21 2"]
    there: Bool[Tensor, " batch"]
    known: Bool[Tensor, " batch"]


def sights(
    image: Float[Tensor, "batch 3 s s"],
    joints_2d: Float[Tensor, "batch 21 2"],
    mask: Bool[Tensor, "batch 1 s s"] | None,
    handless: HandlessPictures | None = None,
) -> Sights:
    """As many pictures from nearer to farther off, a part without a hand where something says where none is.

    Args:
        image: in [0, 1], around hands.
        joints_2d: px.
        mask: of the hands.
        handless: pictures without any.
    """
    size, count, device = image.shape[-1], len(image), image.device
    known = torch.ones(count, dtype=torch.bool, device=device)
    without, surroundings = image, enlarged(image.roll(3, 0))
    if mask is not None:
        part, middle, free = _handless(mask)
        without = windows(image, part, middle)[0]
        surroundings, known = without.roll(3, 0), free & free.roll(3, 0)
    if handless is not None:
        other = handless.draw(count, size, device)
        some = (torch.rand(count, device=device) < _HANDLESS_PICTURES) | (mask is None)
        without, known = torch.where(some[:, None, None, None], other, without), known | some
        around = (torch.rand(count, device=device) < 0.5) | some  # other surroundings may show a hand
        surroundings = torch.where(around[:, None, None, None], other.roll(1, 0), surroundings)
    share = _MORE_WITHOUT if handless is not None else _WITHOUT if mask is not None else 0.0
    there = torch.rand(count, device=device) >= share
    content, known = torch.where(there[:, None, None, None], image, without), known | there
    part = _NEAREST * (_FARTHEST / _NEAREST) ** torch.rand(count, device=device)
    middle = ((1 - part).abs() + 0.15)[:, None] * (2 * torch.rand(count, 2, device=device) - 1)
    seen, inside = windows(content, part, middle)
    surrounded = torch.rand(count, device=device)[:, None, None, None] < 0.5  # else its borders are drawn out
    found = torch.where(surrounded & (inside == 0), surroundings, seen)
    centred = (2 * joints_2d + 1) / size - 1
    moved = (((centred - middle[:, None]) / part[:, None, None] + 1) * size - 1) / 2
    return Sights(found, moved, there, known)


def _handless(
    mask: Bool[Tensor, "batch 1 s s"],
) -> tuple[Float[Tensor, " batch"], Float[Tensor, "batch 2"], Bool[Tensor, " batch"]]:
    """Of some random windows the one with least of a hand: its part of the side, its middle, whether it has none."""
    count = len(mask)
    part = 0.15 + 0.35 * torch.rand(count, device=mask.device)
    middles = (2 * torch.rand(count, _WINDOWS, 2, device=mask.device) - 1) * (1 - part)[:, None, None]
    small = F.adaptive_avg_pool2d(mask.float(), _COARSE)
    tried = small.repeat_interleave(_WINDOWS, 0)
    covered = windows(tried, part.repeat_interleave(_WINDOWS), middles.flatten(0, 1))[0].mean((1, 2, 3))
    least, which = covered.unflatten(0, (count, _WINDOWS)).min(1)
    return part, middles[torch.arange(count), which], least < _HANDLESS

"""Training samples of the detector and the presence head: hands at other scales and places, and images without any."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from handpose_core.estimators.onehand.negatives import NegativeImages
from handpose_core.estimators.onehand.random_crop import crop_windows, random_enlarged_crop

#: Side of the sampled window over the side of the crop around the hand, smallest and largest.
_NEAREST, _FARTHEST = 0.8, 3.0
#: Share of samples without a hand.
_NEGATIVES = 1 / 3
#: The same where there are negative images, and the share of these among the samples without a hand.
_MORE_NEGATIVES, _NEGATIVE_IMAGES = 0.6, 0.7
#: Random windows tried for one that shows nothing of the hand.
_WINDOWS = 6
#: Cells along the side in which this is tested.
_COARSE = 24
#: Share of a window that a hand may still cover.
_COVERED = 0.003


class DetectorSamples(NamedTuple):
    """Inputs and labels of the detector.

    Attributes:
        image: RGB in [0, 1].
        joints_2d: px of the image; undefined where there is no hand.
        presence: Whether there is a hand.
        known: Whether that is known.
    """

    image: Float[Tensor, "batch 3 s s"]
    joints_2d: Float[Tensor, "batch 21 2"]
    presence: Bool[Tensor, " batch"]
    known: Bool[Tensor, " batch"]


def draw_detector_samples(
    image: Float[Tensor, "batch 3 s s"],
    joints_2d: Float[Tensor, "batch 21 2"],
    mask: Bool[Tensor, "batch 1 s s"] | None,
    negatives: NegativeImages | None = None,
) -> DetectorSamples:
    """Draw as many samples as images, at 0.8 to 3 times the crop's scale, a part of them without a hand.

    Args:
        image: RGB in [0, 1], crops around hands.
        joints_2d: px of the crops.
        mask: Of the hands; without it, and without negatives, every sample has a hand.
        negatives: Images without hands.

    Returns:
        The samples (torch's generator).
    """
    size, count, device = image.shape[-1], len(image), image.device
    known = torch.ones(count, dtype=torch.bool, device=device)
    without, surroundings = image, random_enlarged_crop(image.roll(3, 0))
    if mask is not None:
        part, middle, free = _window_without_hand(mask)
        without = crop_windows(image, part, middle)[0]
        surroundings, known = without.roll(3, 0), free & free.roll(3, 0)
    if negatives is not None:
        other = negatives.sample(count, size, device)
        some = (torch.rand(count, device=device) < _NEGATIVE_IMAGES) | (mask is None)
        without, known = torch.where(some[:, None, None, None], other, without), known | some
        around = (torch.rand(count, device=device) < 0.5) | some  # other surroundings may show a hand
        surroundings = torch.where(around[:, None, None, None], other.roll(1, 0), surroundings)
    share = _MORE_NEGATIVES if negatives is not None else _NEGATIVES if mask is not None else 0.0
    presence = torch.rand(count, device=device) >= share
    content, known = torch.where(presence[:, None, None, None], image, without), known | presence
    part = _NEAREST * (_FARTHEST / _NEAREST) ** torch.rand(count, device=device)
    middle = ((1 - part).abs() + 0.15)[:, None] * (2 * torch.rand(count, 2, device=device) - 1)
    window, inside = crop_windows(content, part, middle)
    surrounded = torch.rand(count, device=device)[:, None, None, None] < 0.5  # else the border pixels are repeated
    sample = torch.where(surrounded & (inside == 0), surroundings, window)
    centred = (2 * joints_2d + 1) / size - 1
    moved = (((centred - middle[:, None]) / part[:, None, None] + 1) * size - 1) / 2
    return DetectorSamples(sample, moved, presence, known)


def _window_without_hand(
    mask: Bool[Tensor, "batch 1 s s"],
) -> tuple[Float[Tensor, " batch"], Float[Tensor, "batch 2"], Bool[Tensor, " batch"]]:
    """Return the window with least of the hand out of some random ones: part, middle, and whether it has none."""
    count = len(mask)
    part = 0.15 + 0.35 * torch.rand(count, device=mask.device)
    middles = (2 * torch.rand(count, _WINDOWS, 2, device=mask.device) - 1) * (1 - part)[:, None, None]
    small = F.adaptive_avg_pool2d(mask.float(), _COARSE)
    repeated = small.repeat_interleave(_WINDOWS, 0)
    covered = crop_windows(repeated, part.repeat_interleave(_WINDOWS), middles.flatten(0, 1))[0].mean((1, 2, 3))
    least, which = covered.unflatten(0, (count, _WINDOWS)).min(1)
    return part, middles[torch.arange(count), which], least < _COVERED

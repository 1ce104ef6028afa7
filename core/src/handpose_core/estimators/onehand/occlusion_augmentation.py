"""Augmentation of training batches: other backgrounds, occluders, bars, mixed spectra, grey images."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from handpose_core.errors import HandposeError
from handpose_core.estimators.onehand.negatives import NegativeImages
from handpose_core.estimators.onehand.random_crop import random_enlarged_crop

#: Largest mixed frequency, periods over the image.
_LARGEST_FREQUENCY = 4


@dataclass(frozen=True)
class OcclusionAugmentation:
    """Probabilities and sizes of the augmentations; 0 turns one off.

    Args:
        background: Probability that everything but the hand is replaced, by an enlarged part of another image of the
            batch or, as often, by a part of a negative image where there are any.
        occluder: Probability of an ellipse, cut from another image or of one colour, in front of the hand.
        largest: Longest half axis of the ellipse over the crop's side.
        grey: Probability that an image loses its colours.
        bar: Probability of a bar, like a pen, a strap or another hand's finger; half of the bars lie behind the hand
            where its mask is known, and half have the hand's mean colour.
        spectrum: Probability that the amplitudes of an image's low frequencies are mixed with another image's (Yang
            and Soatto 2020, FDA; for hands Zhao et al. 2025, arXiv 2503.19307).

    Raises:
        HandposeError: A value is not between 0 and 1.
    """

    background: float = 0.3
    occluder: float = 0.4
    largest: float = 0.25
    grey: float = 0.05
    bar: float = 0.0
    spectrum: float = 0.0

    def __post_init__(self) -> None:
        """Validate the values.

        Raises:
            HandposeError: A value is not from 0 to 1.
        """
        for name in ("background", "occluder", "largest", "grey", "bar", "spectrum"):
            if not 0 <= getattr(self, name) <= 1:
                raise HandposeError(
                    f"occlusions, {name}", str(getattr(self, name)), "a number from 0 to 1", "Change it."
                )

    def apply(
        self,
        image: Float[Tensor, "batch 3 s s"],
        mask: Bool[Tensor, "batch 1 s s"] | None,
        negatives: NegativeImages | None = None,
    ) -> Float[Tensor, "batch 3 s s"]:
        """Augment a batch (torch's generator).

        Args:
            image: RGB in [0, 1].
            mask: Of the hands; without it backgrounds stay as they are.
            negatives: Images without hands.

        Returns:
            Augmented copies.
        """
        image = image.clone()
        if mask is not None and len(some := _random_rows(image, self.background)):
            # a soft edge within the hand: one outside it would keep a rim of the old background
            hand = (2 * F.avg_pool2d(mask[some].to(image), 3, 1, 1) - 1).clamp_min(0)
            image[some] = torch.lerp(_backgrounds(image, some, negatives), image[some], hand)
        self._add_bars(image, mask)
        some = _random_rows(image, self.occluder)
        colour = torch.rand(len(some), 3, 1, 1, device=image.device, dtype=image.dtype)
        picture = torch.rand(len(some), 1, 1, 1, device=image.device) < 0.5
        before = torch.where(picture, image.roll(2, 0)[some], colour)
        image[some] = torch.lerp(image[some], before, self._ellipses(before))
        some = _random_rows(image, self.spectrum)
        if len(some):
            image[some] = mix_spectrum(image[some], image.roll(1, 0)[some])
        some = _random_rows(image, self.grey)
        image[some] = image[some].mean(1, keepdim=True)
        return image

    def _add_bars(self, image: Float[Tensor, "batch 3 s s"], mask: Bool[Tensor, "batch 1 s s"] | None) -> None:
        some = _random_rows(image, self.bar)
        shown = image[some]
        shape, colour = _bars(shown), torch.rand(len(some), 3, 1, 1, device=image.device).to(image)
        if mask is not None:
            hand = mask[some].to(image)
            own = (shown * hand).sum((2, 3), keepdim=True) / hand.sum((2, 3), keepdim=True).clamp_min(1)
            colour = torch.where(torch.rand_like(colour[:, :1]) < 0.5, own, colour)
            behind = (torch.rand_like(colour[:, :1]) < 0.5).to(image)
            shape = shape * (1 - behind * F.avg_pool2d(hand, 3, 1, 1))
        round_off = 0.5 + 0.5 * shape  # darker towards its sides, like a cylinder
        image[some] = torch.lerp(shown, colour * round_off, (3 * shape).clamp(0, 1))

    def _ellipses(self, image: Float[Tensor, "batch 3 s s"]) -> Float[Tensor, "batch 1 s s"]:
        """Draw one soft-edged, rotated ellipse at a random place of each image."""
        place, half = (torch.rand(2, len(image), 1, 1, device=image.device) for _ in range(2))
        angle = 2 * torch.pi * torch.rand(len(image), 1, 1, device=image.device)
        half = self.largest * (0.2 + 0.8 * half) + 1e-3
        axis = torch.linspace(0, 1, image.shape[-1], device=image.device)
        dx, dy = axis[None, None, :] - place[0], axis[None, :, None] - place[1]
        across = (dx * angle.cos() + dy * angle.sin()) / half[0]
        along = (dy * angle.cos() - dx * angle.sin()) / half[1]
        return ((1 - across.square() - along.square()) * 6).clamp(0, 1)[:, None].to(image)


def mix_spectrum(
    image: Float[Tensor, "batch 3 s s"], other: Float[Tensor, "batch 3 s s"]
) -> Float[Tensor, "batch 3 s s"]:
    """Mix the amplitudes of low frequencies with other images', phases kept (torch's generator).

    Args:
        image: RGB in [0, 1].
        other: As many, whose amplitudes are taken.

    Returns:
        RGB in [0, 1], with a share of 0 to 1 of the others' amplitudes below a random frequency.
    """
    count, size = len(image), image.shape[-1]
    highest = 1 + torch.randint(_LARGEST_FREQUENCY, (count, 1, 1, 1), device=image.device)
    frequency = torch.fft.fftfreq(size, 1 / size, device=image.device).abs()
    low = torch.maximum(frequency[:, None], frequency[None, : size // 2 + 1]) <= highest
    share = torch.rand(count, 1, 1, 1, device=image.device) * low
    own, given = (torch.fft.rfft2(pictures.float()) for pictures in (image, other))
    amplitude = own.abs()
    mixed = own * (torch.lerp(amplitude, given.abs(), share) / amplitude.clamp_min(1e-6))
    return torch.fft.irfft2(mixed, s=(size, size)).clamp(0, 1).to(image)


def _bars(image: Float[Tensor, "batch 3 s s"]) -> Float[Tensor, "batch 1 s s"]:
    """Draw one straight bar with round ends at a random place of each image: 1 along its middle, 0 outside."""
    count, device = len(image), image.device
    along, across, length, width = (torch.rand(4, count, 1, 1, device=device) - 0.5).unbind(0)
    angle = 2 * torch.pi * torch.rand(count, 1, 1, device=device)
    axis = torch.linspace(-0.5, 0.5, image.shape[-1], device=device)
    x = axis * angle.cos() + axis[:, None] * angle.sin() - along
    y = axis[:, None] * angle.cos() - axis * angle.sin() - across
    end, side = 0.15 + 0.6 * (length + 0.5), 0.015 + 0.05 * (width + 0.5)
    beyond = (x.abs() - end).clamp_min(0)  # its ends are round
    return (1 - (beyond.square() + y.square()) / side.square()).clamp(0, 1)[:, None].to(image)


def _backgrounds(
    image: Float[Tensor, "batch 3 s s"], some: Int[Tensor, " some"], negatives: NegativeImages | None
) -> Float[Tensor, "some 3 s s"]:
    """Return new backgrounds of some images."""
    behind = random_enlarged_crop(image.roll(1, 0)[some])
    if negatives is not None:
        others = _random_rows(behind, 0.5)
        if len(others):  # no crop of an empty batch
            behind[others] = negatives.sample(len(others), image.shape[-1], image.device).to(image)
    return behind


def _random_rows(image: Float[Tensor, "batch 3 s s"], share: float) -> Int[Tensor, " some"]:
    """Return random rows; work is done on these alone."""
    return (torch.rand(len(image), device=image.device) < share).nonzero()[:, 0]

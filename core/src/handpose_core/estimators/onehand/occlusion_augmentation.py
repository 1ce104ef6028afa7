"""Training pictures made harder in batches: other backgrounds behind hands, and things before them."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from handpose_core.errors import HandposeError
from handpose_core.estimators.onehand.negatives import HandlessPictures
from handpose_core.estimators.onehand.random_crop import enlarged

#: Of the mixed amplitudes, in periods over the picture: about 2 % of its side.
_LARGEST_FREQUENCY = 4


@dataclass(frozen=True)
class Clutter:
    """How often, and how much; 0 is never.

    Args:
        background: probability that all but the hand is replaced: by an enlarged part of another picture of the
            batch or, as often, by a part of one without a hand, where there are such.
        occluder: probability that an ellipse of another picture, or of one colour, lies before the hand.
        largest: the ellipse's longest half axis over the crop's side.
        grey: probability that a picture loses its colours.
        bar: probability that a bar lies there, such as pens, straps and other hands' fingers are: half of the bars
            behind the hand, where its mask is known; as often of the hand's colour as of any.
        spectrum: probability that the amplitudes of a picture's low frequencies are mixed with another picture's, so
            that colours and light are less those of the renderer (Yang and Soatto 2020, FDA; for hands Zhao et al.
            2025, arXiv 2503.19307).
    """

    background: float = 0.3
    occluder: float = 0.4
    largest: float = 0.25
    grey: float = 0.05
    bar: float = 0.0
    spectrum: float = 0.0

    def __post_init__(self) -> None:
        for name in ("background", "occluder", "largest", "grey", "bar", "spectrum"):
            if not 0 <= getattr(self, name) <= 1:
                raise HandposeError(f"clutter, {name}", str(getattr(self, name)), "a number from 0 to 1", "Change it.")

    def add(
        self,
        image: Float[Tensor, "batch 3 s s"],
        mask: Bool[Tensor, "batch 1 s s"] | None,
        handless: HandlessPictures | None = None,
    ) -> Float[Tensor, "batch 3 s s"]:
        """Pictures with clutter, by torch's generator; without masks backgrounds stay."""
        image = image.clone()
        if mask is not None and len(some := _chosen(image, self.background)):
            # a soft edge within the hand: one outside it would keep a rim of the old background
            hand = (2 * F.avg_pool2d(mask[some].to(image), 3, 1, 1) - 1).clamp_min(0)
            image[some] = torch.lerp(_behind(image, some, handless), image[some], hand)
        self._lay_bars(image, mask)
        some = _chosen(image, self.occluder)
        colour = torch.rand(len(some), 3, 1, 1, device=image.device, dtype=image.dtype)
        picture = torch.rand(len(some), 1, 1, 1, device=image.device) < 0.5
        before = torch.where(picture, image.roll(2, 0)[some], colour)
        image[some] = torch.lerp(image[some], before, self._ellipses(before))
        some = _chosen(image, self.spectrum)
        if len(some):
            image[some] = mix_spectrum(image[some], image.roll(1, 0)[some])
        some = _chosen(image, self.grey)
        image[some] = image[some].mean(1, keepdim=True)
        return image

    def _lay_bars(self, image: Float[Tensor, "batch 3 s s"], mask: Bool[Tensor, "batch 1 s s"] | None) -> None:
        some = _chosen(image, self.bar)
        shown = image[some]
        shape, colour = _bars(shown), torch.rand(len(some), 3, 1, 1, device=image.device).to(image)
        if mask is not None:
            hand = mask[some].to(image)
            own = (shown * hand).sum((2, 3), keepdim=True) / hand.sum((2, 3), keepdim=True).clamp_min(1)
            colour = torch.where(torch.rand_like(colour[:, :1]) < 0.5, own, colour)
            behind = (torch.rand_like(colour[:, :1]) < 0.5).to(image)
            shape = shape * (1 - behind * F.avg_pool2d(hand, 3, 1, 1))
        round_off = 0.5 + 0.5 * shape  # darker towards its sides, as what is round is
        image[some] = torch.lerp(shown, colour * round_off, (3 * shape).clamp(0, 1))

    def _ellipses(self, image: Float[Tensor, "batch 3 s s"]) -> Float[Tensor, "batch 1 s s"]:
        """One soft-edged, turned ellipse a picture, somewhere."""
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
    """Mix the amplitudes of low frequencies with other pictures', phases kept; by torch's generator.

    Args:
        image: pictures in [0, 1].
        other: as many, whose amplitudes are taken.

    Returns:
        Pictures in [0, 1], with 0 to 1 of the others' amplitudes below a random frequency.
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
    """One straight bar a picture, somewhere: 1 along its middle, 0 outside."""
    count, device = len(image), image.device
    along, across, length, width = (torch.rand(4, count, 1, 1, device=device) - 0.5).unbind(0)
    angle = 2 * torch.pi * torch.rand(count, 1, 1, device=device)
    axis = torch.linspace(-0.5, 0.5, image.shape[-1], device=device)
    x = axis * angle.cos() + axis[:, None] * angle.sin() - along
    y = axis[:, None] * angle.cos() - axis * angle.sin() - across
    end, side = 0.15 + 0.6 * (length + 0.5), 0.015 + 0.05 * (width + 0.5)
    beyond = (x.abs() - end).clamp_min(0)  # its ends are round
    return (1 - (beyond.square() + y.square()) / side.square()).clamp(0, 1)[:, None].to(image)


def _behind(
    image: Float[Tensor, "batch 3 s s"], some: Int[Tensor, " some"], handless: HandlessPictures | None
) -> Float[Tensor, "some 3 s s"]:
    """What comes behind some of the hands."""
    behind = enlarged(image.roll(1, 0)[some])
    if handless is not None:
        others = _chosen(behind, 0.5)
        if len(others):  # windows cannot be cut out of no picture
            behind[others] = handless.draw(len(others), image.shape[-1], image.device).to(image)
    return behind


def _chosen(image: Float[Tensor, "batch 3 s s"], share: float) -> Int[Tensor, " some"]:
    """Which pictures; work is done on these alone."""
    return (torch.rand(len(image), device=image.device) < share).nonzero()[:, 0]

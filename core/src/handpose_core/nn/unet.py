"""The U-Net of pix2pix (Isola et al. 2017): an image-to-image network whose halves are joined at every resolution."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from handpose_core.errors import HandposeError
from handpose_core.nn.gan import GeneratorForm, Norm, initialise

_WIDEST = 8
Upsampling = Literal["transposed", "resized"]


@dataclass(frozen=True, kw_only=True)
class UNetSize(GeneratorForm):
    """The widths of a `UNetGenerator`; the defaults are those of pix2pix's "U-Net-256".

    Args:
        width: channels of the first convolution; each halving doubles them, up to eightfold.
        downs: halvings of the resolution: eight bring 256 px down to one.
        norm: normalisation between the convolutions; by batch, the statistics are those of the batch at hand while
            generating, too, as the authors do it.
        dropout: share of features that is dropped, while training and while generating, in decoder layers after the
            innermost: the noise z.
        dropped: in how many of these layers. In "U-Net-256" they are three, whose maps are at most a 16th as wide as
            the image: with fewer halvings, three would reach maps so fine that the noise is seen as speckle.
        upsampling: ``transposed`` convolutions, as the authors have them; or ``resized`` maps, convolved after: no
            output pixel then meets other weights than its neighbour, which is what a checkerboard comes from (Odena
            et al. 2016).
    """

    width: int = 64
    downs: int = 8
    norm: Norm = "batch"
    dropout: float = 0.5
    dropped: int = 3
    upsampling: Upsampling = "transposed"

    def build(self, inputs: int, outputs: int) -> "UNetGenerator":
        """See `GeneratorForm`."""
        return UNetGenerator(inputs, outputs, self)


PAPER_UNET = UNetSize()


class UNetGenerator(nn.Module):
    """An image to an image of the same side, in [-1, 1].

    Its noise is dropout, which stays on after training.

    Args:
        inputs: channels that come in.
        outputs: channels that go out.
        size: widths; U-Net-256 by default.
    """

    def __init__(self, inputs: int, outputs: int, size: UNetSize = PAPER_UNET) -> None:
        super().__init__()
        self.size = size
        widths = [size.width * min(2**level, _WIDEST) for level in range(size.downs)]
        self.encoder = nn.ModuleList([nn.Conv2d(inputs, widths[0], 4, 2, 1)])
        for place, (narrow, wide) in enumerate(pairwise(widths), 2):
            # one pixel, at the innermost, has no variance to be normalised by
            self.encoder.append(_down(narrow, wide, None if place == size.downs else size.norm))
        self.decoder = nn.ModuleList()
        for level in range(size.downs - 1, 0, -1):
            below = widths[level] * (1 if level == size.downs - 1 else 2)
            self.decoder.append(_up(below, widths[level - 1], size))
        below = 2 * widths[0] if size.downs > 1 else widths[0]
        self.last = nn.Sequential(nn.ReLU(), _doubled(below, outputs, size.upsampling), nn.Tanh())
        initialise(self)

    def forward(self, image: Float[Tensor, "batch _ height width"]) -> Float[Tensor, "batch _ height width"]:
        """Translate images.

        Raises:
            HandposeError: a side is not divisible by two to the number of halvings.
        """
        step = 2**self.size.downs
        if image.shape[-1] % step or image.shape[-2] % step:
            raise HandposeError(
                "generator, image", f"{tuple(image.shape[-2:])} px", f"sides divisible by {step}", "Change the size."
            )
        skips: list[Tensor] = []
        for layer in self.encoder:
            image = layer(image)
            skips.append(image)
        features = skips.pop()
        for place, layer in enumerate(self.decoder):
            features = layer(features)
            if 0 < place <= self.size.dropped:
                features = F.dropout(features, self.size.dropout)
            features = torch.cat([features, skips.pop()], dim=1)
        translated: Tensor = self.last(features)
        return translated


def _down(inputs: int, outputs: int, norm: Norm | None) -> nn.Sequential:
    after = [] if norm is None else [_normalise(norm, outputs)]
    return nn.Sequential(nn.LeakyReLU(0.2), nn.Conv2d(inputs, outputs, 4, 2, 1, bias=norm != "batch"), *after)


def _up(inputs: int, outputs: int, size: UNetSize) -> nn.Sequential:
    doubled = _doubled(inputs, outputs, size.upsampling, bias=size.norm != "batch")
    return nn.Sequential(nn.ReLU(), doubled, _normalise(size.norm, outputs))


def _doubled(inputs: int, outputs: int, upsampling: Upsampling, bias: bool = True) -> nn.Module:
    if upsampling == "transposed":
        return nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=bias)
    convolution = nn.Conv2d(inputs, outputs, 3, 1, 1, padding_mode="replicate", bias=bias)
    return nn.Sequential(nn.Upsample(scale_factor=2), convolution)


def _normalise(kind: Norm, channels: int) -> nn.Module:
    return nn.InstanceNorm2d(channels) if kind == "instance" else nn.BatchNorm2d(channels, track_running_stats=False)

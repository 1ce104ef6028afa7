"""Image-to-image networks of adversarial methods: ResNet generator, PatchGAN discriminator, image pool, loss."""

import random
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from handpose_core.errors import HandposeError
from handpose_core.precision import single_precision

Norm = Literal["instance", "batch"]

_INIT_STD = 0.02


class GeneratorForm(ABC):
    """A generator's network and its widths: an object that the recipe chooses."""

    @abstractmethod
    def build(self, inputs: int, outputs: int) -> nn.Module:
        """The network from images of some channels to images of others, in [-1, 1]."""


@dataclass(frozen=True, kw_only=True)
class GeneratorSize(GeneratorForm):
    """The widths of a `ResNetGenerator`; the defaults are those of Johnson et al. 2016 and Zhu et al. 2017.

    Args:
        width: channels of the first convolution; each halving doubles them.
        downs: halvings of the resolution.
        blocks: residual blocks at the lowest resolution: "ResNet-9" has nine.
        norm: normalisation between the convolutions.
    """

    width: int = 64
    downs: int = 2
    blocks: int = 9
    norm: Norm = "instance"

    def build(self, inputs: int, outputs: int) -> "ResNetGenerator":
        """See `GeneratorForm`."""
        return ResNetGenerator(inputs, outputs, self)


@dataclass(frozen=True, kw_only=True)
class DiscriminatorSize:
    """The widths of a `PatchDiscriminator`; the defaults are those of Isola et al. 2017, with 70 x 70 patches.

    Args:
        width: channels of the first convolution; each halving doubles them, up to eightfold.
        layers: convolutions with stride 2.
        norm: normalisation between the convolutions.
    """

    width: int = 64
    layers: int = 3
    norm: Norm = "instance"


PAPER_GENERATOR = GeneratorSize()
PAPER_DISCRIMINATOR = DiscriminatorSize()


class ResNetGenerator(nn.Module):
    """An image to an image of the same side, in [-1, 1].

    Args:
        inputs: channels that come in.
        outputs: channels that go out.
        size: widths; ResNet-9 by default.
    """

    def __init__(self, inputs: int, outputs: int, size: GeneratorSize = PAPER_GENERATOR) -> None:
        super().__init__()
        self.size = size
        width = size.width
        layers: list[nn.Module] = [nn.ReflectionPad2d(3), *_convolution(inputs, width, 7, size.norm)]
        for _ in range(size.downs):
            layers += _convolution(width, 2 * width, 3, size.norm, stride=2, padding=1)
            width *= 2
        layers += [_ResidualBlock(width, size.norm) for _ in range(size.blocks)]
        for _ in range(size.downs):
            up = nn.ConvTranspose2d(
                width, width // 2, 3, stride=2, padding=1, output_padding=1, bias=size.norm == "instance"
            )
            layers += [up, normalisation(size.norm, width // 2), nn.ReLU(inplace=True)]
            width //= 2
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(width, outputs, 7), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
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
        translated: Tensor = self.layers(image)
        return translated


class PatchDiscriminator(nn.Module):
    """Judges overlapping patches of an image: a map of logits, high where a patch looks real.

    Args:
        inputs: channels that come in.
        size: widths; 70 x 70 patches by default.
    """

    def __init__(self, inputs: int, size: DiscriminatorSize = PAPER_DISCRIMINATOR) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(inputs, size.width, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
        width = size.width
        for layer in range(1, size.layers + 1):
            wider = size.width * min(2**layer, 8)
            stride = 2 if layer < size.layers else 1
            layers += [
                nn.Conv2d(width, wider, 4, stride, 1, bias=size.norm == "instance"),
                normalisation(size.norm, wider),
                nn.LeakyReLU(0.2, inplace=True),
            ]
            width = wider
        self.layers = nn.Sequential(*layers, nn.Conv2d(width, 1, 4, 1, 1))
        initialise(self)

    def forward(self, image: Float[Tensor, "batch _ height width"]) -> Float[Tensor, "batch 1 _ _"]:
        """A logit for each patch."""
        logits: Tensor = self.layers(image)
        return logits


class ImagePool(nn.Module):
    """Earlier generated images, so that a discriminator does not forget them (Shrivastava et al. 2017).

    Until it is full it keeps what comes; then every image that comes is, with probability one half, exchanged for an
    earlier one. It belongs to a training, not to the weights: `kept` is for the checkpoints of trainings that go on.

    Args:
        size: Images that are kept; 0 gives back what comes.
    """

    def __init__(self, size: int = 50) -> None:
        super().__init__()
        self.size = size
        self._images: list[Tensor] = []
        self._random = random.Random(random.getrandbits(64))

    def kept(self) -> dict[str, Any]:
        """All that its next answers depend on."""
        return {"images": list(self._images), "random": self._random.getstate()}

    def keep(self, kept: dict[str, Any]) -> None:
        """Go on from what `kept` gave."""
        self._images = list(kept["images"])
        self._random.setstate(kept["random"])

    def forward(self, images: Float[Tensor, "batch c h w"]) -> Float[Tensor, "batch c h w"]:
        """As many images as came, without gradient."""
        return torch.stack([self._exchange(image) for image in images.detach()])

    def _exchange(self, image: Tensor) -> Tensor:
        if len(self._images) < self.size:
            self._images.append(image.clone())
            return image
        if self.size and self._random.random() < 0.5:
            place = self._random.randrange(self.size)
            earlier, self._images[place] = self._images[place].to(image.device), image.clone()
            return earlier
        return image


@single_precision
def adversarial_loss(logits: Float[Tensor, "*shape"], real: bool) -> Float[Tensor, ""]:
    """The vanilla GAN's loss (Goodfellow et al. 2014) on logits: how far they are from saying ``real``.

    A discriminator minimises it for real images with ``real`` and for generated ones without; a generator, in the
    non-saturating form, for generated ones with ``real``.
    """
    target = torch.full_like(logits, float(real))
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="sum")
    return entropy / max(logits.numel(), 1)  # 0 of no image: the mean would be not-a-number


@single_precision
def least_squares_loss(logits: Float[Tensor, "*shape"], real: bool) -> Float[Tensor, ""]:
    """LSGAN's loss (Mao et al. 2017), in the place of `adversarial_loss`: CycleGAN takes it."""
    return F.mse_loss(logits, torch.full_like(logits, float(real)))


def initialise(network: nn.Module) -> None:
    """Draw the convolutions' weights from N(0, 0.02²), and set biases to 0, as pix2pix and CycleGAN do."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, _INIT_STD)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, _INIT_STD)
            nn.init.zeros_(module.bias)


def normalisation(kind: Norm, channels: int) -> nn.Module:
    """The layer of that name."""
    return nn.InstanceNorm2d(channels) if kind == "instance" else nn.BatchNorm2d(channels)


class _ResidualBlock(nn.Module):
    """x + F(x) with two 3 x 3 convolutions."""

    def __init__(self, width: int, norm: Norm) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.ReflectionPad2d(1),
            *_convolution(width, width, 3, norm),
            nn.ReflectionPad2d(1),
            nn.Conv2d(width, width, 3, bias=norm == "instance"),
            normalisation(norm, width),
        )

    def forward(self, features: Float[Tensor, "batch c h w"]) -> Float[Tensor, "batch c h w"]:
        residual: Tensor = self.layers(features)
        return features + residual


def _convolution(
    inputs: int, outputs: int, kernel: int, norm: Norm, stride: int = 1, padding: int = 0
) -> list[nn.Module]:
    """Convolution, normalisation, ReLU; with a bias where the normalisation has none."""
    bias = norm == "instance"
    return [
        nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=bias),
        normalisation(norm, outputs),
        nn.ReLU(inplace=True),
    ]

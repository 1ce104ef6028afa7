"""The networks of chapter 2, from those of core: generators of images in [0, 1], and judges of image and condition."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from handpose_core.nn.gan import (
    PAPER_DISCRIMINATOR,
    PAPER_GENERATOR,
    DiscriminatorSize,
    GeneratorSize,
    PatchDiscriminator,
    ResNetGenerator,
)
from handpose_core.nn.unet import PAPER_UNET, UNetGenerator, UNetSize

RGB = 3
PIX2PIX_DISCRIMINATOR = DiscriminatorSize(norm="batch")


@dataclass(frozen=True, kw_only=True)
class ConditionalSize:
    """The networks of a conditional GAN; the defaults are pix2pix's.

    Args:
        generator: the U-Net.
        discriminator: the PatchGAN, of 70 x 70 px.
    """

    generator: UNetSize = PAPER_UNET
    discriminator: DiscriminatorSize = PIX2PIX_DISCRIMINATOR


@dataclass(frozen=True, kw_only=True)
class CycleSize:
    """The networks of a CycleGAN; the defaults are its authors'.

    Args:
        generator: both ResNet generators.
        discriminator: both PatchGANs.
        pool: earlier images that each discriminator sees again.
    """

    generator: GeneratorSize = PAPER_GENERATOR
    discriminator: DiscriminatorSize = PAPER_DISCRIMINATOR
    pool: int = 50


PAPER_CONDITIONAL = ConditionalSize()
PAPER_CYCLE = CycleSize()


class ConditionalGenerator(nn.Module):
    """G: condition maps to an image, both in [0, 1]; its noise z is dropout.

    Args:
        conditions: channels of the condition.
        size: the U-Net's.
    """

    def __init__(self, conditions: int, size: UNetSize = PAPER_UNET) -> None:
        super().__init__()
        self.network = UNetGenerator(conditions, RGB, size)

    def forward(self, condition: Float[Tensor, "batch c h w"]) -> Float[Tensor, "batch 3 h w"]:
        """An image for each condition."""
        return to_unit(self.network(from_unit(condition)))


class Making(ABC):
    """How TAGAN's generator comes to its image."""

    @abstractmethod
    def build(self, conditions: int, size: UNetSize) -> ConditionalGenerator:
        """The generator, with new weights.

        Args:
            conditions: channels of the condition, the last three of which are the colour map.
            size: the U-Net's.
        """


@dataclass(frozen=True)
class FromNothing(Making):
    """The network makes all of it, as pix2pix's does."""

    def build(self, conditions: int, size: UNetSize) -> ConditionalGenerator:
        """See `Making`."""
        return ConditionalGenerator(conditions, size)


@dataclass(frozen=True)
class FromColourMap(Making):
    """The network makes what the colour map lacks, see `SharpeningGenerator`."""

    def build(self, conditions: int, size: UNetSize) -> "SharpeningGenerator":
        """See `Making`."""
        return SharpeningGenerator(conditions, size)


FROM_NOTHING = FromNothing()


class SharpeningGenerator(ConditionalGenerator):
    """G that tells the difference between the colour map and the image, so that it need not learn to copy colours.

    Untrained, it gives the colour map: a short training ends in hands that are sharper or less so, and not in speckle.

    Args:
        conditions: channels of the condition, the last three of which are the colour map.
        size: the U-Net's.
    """

    def __init__(self, conditions: int, size: UNetSize = PAPER_UNET) -> None:
        super().__init__(conditions, size)
        for parameter in self.network.last.parameters():
            nn.init.zeros_(parameter)

    def forward(self, condition: Float[Tensor, "batch c h w"]) -> Float[Tensor, "batch 3 h w"]:
        """An image for each condition; a little outside [0, 1] where the sum is."""
        change: Tensor = self.network(from_unit(condition))
        return condition[:, -RGB:] + change


class ConditionalDiscriminator(nn.Module):
    """D: how real each patch of an image is, given its condition.

    Args:
        conditions: channels of the condition.
        size: the PatchGAN's.
    """

    def __init__(self, conditions: int, size: DiscriminatorSize = PAPER_DISCRIMINATOR) -> None:
        super().__init__()
        self.network = PatchDiscriminator(conditions + RGB, size)

    def forward(
        self, condition: Float[Tensor, "batch c h w"], image: Float[Tensor, "batch 3 h w"]
    ) -> Float[Tensor, "batch 1 _ _"]:
        """A logit for each patch."""
        logits: Tensor = self.network(from_unit(torch.cat([condition, image], dim=1)))
        return logits


class ImageTranslator(nn.Module):
    """CycleGAN's G: an image to an image, both in [0, 1].

    Args:
        size: the ResNet's.
    """

    def __init__(self, size: GeneratorSize = PAPER_GENERATOR) -> None:
        super().__init__()
        self.network = ResNetGenerator(RGB, RGB, size)

    def forward(self, image: Float[Tensor, "batch 3 h w"]) -> Float[Tensor, "batch 3 h w"]:
        """The images as the other domain would show them."""
        return to_unit(self.network(from_unit(image)))


class ImageDiscriminator(nn.Module):
    """CycleGAN's D: how real each patch of an image is.

    Args:
        size: the PatchGAN's.
    """

    def __init__(self, size: DiscriminatorSize = PAPER_DISCRIMINATOR) -> None:
        super().__init__()
        self.network = PatchDiscriminator(RGB, size)

    def forward(self, image: Float[Tensor, "batch 3 h w"]) -> Float[Tensor, "batch 1 _ _"]:
        """A logit for each patch."""
        logits: Tensor = self.network(from_unit(image))
        return logits


def from_unit(image: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """[0, 1] to [-1, 1], as the networks have it."""
    return image * 2 - 1


def to_unit(image: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """[-1, 1] to [0, 1]."""
    return (image + 1) / 2

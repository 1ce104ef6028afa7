"""Depth-map reconstruction: generator and discriminator (thesis, section 3.4.2)."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from handpose_core.nn.gan import (
    PAPER_DISCRIMINATOR,
    PAPER_GENERATOR,
    DiscriminatorSize,
    GeneratorForm,
    PatchDiscriminator,
)


@dataclass(frozen=True, kw_only=True)
class GANSize:
    """The form of the depth-map reconstruction module (section 3.4.2); the defaults are the paper's.

    Args:
        generator: RGB to depth.
        discriminator: of the depth map ALONE: RGB and depth are unpaired in (3.2).
        side: of the images that are translated and of the maps that are judged, px.
        pool: earlier generated maps that the discriminator goes on seeing.
    """

    generator: GeneratorForm = PAPER_GENERATOR
    discriminator: DiscriminatorSize = PAPER_DISCRIMINATOR
    side: int = 256
    pool: int = 50


class DepthGenerator(nn.Module):
    """RGB image to normalised depth map, G of (3.2).

    Args:
        size: its form.
    """

    def __init__(self, size: GANSize) -> None:
        super().__init__()
        self.side = size.side
        self.translate = size.generator.build(3, 1)

    def forward(self, image: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch 1 side side"]:
        """Depth in [0, 1]: 0 the hand's nearest point, 1 its farthest and the background.

        Args:
            image: RGB in [0, 1], of any size: resized to the generator's.
        """
        resized = F.interpolate(image, size=(self.side, self.side), mode="bilinear", antialias=True)
        translated: Tensor = self.translate(2 * resized - 1)
        return (translated.float() + 1) / 2


class DepthDiscriminator(nn.Module):
    """Judges normalised depth maps, D of (3.2).

    Args:
        size: its form.
    """

    def __init__(self, size: GANSize) -> None:
        super().__init__()
        self.judge = PatchDiscriminator(1, size.discriminator)

    def forward(self, maps: Float[Tensor, "batch 1 side side"]) -> Float[Tensor, "batch 1 _ _"]:
        """A logit for each patch, high where it looks real."""
        logits: Tensor = self.judge(2 * maps - 1)
        return logits

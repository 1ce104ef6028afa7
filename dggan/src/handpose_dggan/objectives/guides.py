"""Where the depth regulariser's target comes from, and how depth maps are generated and judged."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from handpose_core.datasets.sample import Sample
from handpose_core.nn.gan import adversarial_loss
from handpose_core.training.experiment.needs import Need
from handpose_dggan.depth import DepthTarget, needs_depth, true_depth
from handpose_dggan.objectives.seen import Networks, require


class Guide(ABC):
    """Where the depth regulariser's target D* comes from."""

    adversarial: ClassVar[bool] = False
    """Whether a generator makes it, which then learns with the rest."""

    def needs(self) -> tuple[Need, ...]:
        """Return the keys of samples that the target is made of, beside the picture."""
        return ()

    @abstractmethod
    def target(self, module: Networks, batch: Sample, generated: Tensor | None) -> DepthTarget:
        """D* of (3.5) in the regulariser's size."""


@dataclass(frozen=True)
class TrueDepth(Guide):
    """The pictures' own depth maps: Table 3.1's last row, and Cai et al. 2018's design. Needs paired data."""

    def needs(self) -> tuple[Need, ...]:
        """See `Guide`."""
        return needs_depth("TrueDepth")

    def target(self, module: Networks, batch: Sample, generated: Tensor | None) -> DepthTarget:
        """See `Guide`."""
        return true_depth(batch, require(module.regulariser, "regulariser").side)


@dataclass(frozen=True)
class GeneratedDepth(Guide):
    """The generator's depth maps: DGGAN."""

    adversarial = True

    def target(self, module: Networks, batch: Sample, generated: Tensor | None) -> DepthTarget:
        """See `Guide`; with a gradient to the generator where ``generated`` has one."""
        side = require(module.regulariser, "regulariser").side
        maps = generate(module, batch) if generated is None else generated
        maps = F.interpolate(maps, size=(side, side), mode="area")
        return DepthTarget(maps, maps < 1, torch.ones(len(maps), dtype=torch.bool, device=maps.device))


@dataclass(frozen=True)
class SteadyDepth(GeneratedDepth):
    """The generator's depth maps, at which L_dep does not pull back.

    Where L_dep is heavy and the estimates still far off, the generator would learn to draw what fits them: on STB's
    twin, with few labels, its error over the hand went from 0.18 to 0.31 of the hand's depth in five epochs.
    """

    def target(self, module: Networks, batch: Sample, generated: Tensor | None) -> DepthTarget:
        """See `Guide`."""
        target = super().target(module, batch, generated)
        return target._replace(maps=target.maps.detach())


def generate(module: Networks, batch: Sample) -> Tensor:
    """The depth maps G(x_s) of a batch, in [0, 1]."""
    maps: Tensor = require(module.generator, "gan")(batch["image"])
    return maps


def fool(module: Networks, generated: Tensor) -> Tensor:
    """The generator's loss: how far the discriminator is from taking its maps for real."""
    return adversarial_loss(require(module.discriminator, "gan")(generated), real=True)


def discriminate(module: Networks, real: Tensor, generated: Tensor) -> Tensor:
    """The discriminator's loss (3.2), halved as pix2pix does to slow it down."""
    judge = require(module.discriminator, "gan")
    return (adversarial_loss(judge(real), real=True) + adversarial_loss(judge(generated), real=False)) / 2

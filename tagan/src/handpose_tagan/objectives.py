"""What is trained, and by which losses: TAGAN and the two methods it is compared with, one of these objects a recipe.

`TAGAN` and `Pix2pix` are paired with themselves: a real image y is made again from its own maps (y_s, y_b). The
thesis's (2.6) to (2.10) write x for y in places; superposed images x come in only when images are generated.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from handpose_core.datasets.sample import Sample
from handpose_core.errors import HandposeError
from handpose_core.nn.gan import ImagePool, adversarial_loss, least_squares_loss
from handpose_core.training.experiment.needs import Need, needs_of
from handpose_tagan.conditions.maps import Conditions
from handpose_tagan.losses import BINS, shape_loss, tonality_loss
from handpose_tagan.networks import (
    FROM_NOTHING,
    PAPER_CONDITIONAL,
    PAPER_CYCLE,
    ConditionalDiscriminator,
    ConditionalGenerator,
    ConditionalSize,
    CycleSize,
    ImageDiscriminator,
    ImageTranslator,
    Making,
)

Values = dict[str, Float[Tensor, ""]]
"""Losses by name; ``loss`` is the one to minimise."""
Maps = Callable[[Tensor], Conditions]
"""What makes the condition maps of images."""


_ONE_FOLDER = "Take TwoFoldersDataModule, as the recipes do: --data.simulated FOLDER."


class Networks(NamedTuple):
    """What an objective trains.

    Attributes:
        generators: They take steps together.
        discriminators: Likewise, after them.
        pools: Earlier images for them, by the discriminator's name.
    """

    generators: nn.ModuleDict
    discriminators: nn.ModuleDict
    pools: nn.ModuleDict


class Step(NamedTuple):
    """A generators' step.

    Attributes:
        values: Its losses.
        judged: Of each discriminator: what stays the same, and the real and the generated images that it compares.
    """

    values: Values
    judged: dict[str, tuple[Tensor, ...]]


class Objective(ABC):
    """What is trained."""

    @abstractmethod
    def build(self) -> Networks:
        """The networks, with new weights."""

    @abstractmethod
    def generate(self, networks: Networks, images: Float[Tensor, "batch 3 h w"], maps: Maps) -> Tensor:
        """Superposed images x, made to look real."""

    def needs(self) -> tuple[Need, ...]:
        """Return the keys of training samples that the losses read."""
        return needs_of(type(self).__name__, "image")

    @abstractmethod
    def step(self, networks: Networks, batch: Sample, maps: Maps) -> Step:
        """The generators' losses of a training batch."""

    @abstractmethod
    def judge(self, networks: Networks, step: Step) -> Values:
        """The discriminators' losses after it, halved as pix2pix does to slow them down; ``loss_d`` is their sum."""


class _Conditional(Objective):
    """A generator and a discriminator that both see the condition."""

    size: ConditionalSize
    channels: int

    @abstractmethod
    def condition(self, maps: Conditions) -> Tensor:
        """What both networks are told."""

    def generator(self) -> ConditionalGenerator:
        """G, with new weights."""
        return ConditionalGenerator(self.channels, self.size.generator)

    @abstractmethod
    def distances(self, generated: Tensor, real: Tensor) -> Values:
        """The losses beside the adversary's, by name; ``loss`` is their weighted sum."""

    def build(self) -> Networks:
        """See `Objective`."""
        judge = ConditionalDiscriminator(self.channels, self.size.discriminator)
        return Networks(nn.ModuleDict({"real": self.generator()}), nn.ModuleDict({"real": judge}), nn.ModuleDict())

    def generate(self, networks: Networks, images: Float[Tensor, "batch 3 h w"], maps: Maps) -> Tensor:
        """See `Objective`."""
        made: Tensor = networks.generators["real"](self.condition(maps(images)))
        return made

    def step(self, networks: Networks, batch: Sample, maps: Maps) -> Step:
        """See `Objective`."""
        real = batch["image"]
        condition = self.condition(maps(real))
        made = networks.generators["real"](condition)
        fooled = adversarial_loss(networks.discriminators["real"](condition, made), real=True)
        values = self.distances(made, real)
        return Step({**values, "loss_gan": fooled, "loss": fooled + values["loss"]}, {"real": (condition, real, made)})

    def judge(self, networks: Networks, step: Step) -> Values:
        """See `Objective`."""
        condition, real, made = step.judged["real"]
        judge = networks.discriminators["real"]
        true = adversarial_loss(judge(condition, real), real=True)
        false = adversarial_loss(judge(condition, made.detach()), real=False)
        return {"loss_d": (true + false) / 2}


@dataclass(frozen=True, kw_only=True)
class TAGAN(_Conditional):
    """The thesis's: shape and colour maps, (2.6), and λ_1 D_c + λ_2 D_s (2.8).

    Args:
        size: the networks'.
        lambda_colour: λ_1, of the tonality loss.
        lambda_shape: λ_2, of the L1 distance.
        bins: of the colour histograms.
        making: how the generator comes to its image.
    """

    size: ConditionalSize = PAPER_CONDITIONAL
    lambda_colour: float = 1.0
    lambda_shape: float = 100.0
    bins: int = BINS
    making: Making = FROM_NOTHING
    channels = 4

    def generator(self) -> ConditionalGenerator:
        """See `_Conditional`."""
        return self.making.build(self.channels, self.size.generator)

    def condition(self, maps: Conditions) -> Tensor:
        """Both maps."""
        return torch.cat([maps.shape, maps.colour], dim=1)

    def distances(self, generated: Tensor, real: Tensor) -> Values:
        """(2.8)."""
        colour, shape = tonality_loss(generated, real, self.bins), shape_loss(generated, real)
        total = self.lambda_colour * colour + self.lambda_shape * shape
        return {"loss_colour": colour, "loss_shape": shape, "loss": total}


@dataclass(frozen=True, kw_only=True)
class Pix2pix(_Conditional):
    """Isola et al. 2017, (2.1) to (2.3): the shape map alone.

    Args:
        size: the networks'.
        lambda_shape: of the L1 distance.
    """

    size: ConditionalSize = PAPER_CONDITIONAL
    lambda_shape: float = 100.0
    channels = 1

    def condition(self, maps: Conditions) -> Tensor:
        """The shape map."""
        return maps.shape

    def distances(self, generated: Tensor, real: Tensor) -> Values:
        """λ L_S (2.3)."""
        shape = shape_loss(generated, real)
        return {"loss_shape": shape, "loss": self.lambda_shape * shape}


@dataclass(frozen=True, kw_only=True)
class CycleGAN(Objective):
    """Zhu et al. 2017: unpaired, superposed images to real ones and back; least-squares adversaries.

    Its batches hold superposed images as ``simulated`` beside the real ones: see `handpose_tagan.data`.

    Args:
        sizes: of both generators and both discriminators.
        lambda_cycle: of the L1 distance after going there and back.
    """

    sizes: CycleSize = PAPER_CYCLE  # not `size`: options left from one objective must not fit into another
    lambda_cycle: float = 10.0

    def needs(self) -> tuple[Need, ...]:
        """See `Objective`."""
        return (*super().needs(), Need(("simulated",), "CycleGAN", fix=_ONE_FOLDER))

    def build(self) -> Networks:
        """See `Objective`; ``real`` makes and judges real images, ``simulated`` the others."""
        names = ("real", "simulated")
        return Networks(
            nn.ModuleDict({name: ImageTranslator(self.sizes.generator) for name in names}),
            nn.ModuleDict({name: ImageDiscriminator(self.sizes.discriminator) for name in names}),
            nn.ModuleDict({name: ImagePool(self.sizes.pool) for name in names}),
        )

    def generate(self, networks: Networks, images: Float[Tensor, "batch 3 h w"], maps: Maps) -> Tensor:
        """See `Objective`."""
        made: Tensor = networks.generators["real"](images)
        return made

    def step(self, networks: Networks, batch: Sample, maps: Maps) -> Step:
        """See `Objective`."""
        if "simulated" not in batch:
            raise HandposeError(
                "CycleGAN, batch", f"only {', '.join(batch)}", "superposed images as well, as 'simulated'",
                _ONE_FOLDER,
            )  # fmt: skip
        images = {"real": batch["image"], "simulated": batch["simulated"]}
        other = {"real": "simulated", "simulated": "real"}
        made = {name: networks.generators[name](images[other[name]]) for name in images}
        back = {name: networks.generators[name](made[other[name]]) for name in images}
        fooled = sum(
            (least_squares_loss(networks.discriminators[name](made[name]), real=True) for name in images),
            start=images["real"].new_zeros(()),
        )
        # of images in [-1, 1]
        cycle = 2 * (F.l1_loss(back["real"], images["real"]) + F.l1_loss(back["simulated"], images["simulated"]))
        values = {"loss_gan": fooled, "loss_cycle": cycle, "loss": fooled + self.lambda_cycle * cycle}
        return Step(values, {name: (images[name], made[name]) for name in images})

    def judge(self, networks: Networks, step: Step) -> Values:
        """See `Objective`; generated images pass through a pool of earlier ones."""
        values: Values = {}
        for name, (real, made) in step.judged.items():
            judge = networks.discriminators[name]
            true = least_squares_loss(judge(real), real=True)
            false = least_squares_loss(judge(networks.pools[name](made)), real=False)
            values[f"loss_d_{name}"] = (true + false) / 2
        return {**values, "loss_d": torch.stack(list(values.values())).sum()}


PAPER = TAGAN()

"""What a stage of DGGAN trains, and by which losses: the recipe chooses one of these objects.

``Regression`` → ``DepthReconstruction`` → ``Regularisation`` → ``Joined``, as the thesis trains (section
3.5.3): both modules are initialised on their own, then trained end to end. The rows of Table 3.1 are ``Joined`` with
no guide, with `GeneratedDepth` and with `TrueDepth`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from handpose_core.datasets.sample import Sample
from handpose_core.training.experiment.needs import Need, Split, needs_of
from handpose_dggan.depth import DepthTarget, needs_depth, true_depth
from handpose_dggan.losses import depth_map_loss, hand_depth_loss
from handpose_dggan.objectives.guides import Guide, TrueDepth, fool, generate
from handpose_dggan.objectives.joints import ESTIMATED, Joints
from handpose_dggan.objectives.seen import Networks, Step, Values, require

_POSE = needs_of("the losses of joints and relative depths (3.7)", "joints_2d", "joints_3d", "annotated")


class Objective(ABC):
    """What a stage trains."""

    manual: ClassVar[bool] = False
    """Whether the module steps its optimisers itself, as several of them need."""

    @property
    def adversarial(self) -> bool:
        """Whether the generator and the discriminator are trained."""
        return False

    @abstractmethod
    def trained(self, module: Networks) -> Mapping[str, nn.Module]:
        """The networks that the recipe's optimiser trains, by name; generator and discriminator have their own.

        Raises:
            HandposeError: the recipe gives the module no such network.
        """

    @abstractmethod
    def learns_from(self) -> tuple[Need, ...]:
        """Return the keys of samples that losses read in training and validation, but for the discriminator's."""

    def needs(self, split: Split) -> tuple[Need, ...]:
        """Return the keys of samples that losses read.

        Args:
            split: ``train`` or ``val``.

        Returns:
            The needs; the discriminator reads unpaired depth in training.
        """
        judged = needs_of("the discriminator", "unpaired_depth") if self.adversarial and split == "train" else ()
        return (*self.learns_from(), *judged)

    @abstractmethod
    def step(self, module: Networks, batch: Sample) -> Step:
        """The losses of a training batch."""

    @abstractmethod
    def validate(self, module: Networks, output: Any, batch: Sample) -> Step:
        """The losses of a validation batch; ``output`` is the pose network's."""

    def paired(self) -> bool:
        """Whether the stage looks at the true depth of its own pictures."""
        return False


@dataclass(frozen=True)
class Regression(Objective):
    """The pose network alone, λ_2D L_2D + λ_z L_z."""

    def learns_from(self) -> tuple[Need, ...]:
        """See `Objective`."""
        return _POSE

    def trained(self, module: Networks) -> Mapping[str, nn.Module]:
        """See `Objective`."""
        return {"network": module.network}

    def step(self, module: Networks, batch: Sample) -> Step:
        """See `Objective`."""
        return Step(module.pose_losses(module(*module.inputs(batch)), batch))

    def validate(self, module: Networks, output: Any, batch: Sample) -> Step:
        """See `Objective`."""
        return Step(module.pose_losses(output, batch))


@dataclass(frozen=True)
class DepthReconstruction(Objective):
    """The generator, against the discriminator (3.2), and by L1 against true depth, on the map and on the hand alone.

    The thesis initialises its depth module with the true depth of STB. Where STB is then the target, that gives away
    what the method claims not to need. Choose another dataset than the target for this stage: synthetic hands of the
    source world cost nothing.

    Args:
        lambda_true: weight of the L1 distance to the pictures' own depth; 0 leaves only the unpaired adversary.
        lambda_g: weight of the adversary.
    """

    lambda_true: float = 10.0
    lambda_g: float = 1.0
    manual = True

    @property
    def adversarial(self) -> bool:
        """See `Objective`."""
        return True

    def paired(self) -> bool:
        """See `Objective`."""
        return self.lambda_true > 0

    def learns_from(self) -> tuple[Need, ...]:
        """See `Objective`."""
        return ()

    def needs(self, split: Split) -> tuple[Need, ...]:
        """See `Objective`; validation does without depth."""
        compared = needs_depth("DepthReconstruction, lambda_true") if self.paired() and split == "train" else ()
        return (*super().needs(split), *compared)

    def trained(self, module: Networks) -> Mapping[str, nn.Module]:
        """See `Objective`."""
        return {}

    def step(self, module: Networks, batch: Sample) -> Step:
        """See `Objective`."""
        generated = generate(module, batch)
        fooled = fool(module, generated)
        values = {"loss_gan": fooled, "loss": self.lambda_g * fooled}
        if self.paired():
            values |= self._against_truth(generated, batch)
            values["loss"] = values["loss"] + self.lambda_true * values["loss_true"]
        return Step(values, generated)

    def validate(self, module: Networks, output: Any, batch: Sample) -> Step:
        """See `Objective`."""
        generated = generate(module, batch)
        return Step({"loss_gan": fool(module, generated), **self._against_truth(generated, batch)}, generated)

    @staticmethod
    def _against_truth(generated: Tensor, batch: Sample) -> Values:
        if "depth" not in batch:
            return {}
        truth = true_depth(batch, generated.shape[-1])
        everywhere = depth_map_loss(generated, truth.maps, truth.counted)
        return {"loss_true": everywhere + hand_depth_loss(generated, truth.maps, truth.hand)}


@dataclass(frozen=True)
class Regularisation(Objective):
    """The depth regulariser alone, L_dep (3.5).

    Args:
        guide: where its target comes from.
        joints: what it sees.
    """

    guide: Guide
    joints: Joints = ESTIMATED

    def learns_from(self) -> tuple[Need, ...]:
        """See `Objective`."""
        return (*self.guide.needs(), *self.joints.needs())

    def paired(self) -> bool:
        """See `Objective`."""
        return isinstance(self.guide, TrueDepth)

    def trained(self, module: Networks) -> Mapping[str, nn.Module]:
        """See `Objective`."""
        return {"regulariser": require(module.regulariser, "regulariser")}

    def step(self, module: Networks, batch: Sample) -> Step:
        """See `Objective`."""
        with torch.no_grad():
            generated = generate(module, batch) if self.guide.adversarial else None
            output = module(*module.inputs(batch)) if self.joints.estimates else None
            target, joints = self.guide.target(module, batch, generated), self.joints.read(output, batch)
        loss = _regularise(module, joints, target, target.counted & self.joints.readable(module, batch))
        return Step({"loss": loss, "loss_dep": loss}, generated)

    def validate(self, module: Networks, output: Any, batch: Sample) -> Step:
        """See `Objective`."""
        return self.step(module, batch)


@dataclass(frozen=True)
class Joined(Objective):
    """Everything end to end: λ_t L_task + λ_g L_GAN (3.1), L_task with λ_dep L_dep (3.7).

    Args:
        guide: where the regulariser's target comes from; None trains the pose network alone, for the same time.
        joints: what the regulariser sees of the estimates.
        fixed_regulariser: whether the regulariser stays as it is. Where it learns with the rest, as in the thesis,
            the estimated depths can become a code that only it understands, if their own loss is light.
        lambda_dep: weight of the regulariser in the task.
        lambda_t: weight of the task.
        lambda_g: weight of the adversary.
    """

    guide: Guide | None = None
    joints: Joints = ESTIMATED
    fixed_regulariser: bool = False
    lambda_dep: float = 1.0
    lambda_t: float = 10.0
    lambda_g: float = 1.0
    manual = True

    @property
    def adversarial(self) -> bool:
        """See `Objective`."""
        return self.guide is not None and self.guide.adversarial

    def learns_from(self) -> tuple[Need, ...]:
        """See `Objective`."""
        return (*_POSE, *(self.joints.needs() if self.guide else ()))

    def needs(self, split: Split) -> tuple[Need, ...]:
        """See `Objective`; validation does without depth."""
        guided = self.guide.needs() if self.guide and split == "train" else ()
        return (*super().needs(split), *guided)

    def paired(self) -> bool:
        """See `Objective`."""
        return isinstance(self.guide, TrueDepth)

    def trained(self, module: Networks) -> Mapping[str, nn.Module]:
        """See `Objective`."""
        if self.guide is None or self.fixed_regulariser:
            return {"network": module.network}
        return {"network": module.network, "regulariser": require(module.regulariser, "regulariser")}

    def step(self, module: Networks, batch: Sample) -> Step:
        """See `Objective`."""
        generated = generate(module, batch) if self.adversarial else None
        values = self._task(module, module(*module.inputs(batch)), batch, generated)
        if generated is not None:
            values["loss_gan"] = fool(module, generated)
            values["loss"] = values["loss"] + self.lambda_g * values["loss_gan"]
        return Step(values, generated)

    def validate(self, module: Networks, output: Any, batch: Sample) -> Step:
        """See `Objective`."""
        needs_truth = self.paired() and "depth" not in batch
        if self.guide is None or needs_truth:
            return Step(module.pose_losses(output, batch))
        generated = generate(module, batch) if self.adversarial else None
        return Step(self._task(module, output, batch, generated), generated)

    def _task(self, module: Networks, output: Any, batch: Sample, generated: Tensor | None) -> Values:
        """λ_t L_task (3.7)."""
        values = module.pose_losses(output, batch)
        task = values["loss"]
        if self.guide is not None:
            target = self.guide.target(module, batch, generated)
            values["loss_dep"] = _regularise(module, self.joints.read(output, batch), target, target.counted)
            task = task + self.lambda_dep * values["loss_dep"]
        return {**values, "loss": self.lambda_t * task}


REGRESSION = Regression()


def learning(objective: Objective, module: Networks) -> Mapping[str, nn.Module]:
    """All networks that an objective trains, by name.

    Raises:
        HandposeError: the recipe gives the module no such network.
    """
    if not objective.adversarial:
        return objective.trained(module)
    generator, discriminator = require(module.generator, "gan"), require(module.discriminator, "gan")
    return {**objective.trained(module), "generator": generator, "discriminator": discriminator}


def regularised(module: Networks, batch: Sample) -> Tensor:
    """The regulariser's depth maps of the estimated joints."""
    maps: Tensor = require(module.regulariser, "regulariser")(*ESTIMATED.read(module(*module.inputs(batch)), batch))
    return maps


def _regularise(module: Networks, joints: tuple[Tensor, Tensor], target: DepthTarget, counted: Tensor) -> Tensor:
    maps = require(module.regulariser, "regulariser")(*joints)
    return depth_map_loss(maps, target.maps, counted)

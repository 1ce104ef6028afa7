"""Which joints the depth regulariser sees."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from handpose_core.camera import relative_depth
from handpose_core.datasets.sample import Sample, labelled
from handpose_core.training.experiment.needs import Need, needs_of
from handpose_dggan.networks import as_places, read_places
from handpose_dggan.objectives.seen import Networks


class Joints(ABC):
    """Which joints the depth regulariser sees, and so which of the pose network's estimates it corrects."""

    estimates: ClassVar[bool] = True
    """Whether it needs the pose network's."""

    def needs(self) -> tuple[Need, ...]:
        """Return the keys of samples that the joints are made of, beside the picture."""
        return ()

    @abstractmethod
    def read(self, output: Any, batch: Sample) -> tuple[Tensor, Tensor]:
        """Places (B 21 2, from -1 to 1 over the crop) and relative depths (B 21); ``output`` is the pose network's."""

    def readable(self, module: Networks, batch: Sample) -> Tensor:
        """Which samples have them (B, bool)."""
        return torch.ones_like(module.depths_known(batch))


@dataclass(frozen=True)
class Estimated(Joints):
    """Those of the pose network, as in the thesis."""

    def read(self, output: Any, batch: Sample) -> tuple[Tensor, Tensor]:
        """See `Joints`."""
        stages, z_rel = output
        return read_places(stages[-1]), z_rel


@dataclass(frozen=True)
class EstimatedDepths(Joints):
    """The pose network's depths at the labelled places.

    Places have labels of their own, which say more than a depth map does: its gradient would only pull at them.
    """

    def needs(self) -> tuple[Need, ...]:
        """See `Joints`."""
        return needs_of("EstimatedDepths", "joints_2d")

    def read(self, output: Any, batch: Sample) -> tuple[Tensor, Tensor]:
        """See `Joints`."""
        return as_places(batch["joints_2d"], batch["image"].shape[-1]), output[1]


@dataclass(frozen=True)
class Labelled(Joints):
    """The labels: what the estimates become. A network trained for minutes is far from them."""

    estimates = False

    def needs(self) -> tuple[Need, ...]:
        """See `Joints`."""
        return needs_of("Labelled", "joints_2d", "joints_3d")

    def read(self, output: Any, batch: Sample) -> tuple[Tensor, Tensor]:
        """See `Joints`."""
        depths = relative_depth(batch["joints_3d"])
        known = labelled(batch, "joints_3d")[:, None]  # without labels a depth is 0 / 0
        return as_places(batch["joints_2d"], batch["image"].shape[-1]), torch.where(known, depths, 0)

    def readable(self, module: Networks, batch: Sample) -> Tensor:
        """See `Joints`."""
        return module.depths_known(batch)


ESTIMATED = Estimated()

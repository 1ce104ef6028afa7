"""Learning-rate schedules as small objects that a recipe chooses; they learn a run's length from its trainer."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.utilities.types import LRSchedulerConfigType
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, OneCycleLR, StepLR

from handpose_core.errors import HandposeError

OptimizerCallable = Callable[[Iterable[Any]], Optimizer]
"""An optimiser that still lacks its parameters; in a recipe its ``class_path`` and ``init_args``."""


def build_optimizer(
    factory: OptimizerCallable, parameters: Iterable[Any], option: str = "--model.optimizer"
) -> Optimizer:
    """Build an optimiser.

    Args:
        factory: the optimiser that lacks its parameters.
        parameters: what it trains.
        option: the option that chose it, for the error.

    Raises:
        HandposeError: the optimiser refuses its arguments, such as a negative learning rate.
    """
    try:
        return factory(parameters)
    except ValueError as error:
        raise HandposeError(option, str(error), "arguments that the optimiser accepts", "Correct them.") from error


class Schedule(ABC):
    """Builds a scheduler once the optimiser and the trainer exist."""

    @abstractmethod
    def build(self, optimizer: Optimizer, trainer: pl.Trainer) -> LRSchedulerConfigType:
        """The scheduler, and how often Lightning steps it."""


@dataclass(frozen=True)
class StepDecay(Schedule):
    """The learning rate falls by ``factor`` every ``epochs`` epochs."""

    epochs: int = 30
    factor: float = 0.1

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.factor <= 0:
            raise HandposeError(
                "StepDecay", f"epochs {self.epochs}, factor {self.factor:g}",
                "epochs of at least 1 and a factor above 0", "Correct them.",
            )  # fmt: skip

    def build(self, optimizer: Optimizer, trainer: pl.Trainer) -> LRSchedulerConfigType:
        """See `Schedule.build`."""
        return {"scheduler": StepLR(optimizer, self.epochs, self.factor), "interval": "epoch"}


@dataclass(frozen=True)
class LinearDecay(Schedule):
    """The optimiser's learning rate for ``constant`` of the run, then along a straight line to nothing (pix2pix).

    Args:
        constant: Share of the run; pix2pix and CycleGAN have 100 of 200 epochs.
    """

    constant: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.constant < 1:
            raise HandposeError(
                "LinearDecay, constant", f"{self.constant:g}", "a share of the run, from 0 to below 1", "Correct it."
            )

    def build(self, optimizer: Optimizer, trainer: pl.Trainer) -> LRSchedulerConfigType:
        """See `Schedule.build`."""
        steps = int(trainer.estimated_stepping_batches)
        first = self.constant * steps
        return {
            "scheduler": LambdaLR(optimizer, lambda step: max(0.0, min(1.0, (steps - step) / (steps - first)))),
            "interval": "step",
        }


@dataclass(frozen=True)
class OneCycle(Schedule):
    """Up to the optimiser's learning rate over ``warmup`` of the run, then down to nothing along a cosine."""

    warmup: float = 0.15

    def __post_init__(self) -> None:
        if not 0 <= self.warmup <= 1:
            raise HandposeError("OneCycle, warmup", f"{self.warmup:g}", "a share of the run, 0 to 1", "Correct it.")

    def build(self, optimizer: Optimizer, trainer: pl.Trainer) -> LRSchedulerConfigType:
        """See `Schedule.build`."""
        peaks = [group["lr"] for group in optimizer.param_groups]
        steps = int(trainer.estimated_stepping_batches) + 1  # Lightning steps once more after the last batch
        scheduler = _OneCycle(optimizer, peaks, total_steps=steps, pct_start=self.warmup)
        return {"scheduler": scheduler, "interval": "step"}


class _OneCycle(OneCycleLR):
    """Goes on only in a training of the length that it was made for."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """As torch's.

        Raises:
            HandposeError: the other training has another length.
        """
        if state_dict["total_steps"] != self.total_steps:
            raise HandposeError(
                "--ckpt_path, the schedule OneCycle", f"one over {state_dict['total_steps'] - 1} steps",
                f"over {self.total_steps - 1}, as many as this training has",
                "Go on with the same --trainer.max_epochs, --data.batch_size and data; to train further, begin anew "
                "from the weights: --init_from in place of --ckpt_path.",
            )  # fmt: skip
        super().load_state_dict(state_dict)

"""The end of a training whose loss is no number any more, or has grown beyond recovery."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch.optim import Optimizer

from handpose_core.errors import HandposeError

_GROWTH = 1e6
"""Times the first step's value, or 1 where that is smaller, beyond which a loss has diverged."""
_PREFIX = "train/"


class DivergenceStop(Callback):
    """Stop a training whose loss diverges, before a checkpoint of it is written.

    On the CPU every step is checked; elsewhere every ``trainer.log_every_n_steps`` and before each validation and
    checkpoint, because reading a loss waits for the device.
    """

    def __init__(self) -> None:
        self._first: dict[str, float] = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Validate the learning rates.

        Raises:
            HandposeError: one is not a finite number.
        """
        self._first = {}
        for rate in _rates(trainer, "initial_lr"):
            if not math.isfinite(rate):
                raise HandposeError("--model.optimizer, lr", f"{rate:g}", "a finite number", "Give another one.")

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Check the losses of this step."""
        interval = trainer.log_every_n_steps  # type: ignore[attr-defined]  # a connector sets it
        if pl_module.device.type == "cpu" or trainer.global_step % max(interval, 1) == 0:
            self._check(trainer)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Check the losses of the last step."""
        if not trainer.sanity_checking:
            self._check(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Check the losses of the last step; Lightning calls the callbacks that write checkpoints later."""
        self._check(trainer)

    def _check(self, trainer: Trainer) -> None:
        losses = {
            name.removeprefix(_PREFIX): float(value)
            for name, value in trainer.callback_metrics.items()
            if name.startswith(_PREFIX) and torch.is_tensor(value) and value.numel() == 1
        }
        for name, value in losses.items():
            bound = _GROWTH * max(abs(self._first.setdefault(name, value)), 1.0)
            if math.isfinite(value) and abs(value) <= bound:
                continue
            rates = ", ".join(f"{rate:g}" for rate in sorted(set(_rates(trainer, "lr"))))
            raise HandposeError(
                f"training, step {trainer.global_step} of epoch {trainer.current_epoch}, {name}",
                f"{value:g} at a learning rate of {rates}",
                "a finite loss" if not math.isfinite(value) else f"a loss that does not grow {_GROWTH:g}-fold",
                "Lower the learning rate (--model.optimizer.init_args.lr), or look for the cause in the data. "
                f"{_kept(trainer)}",
            )


def _rates(trainer: Trainer, key: str) -> Iterator[float]:
    """Yield the learning rates of all parameter groups; ``initial_lr`` is a schedule's, where there is one."""
    optimizers: list[Optimizer] = trainer.optimizers
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            yield float(group.get(key, group["lr"]))


def _kept(trainer: Trainer) -> str:
    """Return a sentence on the last checkpoint before the divergence."""
    paths = [Path(getattr(callback, "best_model_path", "")) for callback in trainer.checkpoint_callbacks]
    written = [path for path in paths if path.is_file()]
    last = max(written, key=lambda path: path.stat().st_mtime_ns, default=None)
    return f"The last checkpoint before it is {last}." if last else "No checkpoint was written before it."

"""Mean losses of every epoch of a training."""

from typing import Any

import pytorch_lightning as pl
from pytorch_lightning import Callback

Means = dict[str, float]
"""Of one epoch, by the losses' names."""


class LossMeans(Callback):
    """Keeps them.

    Attributes:
        epochs: the means, epoch by epoch.
    """

    def __init__(self) -> None:
        self.epochs: list[Means] = []
        self._steps: list[Means] = []

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        """Note a step's losses."""
        self._steps.append({name: float(value) for name, value in trainer.callback_metrics.items()})

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Average an epoch's."""
        self.epochs.append(
            {name: sum(step[name] for step in self._steps) / len(self._steps) for name in self._steps[0]}
        )
        self._steps = []

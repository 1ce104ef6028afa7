import os
from pathlib import Path

from pytorch_lightning import Callback


class EndOnce(Callback):
    """Ends its process at the start of an epoch, once.

    Args:
        marker: a file that tells whether it has.
        epoch: at whose start.
        number: the signal.
    """

    def __init__(self, marker: str, epoch: int = 2, number: int = 9) -> None:
        self.marker, self.epoch, self.number = Path(marker), epoch, number

    def on_train_epoch_start(self, trainer, pl_module):
        if trainer.current_epoch == self.epoch and not self.marker.exists():
            self.marker.touch()
            os.kill(os.getpid(), self.number)


class Poison(Callback):
    """Makes the weights NaN, or very large, at the start of an epoch.

    Args:
        epoch: at whose start.
        value: what they become.
    """

    def __init__(self, epoch: int = 1, value: float = float("nan")) -> None:
        self.epoch, self.value = epoch, value

    def on_train_epoch_start(self, trainer, pl_module):
        if trainer.current_epoch == self.epoch:
            for parameter in pl_module.parameters():
                parameter.data.fill_(self.value)

"""The checkpoint to go on from, beside the best one; and that there is a best one."""

from datetime import timedelta
from pathlib import Path

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint

from handpose_core.errors import HandposeError


class LastCheckpoint(ModelCheckpoint):
    """Write ``last.ckpt`` at the end of every epoch, whatever the metrics say, and every so many minutes within it.

    Not ``ModelCheckpoint(save_last=True)``: since Lightning 2.6 that is written only when a best one is, and a
    training that got no better for ten epochs would be resumed ten epochs back.

    Args:
        dirpath: the folder; None for ``checkpoints`` beside the run's log.
        every_n_epochs: how often.
        every_minutes: how many minutes of training lie between two at most, but for the time of a step and a
            validation; None writes at the end of epochs alone. A training that is gone on with in the middle of an
            epoch begins with the batches not yet seen.

    Raises:
        HandposeError: The minutes are not above 0.
    """

    def __init__(
        self, dirpath: Path | None = None, every_n_epochs: int = 1, every_minutes: float | None = None
    ) -> None:
        if every_minutes is not None and not 0 < every_minutes < float("inf"):
            raise HandposeError(
                "last_checkpoint, every_minutes", str(every_minutes), "a number above 0, or null", "Correct it."
            )
        super().__init__(
            dirpath=dirpath,
            filename="last",
            monitor=None,
            every_n_epochs=every_n_epochs,
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        )
        if every_minutes is not None:  # here, as Lightning's own arguments take one of the two, not both
            self._train_time_interval = timedelta(minutes=every_minutes)


class ValidatesOnce(Callback):
    """Validates at the end of trainings that have fewer batches than lie between two validations.

    Recipes validate every so many batches or epochs, whatever the data's size; tried out with fewer they would have no
    best checkpoint.
    """

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Bring the first validation forward."""
        interval = trainer.val_check_batch
        if trainer.check_val_every_n_epoch is None and isinstance(interval, int):
            planned = trainer.estimated_stepping_batches * trainer.accumulate_grad_batches
            trainer.val_check_batch = int(min(interval, max(planned, 1)))
        if trainer.check_val_every_n_epoch is not None and trainer.max_epochs is not None and trainer.max_epochs > 0:
            trainer.check_val_every_n_epoch = min(trainer.check_val_every_n_epoch, trainer.max_epochs)

"""What Lightning does for automatic optimisation alone, for modules that step several optimisers themselves."""

from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.core.optimizer import LightningOptimizer
from pytorch_lightning.trainer.states import TrainerFn
from torch import Tensor

from handpose_core.training.process_state import own_state


class ManualOptimization(pl.LightningModule):
    """Module whose backward passes are not run under autocast, and whose steps are counted by batches."""

    def manual_backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        """Compute the gradients of a loss outside autocast.

        Lightning runs ``training_step`` under autocast. A backward pass within it would round the factors of a loss's
        gradients to half precision, though the loss itself was computed in single precision
        (`handpose_core.precision.single_precision`).

        Args:
            loss: A scalar.
            args: Of `torch.Tensor.backward`.
            kwargs: Likewise.
        """
        with torch.autocast(loss.device.type, enabled=False):
            super().manual_backward(loss, *args, **kwargs)

    def optimizer_list(self) -> list[LightningOptimizer]:
        """Return all optimisers, in the order of `configure_optimizers`.

        Returns:
            The optimisers; one as a list of one.
        """
        optimizers: Any = self.optimizers()
        return optimizers if isinstance(optimizers, list) else [optimizers]

    def count_batches(self) -> None:
        """Let the first optimiser's steps count alone; to be called at the beginning of a manual ``training_step``.

        Lightning counts every optimiser's steps: ``--trainer.max_steps 6`` would be two batches of three optimisers,
        and a schedule over the run would end after a third of it. The first optimiser is stepped with every batch.
        """
        for optimizer in self.optimizer_list()[1:]:
            optimizer._on_before_step = optimizer._on_after_step = _not_counted

    def own_state(self, saved: Any, name: str) -> Any:
        """Return this process's part of a state that `gather_states` saved, see there.

        Args:
            saved: From the checkpoint.
            name: Name of the state, for messages.

        Returns:
            The state to go on with.
        """
        trainer = self._trainer
        if trainer is None or trainer.state.fn != TrainerFn.FITTING:
            return own_state(saved, 0, None, name)
        return own_state(saved, trainer.global_rank, trainer.world_size, name)

    def step_schedules(self) -> None:
        """Step the schedules as Lightning does after a batch, or after the last one of an epoch."""
        for config in self.trainer.lr_scheduler_configs:
            if config.interval == "step" or self.trainer.is_last_batch:
                config.scheduler.step()  # type: ignore[call-arg]


def _not_counted() -> None:
    """Stand in the place of Lightning's counter."""

"""Backward passes of manual optimisation outside autocast, as automatic optimisation has them."""

from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor


class ManualBackward(pl.LightningModule):
    """Module whose `manual_backward` is not run under autocast.

    Lightning runs ``training_step`` under autocast. A backward pass within it would round the factors of a loss's
    gradients to half precision, though the loss itself was computed in single precision
    (`handpose_core.precision.single_precision`).
    """

    def manual_backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        """Compute the gradients of a loss.

        Args:
            loss: A scalar.
            args: Of `torch.Tensor.backward`.
            kwargs: Likewise.
        """
        with torch.autocast(loss.device.type, enabled=False):
            super().manual_backward(loss, *args, **kwargs)

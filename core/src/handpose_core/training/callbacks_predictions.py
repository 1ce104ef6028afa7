"""The file that ``predict`` writes, as ``handpose score --pred`` reads it."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import BasePredictionWriter
from rich.console import Console
from torch import Tensor, distributed

from handpose_core.io import atomic


class PredictionFile(BasePredictionWriter):
    """Writes ``predictions.npz`` beside the run: what the module's ``predict_step`` returns, ordered by ``index``."""

    def __init__(self) -> None:
        super().__init__(write_interval="epoch")

    def write_on_epoch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        predictions: Sequence[Any],
        batch_indices: Sequence[Any],
    ) -> None:
        """Bring the processes' predictions together and write them."""
        path = Path(trainer.log_dir or trainer.default_root_dir) / "predictions.npz"
        batches: list[dict[str, Tensor]] = list(predictions)
        if trainer.world_size > 1:
            shares: list[Any] = [None] * trainer.world_size
            distributed.all_gather_object(shares, batches)
            batches = [batch for share in shares for batch in share]
        if not trainer.is_global_zero:
            return
        stacked = {key: torch.cat([batch[key] for batch in batches]) for key in batches[0]}
        order = stacked["index"].argsort()
        content = io.BytesIO()
        arrays: dict[str, Any] = {key: value[order].numpy() for key, value in stacked.items()}
        np.savez(content, **arrays)
        atomic.write_bytes(path, content.getvalue())
        Console().print(f"predictions: {path} ({len(order)} samples)", soft_wrap=True, highlight=False, markup=False)

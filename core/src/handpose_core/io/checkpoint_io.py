"""Checkpoints that appear whole or not at all, whatever the size of the temporary folder."""

import io
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins.io.torch_io import TorchCheckpointIO
from lightning_fabric.utilities.types import _PATH

from handpose_core.errors import HandposeError
from handpose_core.io import atomic


class StagedCheckpointIO(TorchCheckpointIO):
    """Write checkpoints by `atomic.staged`; Lightning's own writes them into the temporary folder first."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: _PATH, storage_options: Any | None = None) -> None:
        """Save a checkpoint; one on a local disk is staged beside its target, synced and renamed.

        Args:
            checkpoint: the state of model and trainer.
            path: the target, or a URL.
            storage_options: none are supported.

        Raises:
            HandposeError: the file cannot be written; an earlier one of that name stays as it was.
            TypeError: storage options are given.
        """
        if storage_options is not None or "://" in str(path):
            super().save_checkpoint(checkpoint, path, storage_options)
            return
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        try:
            self._write(Path(path), buffer.getbuffer())
        except OSError as error:
            raise HandposeError(
                str(path),
                f"{error.strerror or error}, so that this checkpoint was not written",
                f"a folder with {buffer.getbuffer().nbytes / 1e6:.0f} MB of room that can be written to",
                "Make room, or name another folder. Checkpoints written before are whole: a training goes on from the "
                "last one by --ckpt_path.",
            ) from error

    def _write(self, path: Path, content: memoryview) -> None:
        """Write a checkpoint's bytes, whole or not at all."""
        atomic.write_bytes(path, content)

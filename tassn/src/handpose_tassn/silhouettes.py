"""Silhouette targets of whatever is trained on: masks made once before a training, and read with every sample."""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int
from numpy import ndarray
from pytorch_lightning import Callback, LightningModule, Trainer
from rich.console import Console

from handpose_core.datamodules.base import HandDataModule
from handpose_core.datamodules.cropped import CroppedDataset
from handpose_core.datasets.video import Clips
from handpose_core.errors import HandposeError
from handpose_tassn.masks import GrabCut, MaskedSamples


class MaskedFrames(MaskedSamples):
    """`MaskedSamples` of a video, still in order.

    Attributes:
        video_index: sequence, frame and view number of every sample.
        sequences: the first of these.
    """

    source: Any

    @property
    def video_index(self) -> Int[ndarray, "samples 3"]:
        """Of the frames."""
        return self.source.video_index

    @property
    def sequences(self) -> Int[ndarray, " samples"]:
        """Of the frames."""
        return np.asarray(self.source.sequences)


class SilhouetteTargets(Callback):
    """Cuts the hands out of the pictures trained and validated on; the masks take the place of any others.

    Args:
        folder: where masks are kept; None for a folder beside the data's, ``stb-masks`` beside ``stb``.
        workers: processes that cut.
        grabcut: how they cut.
        tolerance: which areas are out of line, see `MaskedSamples`.
    """

    def __init__(
        self, folder: str | None = None, workers: int = 2, grabcut: GrabCut | None = None, tolerance: float = 3.5
    ) -> None:
        self.folder, self.workers = folder, workers
        self.grabcut, self.tolerance = grabcut, tolerance

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Make the masks that are not there: one process makes them, the others wait and read.

        Raises:
            HandposeError: the data are no frames, or clips of frames, with 2D labels.
        """
        if stage not in ("fit", "validate"):
            return
        sets = _sets(trainer, stage)
        folder = Path(self.folder) if self.folder else _beside(trainer)
        made: dict[int, MaskedFrames] = {}
        for samples in sets:
            holder: Any = samples.source if isinstance(samples.source, Clips) else samples
            if isinstance(holder.source, MaskedSamples):  # of an earlier fit with the same data, or shared by the sets
                continue
            frames = holder.source
            if id(frames) not in made:
                made[id(frames)] = MaskedFrames(frames, folder, self.grabcut, self.tolerance)
                self._make(trainer, made[id(frames)])
            holder.source = made[id(frames)]
        datamodule: Any = getattr(trainer, "datamodule", None)
        datamodule.setup(stage)  # once more, so that it describes the masks, too

    def _make(self, trainer: Trainer, frames: MaskedFrames) -> None:
        if trainer.is_global_zero:
            for _ in frames.make(self.workers):
                pass
            counts = frames.counts()
            text = f"silhouettes: {counts.used} of {counts.samples} used, {counts.empty} empty, {counts.outliers} "
            Console().print(text + f"outliers in area ({frames.folder})", soft_wrap=True, highlight=False)
        trainer.strategy.barrier("silhouettes")
        if not trainer.is_global_zero:
            for _ in frames.make():
                pass


def _beside(trainer: Trainer) -> Path:
    """Beside the data, once for all trainings; in the trainer's folder where data are not in one folder."""
    root = getattr(getattr(trainer, "datamodule", None), "root", None)
    if root is None:
        return Path(trainer.default_root_dir) / "masks"
    path = Path(root).absolute()
    return path.with_name(f"{path.name}-masks")


def _sets(trainer: Trainer, stage: str) -> list[CroppedDataset]:
    datamodule: Any = getattr(trainer, "datamodule", None)
    if not isinstance(datamodule, HandDataModule):
        raise HandposeError(
            "trainer.callbacks, SilhouetteTargets", f"data from {type(datamodule).__name__}",
            "one of the suite's datamodules", "Leave the callback out, and give samples a mask of their own.",
        )  # fmt: skip
    return [datamodule.train_set, datamodule.val_set] if stage == "fit" else [datamodule.val_set]

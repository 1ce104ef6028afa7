"""Silhouette targets of whatever is trained on: masks made once before a training, and read with every sample."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Int
from numpy import ndarray
from pytorch_lightning import Callback, LightningModule, Trainer
from rich.console import Console
from torch.utils.data import Dataset

from handpose_core.datamodules.base import HandDataModule
from handpose_core.datamodules.cropped import CroppedDataset, unstack
from handpose_core.datasets.prepared import PreparedClips, PreparedFrames
from handpose_core.datasets.sample import Sample, collate
from handpose_core.datasets.video import Clips
from handpose_core.errors import HandposeError
from handpose_core.training.experiment.needs import Need, Split, needs_of
from handpose_tassn.masks import MASK_USED, GrabCut, MaskedSamples


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


class MaskedClips(Dataset[Sample]):
    """Prepared clips whose frames have cut masks; a frame is read once, with its clip.

    Args:
        clips: as prepared.
        masks: of their frames, one clip's after the other's.
    """

    def __init__(self, clips: PreparedClips, masks: MaskedSamples) -> None:
        self.clips, self.masks = clips, masks

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int) -> Sample:
        """One clip; raises what `PreparedClips` and `MaskedSamples` raise."""
        clip = self.clips[index]
        frames, where = unstack(clip), self.where(index)
        return clip | collate([self.masks.mask(frame, f"{where}, picture {i}") for i, frame in enumerate(frames)])

    def where(self, index: int) -> str:
        """The clip's name for messages."""
        return self.clips.where(index)

    def describe(self) -> dict[str, str]:
        """The clips' choices and those of the masks."""
        return {**self.clips.describe(), "masks": self.masks.describe()["masks"]}


class SilhouetteTargets(Callback):
    """Cuts the hands out of the pictures trained and validated on; the masks take the place of any others.

    Args:
        folder: where masks are kept; None for a folder beside the data's, ``stb-masks`` beside ``stb``.
        workers: processes that cut.
        grabcut: how they cut.
        tolerance: which areas are out of line, see `MaskedSamples`.
    """

    provides: ClassVar[frozenset[str]] = frozenset({"mask", MASK_USED})
    #: Keys that the samples have once `setup` has run.

    def needs(self, split: Split) -> tuple[Need, ...]:
        """Return the keys of samples that masks are cut by.

        Args:
            split: ``train``, ``val``, ``test`` or ``predict``.

        Returns:
            The needs; masks are cut for training and validation alone.
        """
        return needs_of("SilhouetteTargets", "image", "joints_2d", "annotated") if split in ("train", "val") else ()

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
        made: dict[int, MaskedSamples | MaskedClips] = {}
        for samples in sets:
            holder: Any = samples.source if isinstance(samples.source, Clips) else samples
            source = holder.source
            if isinstance(source, MaskedSamples | MaskedClips):  # of an earlier fit, or shared by the sets
                continue
            if id(source) not in made:
                made[id(source)] = self._masked(trainer, source, folder)
            holder.source = made[id(source)]
        datamodule: Any = getattr(trainer, "datamodule", None)
        datamodule.setup(stage)  # once more, so that it describes the masks, too

    def _masked(self, trainer: Trainer, source: Any, folder: Path) -> MaskedSamples | MaskedClips:
        of_clips = isinstance(source, PreparedClips)
        kind, frames = (MaskedSamples, PreparedFrames(source)) if of_clips else (MaskedFrames, source)
        masks = kind(frames, folder, self.grabcut, self.tolerance)
        self._make(trainer, masks)
        return MaskedClips(source, masks) if of_clips else masks

    def _make(self, trainer: Trainer, frames: MaskedSamples) -> None:
        if trainer.is_global_zero:
            for _ in frames.make(self.workers):
                pass
            counts = frames.counts()
            text = f"silhouettes: {counts.used} of {counts.samples} used, {counts.empty} empty, {counts.outliers} "
            text += f"outliers in area ({frames.folder})"
            Console().print(text, soft_wrap=True, highlight=False, markup=False)
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

"""What every hand datamodule does: held-out validation samples, crops, loaders, distributed sampling."""

import math
import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, TypeAlias

import cv2
import pytorch_lightning as pl
import torch
from pytorch_lightning.overrides.distributed import UnrepeatedDistributedSampler
from pytorch_lightning.utilities import rank_zero_only
from torch.utils.data import DataLoader, Sampler

from handpose_core.datamodules.augmentation import Augmentation
from handpose_core.datamodules.cropped import CroppedClips, CroppedDataset, CroppedViews, InBytes, SampleSource
from handpose_core.datamodules.depth_maps import DepthMapSource, WithDepthMaps
from handpose_core.datamodules.device_augmentation import OnDevice, WideCrops, is_wide, with_seed
from handpose_core.datamodules.handover import Collate, Slots, batch_layout, size_of
from handpose_core.datamodules.sampling import CropLoader, TrainingLoader, TrainingSampler
from handpose_core.datamodules.splits import split_indices
from handpose_core.datasets.mixture import ClipMixture, ViewMixture
from handpose_core.datasets.prepared import PreparedClips, PreparedViews
from handpose_core.datasets.sample import Sample
from handpose_core.datasets.video import Clips, Views
from handpose_core.datasets.world import UNKNOWN, joined, world_of
from handpose_core.errors import HandposeError
from handpose_core.geometry.handedness import HANDS_AS_THEY_ARE, HANDS_KEY, MIRRORED_HANDS

Part: TypeAlias = tuple[SampleSource, Sequence[int]]
"""Some samples of a source, by position."""


_AHEAD = 2
"""Batches that a loader worker makes before they are asked for."""
_IN_HAND = 2
"""Batches that were handed over and are being unpacked."""


def one_thread(worker: int) -> None:
    """Keeps a loader worker on its own core: OpenCV would start a thread a core in each."""
    # Not 1: that waits for the parent's OpenCV threads, which a forked process does not have, for ever.
    cv2.setNumThreads(0)


_CROPPED: dict[type, type[CroppedDataset]] = {
    Clips: CroppedClips,
    PreparedClips: CroppedClips,
    Views: CroppedViews,
    PreparedViews: CroppedViews,
    ViewMixture: CroppedViews,
    ClipMixture: CroppedClips,
}
"""How samples with an axis more are cropped."""


class HandDataModule(pl.LightningDataModule, ABC):
    """Crops and loaders of a dataset with a training and an evaluation split.

    Training takes the training split but for a fixed held-out part, which is the validation set (see
    `training_and_validation`); test and predict take the evaluation split. Each stage reads only the split it needs.
    Sources of `Clips` and `Views` give samples with a time or view axis.

    Several processes share the samples without Lightning's help: training by `TrainingSampler`, which
    repeats a few to give each process equally many; validation, test and prediction by
    `UnrepeatedDistributedSampler`, which gives every sample exactly once. Lightning keeps both,
    whatever the Trainer's ``use_distributed_sampler`` says.

    Args:
        batch_size: Samples in a batch, in each process.
        num_workers: Loader processes; 0 loads in the training process.
        image_size: Side of the square crops, px.
        crop_scale: The crop's side over the joints' extent.
        val_fraction: Part of the training split that is held out.
        augmentation: How to vary training samples; None leaves them as labelled. `Augmentation` is done in the
            loader's workers; `OnDevice` by this module's hooks, so that batches straight from the training loader
            are not varied yet.
        depth_maps: What training samples meet as ``unpaired_depth``, see `WithDepthMaps`; None leaves it out.
        right_handed: Whether left hands are shown mirrored, as right ones, wherever a sample says its ``side``; samples
            then have ``mirrored``. None does as the module that is trained or tested asks: all do but those that learn
            sides themselves (`handpose_core.training.module.HandPoseModule.takes_right_hands`).

    Raises:
        HandposeError: a number is out of its range.
    """

    def __init__(
        self,
        batch_size: int = 8,
        num_workers: int = 0,
        image_size: int = 256,
        crop_scale: float = 1.5,
        val_fraction: float = 0.05,
        augmentation: Augmentation | None = None,
        depth_maps: DepthMapSource | None = None,
        right_handed: bool | None = None,
    ) -> None:
        super().__init__()
        self.right_handed, self._sides_unknown = right_handed, False
        for name, value, holds, expected in (
            ("batch_size", batch_size, batch_size >= 1, "at least 1"),
            ("num_workers", num_workers, num_workers >= 0, "at least 0"),
            ("image_size", image_size, image_size >= 1, "at least 1 px"),
            ("crop_scale", crop_scale, 0 < crop_scale < math.inf, "a finite number above 0"),
            ("val_fraction", val_fraction, 0 <= val_fraction < 1, "at least 0 and below 1"),
        ):
            if not holds:
                raise HandposeError(f"--data.{name}", str(value), expected, "Change or leave out the option.")
        self.batch_size, self.num_workers = batch_size, num_workers
        self.image_size, self.crop_scale = image_size, crop_scale
        self.val_fraction, self.augmentation, self.depth_maps = val_fraction, augmentation, depth_maps
        self._sets: dict[str, CroppedDataset] = {}
        self._choices: dict[str, str] = {}
        self._rule = CroppedDataset.RULE

    @abstractmethod
    def training_source(self) -> SampleSource:
        """The un-cropped training split."""

    @abstractmethod
    def evaluation_source(self) -> SampleSource:
        """The un-cropped evaluation split."""

    def training_and_validation(self) -> tuple[Part, Part]:
        """What to train and to validate on; by default a random ``val_fraction`` of the training split is held out."""
        source = self.training_source()
        kept, held_out = split_indices(len(source), self.val_fraction)
        return (source, kept), (source, held_out)

    def setup(self, stage: str) -> None:
        """Read the split that ``stage`` (fit, validate, test or predict) needs."""
        if stage in ("fit", "validate"):
            if "train" not in self._sets:
                train, val = self.training_and_validation()
                crops = self._cropped(*train, self.augmentation, inside=True)
                self._sets["train"] = self._with_depth_maps(crops, train)
                self._sets["val"] = self._cropped(*val, None, inside=True)
            described = self._sets["train"]
            held_out, augmentation = f"{len(self._sets['val'])} for validation", str(self.augmentation or "none")
            extra = {"held_out": held_out, "augmentation": augmentation}
            extra |= {"depth_maps": str(self.depth_maps)} if self.depth_maps else {}
        else:
            if "test" not in self._sets:
                source = self.evaluation_source()
                self._sets["test"] = self._cropped(source, range(len(source)), None)
            described, extra = self._sets["test"], {}
        self._choices = {**described.source.describe(), **extra}
        self._rule = described.RULE

    def _cropped(
        self, source: SampleSource, indices: Sequence[int], augmentation: Augmentation | None, *, inside: bool = False
    ) -> CroppedDataset:
        kind = next((kind for wrapper, kind in _CROPPED.items() if isinstance(source, wrapper)), CroppedDataset)
        if isinstance(augmentation, OnDevice):
            options = (self.image_size, self.crop_scale, augmentation, self.shows_right_hands, inside)
            return WideCrops(kind, source, indices, *options)
        return kind(
            source, indices, self.image_size, self.crop_scale, augmentation, right_handed=self.shows_right_hands,
            inside=inside,
        )  # fmt: skip

    @property
    def shows_right_hands(self) -> bool:
        """Whether left hands are mirrored: as set, or as the trainer's module asks.

        Raises:
            HandposeError: The module learns sides, and right hands alone are asked for.
        """
        asked = bool(getattr(getattr(self.trainer, "lightning_module", None), "takes_right_hands", True))
        if self.right_handed and not asked:
            raise HandposeError(
                "--data.right_handed", "true", "false, or nothing: this module tells left hands from right ones itself",
                "Leave the option out.",
            )  # fmt: skip
        return asked if self.right_handed is None else self.right_handed

    def _with_depth_maps(self, samples: CroppedDataset, part: Part) -> CroppedDataset:
        if self.depth_maps is None:
            return samples
        own = self._cropped(*part, None) if isinstance(samples, WideCrops) else samples
        return WithDepthMaps(samples, self.depth_maps.maps(own))

    def on_before_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Prepare a training batch that is to be varied on the device."""
        return with_seed(batch) if is_wide(batch) else batch

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Vary a training batch that `OnDevice` shall vary; all others are by the contract already."""
        if self.shows_right_hands and isinstance(batch, dict) and "side" not in batch:
            self._note_unknown_sides()
        if isinstance(self.augmentation, OnDevice) and is_wide(batch):
            return self.augmentation.vary(batch, self.image_size)
        return batch

    def _note_unknown_sides(self) -> None:
        if self._sides_unknown:
            return
        self._sides_unknown = True
        rank_zero_only(print)(
            "note: these data do not say which hand they show: left hands are shown as they are, not mirrored to right "
            "ones. For a folder of pictures give --data.side left or right."
        )

    @property
    def train_set(self) -> CroppedDataset:
        """The training samples, after ``setup("fit")``."""
        return self._set("train", "fit")

    @property
    def val_set(self) -> CroppedDataset:
        """The validation samples, after ``setup("fit")`` or ``setup("validate")``."""
        return self._set("val", "validate")

    @property
    def test_set(self) -> CroppedDataset:
        """The evaluation samples, after ``setup("test")`` or ``setup("predict")``."""
        return self._set("test", "test")

    def _set(self, name: str, stage: str) -> CroppedDataset:
        if name not in self._sets:
            raise HandposeError(
                f"data, {name} set", "a datamodule not set up for it", f"setup({stage!r}) first", "Call setup first."
            )
        return self._sets[name]

    def first_sample(self, split: str) -> tuple[str, Sample] | None:
        """Return a split's first sample, by which it is checked that samples have what a training or test reads.

        Args:
            split: ``train``, ``val``, ``test`` or ``predict``, set up before.

        Returns:
            Tuple ``(name, sample)``: the sample's name for messages, and the sample by the contract but for its
            colours, which may be in bytes; None for a split without samples.

        Raises:
            HandposeError: The split is not set up, or what its source raises.
        """
        samples = self._set("test" if split == "predict" else split, split)
        if not len(samples):
            return None
        sample = samples.in_bytes(0)
        if is_wide(sample):  # its picture is made on the device
            sample["image"] = torch.empty(0)
        return samples.source.where(samples.indices[0]), sample

    def describe(self) -> dict[str, str]:
        """The choices that results depend on, of the stage set up last, to be recorded with them."""
        return {
            **self._choices,
            HANDS_KEY: self._hands,
            "world": self.world(),
            "crop": f"{self._rule} x {self.crop_scale:g}, resized to {self.image_size} px",
        }

    def world(self) -> str:
        """Name the worlds of generated hands that the data show, see `handpose_core.datasets.world`.

        Returns:
            That of the data's folder, and those of unpaired depth maps from elsewhere.
        """
        own = [world_of(root)] if (root := getattr(self, "root", None)) else [UNKNOWN]
        return joined([*own, *([self.depth_maps.world()] if self.depth_maps else [])])

    @property
    def _hands(self) -> str:
        if not self.shows_right_hands:
            return HANDS_AS_THEY_ARE
        return f"{MIRRORED_HANDS}; none is known" if self._sides_unknown else MIRRORED_HANDS

    def train_dataloader(self) -> DataLoader[Sample]:
        """Training batches, shuffled; in the middle of an epoch a checkpoint goes on with the ones not yet seen."""
        world, rank = self._processes()
        # As Lightning seeds its own: torch's seed differs between processes when the run has none.
        seed = torch.initial_seed() % 2**32 if world == 1 else int(os.environ.get("PL_GLOBAL_SEED", 0))
        sampler = TrainingSampler(self.train_set, world, rank, seed=seed)
        return self._loader(TrainingLoader, self.train_set, sampler)

    def unvaried_dataloader(self, most: int) -> DataLoader[Sample]:
        """Batches of training samples in order, as labelled: without augmentation.

        Args:
            most: Samples; of a larger training split as many, evenly spread.
        """
        source, indices = self.training_and_validation()[0]
        count = min(most, len(indices))
        chosen = [indices[i * len(indices) // count] for i in range(count)]
        return self._evaluation_loader(self._cropped(source, chosen, None))

    def val_dataloader(self) -> DataLoader[Sample]:
        """Validation batches, in order."""
        return self._evaluation_loader(self.val_set)

    def test_dataloader(self) -> DataLoader[Sample]:
        """Test batches, in order."""
        return self._evaluation_loader(self.test_set)

    def predict_dataloader(self) -> DataLoader[Sample]:
        """The test batches."""
        return self.test_dataloader()

    def _processes(self) -> tuple[int, int]:
        return (self.trainer.world_size, self.trainer.global_rank) if self.trainer else (1, 0)

    def _evaluation_loader(self, samples: CroppedDataset) -> DataLoader[Sample]:
        world, rank = self._processes()
        if world > len(samples):
            raise HandposeError(
                "--trainer.devices, --trainer.num_nodes",
                f"{world} processes for {len(samples)} samples to evaluate",
                "one sample each",
                "Use fewer devices, or more data.",
            )
        sampler = UnrepeatedDistributedSampler(samples, world, rank, shuffle=False) if world > 1 else None
        return self._loader(CropLoader, samples, sampler)

    def _loader(
        self, kind: type[CropLoader], samples: CroppedDataset, sampler: Sampler[Any] | None
    ) -> DataLoader[Sample]:
        slots = None
        if self.num_workers:
            size = size_of(batch_layout(samples.in_bytes(0), self.batch_size))
            slots = Slots.where_room(_AHEAD * self.num_workers + _IN_HAND, size)
        return kind(
            InBytes(samples),
            batch_size=self.batch_size,  # by name: predict makes the loader anew with another
            sampler=sampler,
            num_workers=self.num_workers,
            collate_fn=Collate(slots),
            pin_memory=torch.cuda.is_available(),
            prefetch_factor=_AHEAD if self.num_workers else None,
            persistent_workers=self.num_workers > 0,
            worker_init_fn=one_thread,
        )

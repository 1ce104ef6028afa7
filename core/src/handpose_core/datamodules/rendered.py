"""Hands rendered while training: no files, and any batch can be made again by its epoch and step.

Loader workers draw and pose the scenes of a batch and hand them over as one flat tensor; once this is on the training's
device, the module's hooks render, crop and vary the batch there. A frame depends on the seed, its stream (``training``,
``validation`` or ``evaluation``) and its number alone, its variation on the seed, the epoch and its place in it:
neither on the number of workers, nor on the process, nor on what came before. What is drawn is drawn on the CPU and is
the same for every device; what is computed there, coordinates and colours, is rounded as the device rounds, so that a
pixel may differ in its last bits, and the noise of the augmentation is drawn by the device's own generator
(`handpose_core.datamodules.device_augmentation`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import cached_property
from itertools import islice
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from handpose_core import DATA_VERSION
from handpose_core.datamodules.augmentation import Augmentation
from handpose_core.datamodules.base import HandDataModule, one_thread
from handpose_core.datamodules.cropped import CroppedDataset, Draw, SampleSource, crop_square
from handpose_core.datamodules.device_augmentation import OnDevice, with_seed, with_variation
from handpose_core.datamodules.packing import pack, unpack
from handpose_core.datamodules.sampling import TrainingLoader, TrainingSampler
from handpose_core.datasets.sample import Sample, collate
from handpose_core.datasets.world import TARGET, TARGET_RIG, joined
from handpose_core.datasets.wrist import WRIST_ROOT
from handpose_core.errors import HandposeError
from handpose_core.geometry.handedness import MIRRORED
from handpose_core.hand import Side
from handpose_core.synth.backgrounds import background_of
from handpose_core.synth.mixture import WorldMixture, WorldOption, in_order

SOURCE = WorldOption()
#: Frames that are rendered together for validation and test.
_CHUNK = 16
_SCENES, _TENSORS = "scenes", "tensors"
_AS_LABELLED = OnDevice(rotation=0, scale=0, shift=0, brightness=0, contrast=0, saturation=0, hue=0)


class RenderedFrames(Dataset[Sample]):
    """Render the frames of a stream on demand, un-cropped, colours in 8 bits.

    Args:
        mixture: Whose frames.
        stream: Which of them.
        count: How many, numbered from 0.
        kept: Whether all are rendered at the first one, and kept: 0.3 MB each at 256 px.
        depth: See `WorldMixture.render`.
        vertices: See `WorldMixture.render`.
    """

    def __init__(
        self, mixture: WorldMixture, stream: str, count: int, kept: bool, depth: bool = False, vertices: bool = False
    ) -> None:
        self.mixture, self.stream, self._count, self._is_kept = mixture, stream, count, kept
        self.depth, self.vertices = depth, vertices
        self._kept: list[Sample] = []

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Sample:
        """Render one frame, or take it from those that are kept."""
        if not 0 <= index < self._count:
            raise IndexError(index)
        if self._is_kept:
            self.fill(torch.device("cpu"))
            return dict(self._kept[index])
        (sample,) = self._rendered([index], torch.device("cpu"))
        return sample

    def fill(self, device: torch.device) -> None:
        """Render all frames that are to be kept, once.

        Args:
            device: Where.
        """
        if self._is_kept and not self._kept:
            chunks = (range(i, min(i + _CHUNK, self._count)) for i in range(0, self._count, _CHUNK))
            self._kept = [sample for chunk in chunks for sample in self._rendered(chunk, device)]

    def _rendered(self, numbers: Sequence[int], device: torch.device) -> Iterator[Sample]:
        groups = unpack(*_moved(pack(self.mixture.pose(self.stream, numbers)), device))
        batch = self.mixture.render(groups, self.depth, self.vertices)
        rows = {key: value.cpu() for key, value in batch.items()}
        for i, number in enumerate(numbers):
            sample = {key: value[i].clone() for key, value in rows.items()}
            yield {**sample, "index": torch.tensor(number)}

    def where(self, index: int) -> str:
        """Name a frame in messages."""
        return f"rendered frames, {self.stream}, frame {index}"

    def describe(self) -> dict[str, str]:
        """Return the choices that a result depends on."""
        return {
            "dataset": f"rendered frames, {self.stream}",
            "frames": str(self._count),
            "root_joint": WRIST_ROOT,
        }


class _Scenes(Dataset[Any]):
    """Gives a loader whole batches of posed scenes, on the CPU."""

    def __init__(
        self, frames: RenderedFrames, variation: OnDevice, image_size: int, crop_scale: float, right_handed: bool
    ) -> None:
        self._frames, self._variation, self._right_handed = frames, variation, right_handed
        self._image_size, self._crop_scale = image_size, crop_scale

    def __len__(self) -> int:
        return len(self._frames)

    def __getitems__(self, turns: Sequence[int | Draw]) -> dict[str, Any]:
        """One batch, not rendered yet; what torch's loaders call."""
        draws = [turn if isinstance(turn, Draw) else Draw(turn) for turn in turns]
        numbers = [draw.epoch * len(self) + draw.position for draw in draws]
        mixture = self._frames.mixture
        groups = mixture.pose(self._frames.stream, numbers)
        form, tensors = pack(groups)
        size = mixture.worlds[0].size
        side_of_row = {row: group.posed.side for group in groups for row in group.rows}
        sides = [side_of_row[row] for row in range(len(draws))]
        places = zip(draws, in_order(groups, "joints_2d"), in_order(groups, "joints_3d"), sides, strict=True)
        variation = collate([self._varied(draw, points, joints, side, size) for draw, points, joints, side in places])
        return {_SCENES: form, _TENSORS: tensors, "index": torch.tensor(numbers), **variation}

    def _varied(self, draw: Draw, joints_2d: Tensor, joints_3d: Tensor, side: Side, size: tuple[int, int]) -> Sample:
        """How one frame's crop lies, and what is done to its colours."""
        labels = {"image": torch.empty(1, 1, 1).expand(3, *size), "joints_2d": joints_2d, "joints_3d": joints_3d}
        rng = CroppedDataset.generator(draw, len(self))
        is_left = self._right_handed and side == Side.LEFT
        drawn = self._variation.draw(
            rng, self._image_size, square=crop_square(labels, self._crop_scale), flips=not self._right_handed,
            mirror_width=size[1] if is_left else None,
        )  # fmt: skip
        return {**drawn, MIRRORED: torch.tensor(is_left)} if self._right_handed else drawn


class RenderedDataModule(HandDataModule):
    """Hands posed, rendered and varied on the training's device: without files, and never the same hand twice.

    Frame i of epoch e has the number ``e * frames_per_epoch + i``; epochs are not shuffled, as frames come in no
    order. With one world of 320 px the frames are those that ``handpose data synth --like rhd`` writes with the same
    seed. On a CPU prepared crops train faster: rendering costs 20 to 25 ms of a core a frame.

    Args:
        worlds: Which worlds and rigs, with weights; the source world and its own rig by default.
        seed: Of everything drawn, the run's own seed apart.
        frames_per_epoch: New frames in an epoch, all processes together.
        val_frames: Frames of validation: always the same, rendered once in each process and kept.
        test_frames: Frames of test and prediction, likewise.
        size: Side of the rendered pictures, px.
        batch_size: Samples in a batch, in each process.
        num_workers: Loader processes that draw and pose scenes, some 6 ms a frame; 0 does it in the training process.
        image_size: Side of the square crops, px.
        crop_scale: The crop's side over the joints' extent.
        augmentation: How to vary training samples, on the device; None leaves them as labelled.
        backgrounds: A folder of pictures to go behind the source world's hands; None makes backgrounds up.
        depth: Whether samples have ``depth``, without a sensor's errors.
        vertices: Whether samples have ``vertices``; all worlds' rigs have equally many.
        right_handed: Whether left hands are shown mirrored, as right ones; None does as the module asks.

    Raises:
        HandposeError: An option that is impossible, or a folder without pictures.
    """

    def __init__(
        self,
        worlds: list[WorldOption] | None = None,
        seed: int = 0,
        frames_per_epoch: int = 10_000,
        val_frames: int = 500,
        test_frames: int = 500,
        size: int = 256,
        batch_size: int = 8,
        num_workers: int = 0,
        image_size: int = 256,
        crop_scale: float = 1.5,
        augmentation: Augmentation | None = None,
        backgrounds: str | None = None,
        depth: bool = False,
        vertices: bool = False,
        right_handed: bool | None = None,
    ) -> None:
        super().__init__(
            batch_size,
            num_workers,
            image_size,
            crop_scale,
            augmentation=_by_workers(augmentation),
            right_handed=right_handed,
        )
        self.worlds, self.seed, self.size = tuple([SOURCE] if worlds is None else worlds), seed, size
        self.frames_per_epoch, self.val_frames, self.test_frames = frames_per_epoch, val_frames, test_frames
        self.backgrounds, self.depth, self.vertices = backgrounds, depth, vertices
        behind = any(option.world == "source" for option in self.worlds)
        checks = (
            ("worlds", "none", len(self.worlds) > 0, "at least one"),
            ("seed", seed, seed >= 0, "a number from 0"),
            ("frames_per_epoch", frames_per_epoch, frames_per_epoch > 0, "at least 1"),
            ("val_frames", val_frames, val_frames > 0, "at least 1"),
            ("test_frames", test_frames, test_frames > 0, "at least 1"),
            ("size", size, size >= 32, "at least 32 px"),
            ("backgrounds", backgrounds, behind or backgrounds is None, "none: the target world has its own"),
        )
        for name, found, holds, expected in checks:
            if not holds:
                raise HandposeError(f"data, {name}", str(found), expected, "Correct it.")
        for option in self.worlds:
            option.check()
        self._background = background_of(backgrounds)
        self._variation = OnDevice(**asdict(augmentation)) if augmentation else _AS_LABELLED

    @cached_property
    def mixture(self) -> WorldMixture:
        """The worlds, built once.

        Raises:
            HandposeError: There is no such rig, or vertices are asked for of rigs that have not equally many.
        """
        worlds = [option.build((self.size, self.size), self._background) for option in self.worlds]
        counts = sorted({len(world.rig.vertices) for world in worlds})
        if self.vertices and len(counts) > 1:
            raise HandposeError(
                "data, vertices", f"rigs of {' and '.join(map(str, counts))} vertices", "equally many in all worlds",
                "Take one rig, leave the vertices out, or give worlds of the source `vertices`.",
            )  # fmt: skip
        return WorldMixture(worlds, [option.weight for option in self.worlds], self.seed)

    @cached_property
    def _training(self) -> RenderedFrames:
        return self._frames("training", self.frames_per_epoch, kept=False)

    def _frames(self, stream: str, count: int, kept: bool) -> RenderedFrames:
        return RenderedFrames(self.mixture, stream, count, kept, self.depth, self.vertices)

    def training_source(self) -> RenderedFrames:
        """Return the frames of the first epoch, un-cropped.

        Returns:
            Frames that are rendered whenever they are asked for.
        """
        return self._training

    def evaluation_source(self) -> RenderedFrames:
        """Return the frames of test and prediction, un-cropped.

        Returns:
            Frames that are kept once they are rendered.
        """
        return self._frames("evaluation", self.test_frames, kept=True)

    def training_and_validation(self) -> tuple[tuple[SampleSource, Sequence[int]], tuple[SampleSource, Sequence[int]]]:
        """Return the first epoch's frames, and those of validation.

        Returns:
            Tuple ``(training, validation)``, each of a source and the positions taken of it: all.
        """
        validation = self._frames("validation", self.val_frames, kept=True)
        return (self._training, range(self.frames_per_epoch)), (validation, range(self.val_frames))

    def world(self) -> str:
        """See `HandDataModule.world`: those that are rendered, with the target's where its rig is shown."""
        with_rig = (TARGET for option in self.worlds if option.rig == TARGET_RIG)
        return joined([*(option.world for option in self.worlds), *with_rig])

    def describe(self) -> dict[str, str]:
        """Return the choices that results depend on, of the stage set up last."""
        total = sum(option.weight for option in self.worlds)
        return {
            **super().describe(),
            "worlds": ", ".join(f"{option} {option.weight / total:.0%}" for option in self.worlds),
            "seed": str(self.seed),
            "backgrounds": self.backgrounds or "made up",
            "picture": f"{self.size} px",
            "data_version": DATA_VERSION,
        }

    def train_dataloader(self) -> DataLoader[Sample]:
        """Return the loader of training batches, not rendered yet; this module's hooks finish them.

        Returns:
            A loader that goes on in the middle of an epoch with the batches not yet seen.
        """
        return TrainingLoader(
            self._scenes,
            batch_size=self.batch_size,
            sampler=self._sampler(*self._processes()),
            num_workers=self.num_workers,
            collate_fn=_as_it_is,
            pin_memory=torch.cuda.is_available(),
            prefetch_factor=1 if self.num_workers else None,  # a batch of 128 takes 220 MB of shared memory
            persistent_workers=self.num_workers > 0,
            worker_init_fn=one_thread,
        )

    def first_sample(self, split: str) -> tuple[str, Sample]:
        """See `HandDataModule.first_sample`; of a training frame, as all streams have the same keys."""
        frames = self._frames("training", 1, kept=False)
        return frames.where(0), self._cropped(frames, [0], None).in_bytes(0)

    @property
    def _scenes(self) -> _Scenes:
        return _Scenes(self._training, self._variation, self.image_size, self.crop_scale, self.shows_right_hands)

    def _sampler(self, processes: int, process: int) -> TrainingSampler:
        return TrainingSampler(self._training, processes, process, shuffle=False, seed=self.seed)  # type: ignore[arg-type]

    def on_before_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Prepare a training batch that is to be rendered on the device."""
        return with_seed(batch) if _is_posed(batch) else batch

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Render, crop and vary a training batch; all others are by the contract already."""
        if not _is_posed(batch):
            return batch
        drawn = {key: value for key, value in batch.items() if key not in (_SCENES, _TENSORS)}
        rendered = self.mixture.render(unpack(batch[_SCENES], batch[_TENSORS]), self.depth, self.vertices)
        return self._variation.vary(with_variation(rendered, drawn), self.image_size)

    def make_batch(self, epoch: int, step: int, device: str = "cpu", process: int = 0, processes: int = 1) -> Sample:
        """Make a training batch again.

        Args:
            epoch: From 0.
            step: Of the process in this epoch, from 0.
            device: Where it is rendered; of another device's batch the colours and coordinates differ by rounding, and
                the noise of the augmentation altogether.
            process: Whose batch, of several.
            processes: How many train together.

        Returns:
            The batch that training saw, by the sample contract.

        Raises:
            HandposeError: There is no such step.
        """
        sampler = self._sampler(processes, process)
        sampler.set_epoch(epoch)
        draws = list(islice(sampler, step * self.batch_size, (step + 1) * self.batch_size)) if step >= 0 else []
        if not draws or epoch < 0:
            last = (len(sampler) - 1) // self.batch_size
            raise HandposeError(
                "make_batch", f"epoch {epoch}, step {step}", f"an epoch from 0, a step from 0 to {last}", "Correct it."
            )
        batch = self.on_before_batch_transfer(self._scenes.__getitems__(draws), 0)
        there = {key: value.to(device) if isinstance(value, Tensor) else value for key, value in batch.items()}
        made: Sample = self.on_after_batch_transfer(there, 0)
        return made

    def _evaluation_loader(self, samples: CroppedDataset) -> DataLoader[Sample]:
        assert isinstance(samples.source, RenderedFrames)
        # here, in the process that has the device: loader workers then share what was rendered
        samples.source.fill(self.trainer.strategy.root_device if self.trainer else torch.device("cpu"))
        return super()._evaluation_loader(samples)


def _by_workers(augmentation: Augmentation | None) -> Augmentation | None:
    """The same amounts, for single samples."""
    return Augmentation(**asdict(augmentation)) if augmentation else None


def _is_posed(batch: object) -> bool:
    return isinstance(batch, dict) and _SCENES in batch


def _as_it_is(batch: Any) -> Any:
    return batch


def _moved(packed: tuple[bytes, Tensor], device: torch.device) -> tuple[bytes, Tensor]:
    return packed[0], packed[1].to(device)

"""A dataset's samples as square crops of one size, varied for training."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from torch.utils.data import Dataset

from handpose_core.camera import crop_matrix
from handpose_core.datamodules.augmentation import Augmentation, ColourJitter, Placement, draw_placement
from handpose_core.datamodules.crops import hand_box, in_image, rotate_about_centre, warp
from handpose_core.datasets.sample import Sample
from handpose_core.errors import HandposeError

_AS_LABELLED = Placement(angle=0.0, scale=1.0, shift=torch.zeros(2))
_RANK_STRIDE = 1_000_003


@runtime_checkable
class SampleSource(Protocol):
    """What a dataset offers to be cropped and recorded."""

    def __len__(self) -> int:
        """How many samples."""

    def __getitem__(self, index: int, /) -> Sample:
        """One un-cropped sample."""

    def where(self, index: int, /) -> str:
        """The sample's name for messages."""

    def describe(self) -> dict[str, str]:
        """The choices a result depends on."""


class CroppedDataset(Dataset[Sample]):
    """The samples of ``source`` at ``indices``, cropped around the hand.

    Random draws come from one generator a process, seeded from torch's seed there: loader workers have
    one each, so a run repeats with the same seed and number of workers.

    Args:
        source: The un-cropped samples.
        indices: Which of them.
        image_size: Side of the crops, px.
        crop_scale: The crop's side over the joints' extent.
        augmentation: How to vary the samples; None leaves them as labelled.
        rank: The process in distributed training, whose draws differ from the others'.
    """

    def __init__(
        self,
        source: SampleSource,
        indices: Sequence[int],
        image_size: int,
        crop_scale: float,
        augmentation: Augmentation | None = None,
        rank: int = 0,
    ) -> None:
        self.source, self.indices = source, tuple(indices)
        self.image_size, self.crop_scale = image_size, crop_scale
        self.augmentation, self._rank = augmentation, rank
        self._colours = ColourJitter(augmentation) if augmentation else None
        self._seed: int | None = None
        self._generator = torch.Generator()

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, position: int) -> Sample:
        """Read and crop one sample.

        Raises:
            HandposeError: no joint of the hand is in the image, or what ``source`` raises.
        """
        index = self.indices[position]
        sample = self.source[index]
        if not bool(in_image(sample).any()):
            raise HandposeError(
                self.source.where(index),
                "a hand wholly outside the image: none of its joints is in it",
                "at least one joint in the image to crop around",
                "Name this frame under `exclude` to leave it out, which is recorded, or correct its annotation.",
            )
        generator = self._process_generator()
        placement = draw_placement(self.augmentation, generator) if self.augmentation else _AS_LABELLED
        cropped = self._crop(sample, placement)
        if self._colours:
            cropped["image"] = self._colours(cropped["image"], generator)
        return cropped

    def _crop(self, sample: Sample, placement: Placement) -> Sample:
        centre, side = hand_box(sample, self.crop_scale)
        side = side * placement.scale
        crop = crop_matrix((centre + placement.shift * side).double(), side.double(), self.image_size)
        A = rotate_about_centre(placement.angle, self.image_size) @ crop
        return warp(sample, A, self.image_size, placement.angle)

    def _process_generator(self) -> torch.Generator:
        # A forked worker inherits this object; its own torch seed tells that it is another process.
        seed = torch.initial_seed()
        if seed != self._seed:
            self._seed = seed
            self._generator = torch.Generator().manual_seed((seed + self._rank * _RANK_STRIDE) % 2**63)
        return self._generator

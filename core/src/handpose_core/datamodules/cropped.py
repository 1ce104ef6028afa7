"""A dataset's samples as square crops of one size, varied for training."""

from collections.abc import Sequence
from typing import ClassVar, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.data import Dataset

from handpose_core.camera import crop_matrix
from handpose_core.datamodules.augmentation import Augmentation, ColourJitter, Placement, draw_placement
from handpose_core.datamodules.crops import hand_box, in_image, rotate_about_centre, warp
from handpose_core.datasets.sample import Sample, collate
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


def crop_square(sample: Sample, scale: float) -> tuple[Float[Tensor, "2"], Float[Tensor, ""]]:
    """Centre (px) and side of a sample's crop: ``scale`` times its ``box``, else its joints, else the whole image.

    A ``box`` is left, top, right, bottom (px), as some datasets publish one; without one and without joints the
    crop is the whole image, squared, whatever the ``scale``. A clip's crop holds all its frames' boxes.
    """
    if "box" in sample:
        corners = sample["box"].reshape(-1, 2, 2)
        low, high = corners[:, 0].amin(0), corners[:, 1].amax(0)
        return (low + high) / 2, (high - low).max() * scale
    if "joints_2d" in sample:
        return hand_box(sample, scale)
    size = torch.tensor(sample["image"].shape[:-3:-1], dtype=torch.float32)
    return (size - 1) / 2, size.max()


class CroppedDataset(Dataset[Sample]):
    """The samples of ``source`` at ``indices``, cropped by `crop_square`; a ``box`` is used up by it.

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

    RULE: ClassVar[str] = "square around the joints"
    """How a sample is cropped, as recorded with results."""

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
        if "joints_2d" in sample and not bool(in_image(sample).any(-1).all()):
            raise HandposeError(
                self.source.where(index),
                "a hand wholly outside the image: none of its joints is in it",
                "at least one joint in the image to crop around",
                "Name this frame under `exclude` to leave it out, which is recorded, or correct its annotation.",
            )
        return self._vary(sample, self._process_generator())

    def _vary(self, sample: Sample, generator: torch.Generator) -> Sample:
        """Crop one image as drawn; then vary its colours."""
        A, angle = self._placed(sample, generator)
        cropped = self._warp(sample, A, angle)
        if self._colours:
            cropped["image"] = self._colours(cropped["image"], generator)
        return cropped

    def _placed(self, sample: Sample, generator: torch.Generator) -> tuple[Float[Tensor, "3 3"], float]:
        """The pixel map to a crop, and its angle."""
        placement = draw_placement(self.augmentation, generator) if self.augmentation else _AS_LABELLED
        centre, side = crop_square(sample, self.crop_scale)
        side = side * placement.scale
        crop = crop_matrix((centre + placement.shift * side).double(), side.double(), self.image_size)
        return rotate_about_centre(placement.angle, self.image_size) @ crop, placement.angle

    def _warp(self, sample: Sample, A: Float[Tensor, "3 3"], angle: float) -> Sample:
        warped = warp(sample, A, self.image_size, angle)
        warped.pop("box", None)  # of the un-cropped image
        return warped

    def _process_generator(self) -> torch.Generator:
        # A forked worker inherits this object; its own torch seed tells that it is another process.
        seed = torch.initial_seed()
        if seed != self._seed:
            self._seed = seed
            self._generator = torch.Generator().manual_seed((seed + self._rank * _RANK_STRIDE) % 2**63)
        return self._generator


class CroppedClips(CroppedDataset):
    """Clips with one crop and one variation each: what moves in a crop has moved in front of the camera."""

    RULE = "one square around the joints of all the clip's frames"

    def _vary(self, sample: Sample, generator: torch.Generator) -> Sample:
        A, angle = self._placed(sample, generator)
        clip = collate([self._warp(frame, A, angle) for frame in _unstack(sample)])
        if self._colours:
            # One tall image, so that all frames get the same draw and are compared with the same mean colour.
            tall = clip["image"].transpose(0, 1).flatten(1, 2)
            varied = self._colours(tall, generator)
            clip["image"] = varied.unflatten(1, (-1, self.image_size)).transpose(0, 1).contiguous()
        return clip


class CroppedViews(CroppedDataset):
    """Groups of views, each view with a crop and a variation of its own: they are different cameras."""

    RULE = "square around the joints in each view"

    def _vary(self, sample: Sample, generator: torch.Generator) -> Sample:
        return collate([super(CroppedViews, self)._vary(view, generator) for view in _unstack(sample)])


def _unstack(sample: Sample) -> list[Sample]:
    """The samples that were stacked along the first axis."""
    return [{key: value[i] for key, value in sample.items()} for i in range(len(sample["image"]))]

"""A dataset's samples as square crops of one size, varied for training."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float64
from numpy import ndarray
from torch.utils.data import Dataset

from handpose_core.datamodules.augmentation import AS_LABELLED, Augmentation, ColourJitter, Placement, draw_placement
from handpose_core.datamodules.crops import (
    byte_pixels,
    crop_map,
    flip_image,
    float_images,
    hand_box,
    in_image,
    mirror,
    roll,
    rotate_about_centre,
    warp,
)
from handpose_core.datasets.sample import Sample, collate, labelled_part, zero_filled
from handpose_core.errors import HandposeError
from handpose_core.geometry.handedness import MIRRORED, mirror_pixels
from handpose_core.hand import Side


class Draw(NamedTuple):
    """One sample's turn: what its variation is drawn from.

    Attributes:
        position: In the dataset.
        seed: Of the run.
        epoch: The training's.
    """

    position: int
    seed: int = 0
    epoch: int = 0


@runtime_checkable
class SampleSource(Protocol):
    """What a dataset offers to be cropped and recorded."""

    def __len__(self) -> int:
        """How many samples."""

    def __getitem__(self, index: int, /) -> Sample:
        """One un-cropped sample; its ``image`` may be of bytes, which spares making floats of what no crop shows."""

    def where(self, index: int, /) -> str:
        """The sample's name for messages."""

    def describe(self) -> dict[str, str]:
        """The choices a result depends on."""


def crop_square(sample: Sample, scale: float) -> tuple[Float64[ndarray, "2"], float]:
    """Centre (px) and side of a sample's crop: ``scale`` times its ``box``, else its joints, else the whole image.

    A ``box`` is left, top, right, bottom (px), as some datasets publish one; without one and without joints the
    crop is the whole image, squared, whatever the ``scale``. A clip's crop holds all its frames' boxes.
    """
    if "box" in sample:
        corners = sample["box"].numpy().astype(np.float64).reshape(-1, 2, 2)
        low, high = corners[:, 0].min(0), corners[:, 1].max(0)
        return (low + high) / 2, float((high - low).max()) * scale
    if "joints_2d" in sample:
        return hand_box(sample, scale)
    size = np.array(sample["image"].shape[:-3:-1])
    return (size - 1) / 2, float(size.max())


def placed_crop(
    square: tuple[Float64[ndarray, "2"], float], placement: Placement, size: int, mirror_width: int | None = None
) -> tuple[Float64[ndarray, "3 3"], Float64[ndarray, "3 3"]]:
    """Return the maps of pixels and of the camera frame, as `warp` takes them, to the crop that lies as placed.

    Args:
        square: Centre (px of the picture) and side (px) of the crop that is not varied.
        placement: How the crop lies.
        size: Side of the crop, px.
        mirror_width: Width (px) of a picture that is mirrored first; None for one that is not.

    Returns:
        Tuple ``(A, M)``: the map of pixels, and that of points in the camera frame.
    """
    if mirror_width is not None:
        A, M = placed_crop((mirror_pixels(square[0], mirror_width), square[1]), placement, size)
        return A @ flip_image(mirror_width), M @ mirror()
    centre, side = square[0], square[1] * placement.scale
    A = crop_map(centre + placement.shift * side, side, size)
    A, M = rotate_about_centre(placement.angle, size) @ A, roll(placement.angle)
    return (flip_image(size) @ A, mirror() @ M) if placement.flip else (A, M)


def square_inside(
    width: int, height: int, placement: Placement
) -> tuple[tuple[Float64[ndarray, "2"], float], Placement]:
    """Return the largest square crop of a picture without labels that shows nothing beyond the picture, as placed.

    Args:
        width: Of the picture, px.
        height: px.
        placement: How the crop lies; its shift goes no farther than the picture's border.

    Returns:
        Tuple ``(square, placement)`` as `placed_crop` takes them: centre and side (px), and the placement without the
        shift, which the centre has.
    """
    reach = placement.scale * (abs(math.cos(placement.angle)) + abs(math.sin(placement.angle)))
    last = np.array([width - 1, height - 1], np.float64)  # beyond the middles of the outermost pixels black mixes in
    side = float(last.min()) / max(1.0, reach)
    half = side * reach / 2
    centre = last / 2 + placement.shift * side * placement.scale
    return (np.clip(centre, half, last - half), side), replace(placement, shift=np.zeros(2))


def read_hand(source: SampleSource, index: int) -> tuple[Sample, Sample]:
    """Read a sample that can be cropped.

    Returns:
        Tuple ``(sample, keys)``: what the sample's own dataset has of it, to be cropped, and what `zero_filled` then
        gives it, as samples of a mixture have the keys of all its datasets.

    Raises:
        HandposeError: no joint of the hand is in the image, or what ``source`` raises.
    """
    whole = source[index]
    sample = labelled_part(whole)
    if "joints_2d" in sample and not in_image(sample).any(-1).all():
        raise HandposeError(
            source.where(index),
            "a hand wholly outside the image: none of its joints is in it",
            "at least one joint in the image to crop around",
            "Name this frame under `exclude` to leave it out, which is recorded, or correct its annotation.",
        )
    return sample, {key: value for key, value in whole.items() if key not in sample}


class CroppedDataset(Dataset[Sample]):
    """The samples of ``source`` at ``indices``, cropped by `crop_square`; a ``box`` is used up by it.

    A sample's variation follows from its `Draw`, as `TrainingSampler` gives them, and from nothing else; a plain
    position stands for that position's draw in epoch 0 of seed 0.

    Args:
        source: The un-cropped samples.
        indices: Which of them.
        image_size: Side of the crops, px.
        crop_scale: The crop's side over the joints' extent.
        augmentation: How to vary the samples; None leaves them as labelled.
        framing: How the crops of samples that are not varied lie.
        right_handed: Whether left hands are mirrored, so that all whose side is known are right ones; no flip is drawn
            for them then, and samples say by ``mirrored`` what was done.
        inside: Whether crops of pictures without joints or box stay inside the picture, however they are varied; else
            the whole picture is shown, and black beside it.
    """

    RULE: str = "square around the joints"
    """How a sample is cropped, as recorded with results."""

    def __init__(
        self,
        source: SampleSource,
        indices: Sequence[int],
        image_size: int,
        crop_scale: float,
        augmentation: Augmentation | None = None,
        framing: Placement = AS_LABELLED,
        right_handed: bool = False,
        inside: bool = False,
    ) -> None:
        self.right_handed, self.inside = right_handed, inside
        self.source, self.indices = source, tuple(indices)
        self.image_size, self.crop_scale = image_size, crop_scale
        self.augmentation, self.framing = augmentation, framing
        self._colours = ColourJitter(augmentation) if augmentation else None

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, turn: int | Draw) -> Sample:
        """Read and crop one sample.

        Raises:
            HandposeError: no joint of the hand is in the image, or what ``source`` raises.
        """
        return with_floats(self.in_bytes(turn))

    def in_bytes(self, turn: int | Draw) -> Sample:
        """The same with 8-bit colours, a quarter of the size to hand over from process to process."""
        draw = turn if isinstance(turn, Draw) else Draw(turn)
        sample, keys = read_hand(self.source, self.indices[draw.position])
        return zero_filled(self._vary(sample, self.random(draw)), keys)

    def random(self, draw: Draw) -> np.random.Generator:
        """What a sample's variation is drawn with."""
        return self.generator(draw, len(self))

    @staticmethod
    def generator(draw: Draw, count: int) -> np.random.Generator:
        """Return what the variation of one of ``count`` samples is drawn with."""
        return np.random.default_rng((draw.seed, draw.epoch, draw.position % count))

    def _vary(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Crop one sample as drawn, and vary its colours; in bytes."""
        return self._finish(self._crop(sample, self._place(rng)), rng)

    def _place(self, rng: np.random.Generator) -> Placement:
        return draw_placement(self.augmentation, rng) if self.augmentation else self.framing

    def _crop(self, sample: Sample, placement: Placement) -> Sample:
        """One image's 8-bit crop."""
        return self._cut(sample, crop_square(sample, self.crop_scale), placement)

    def _cut(self, sample: Sample, square: tuple[Float64[ndarray, "2"], float], placement: Placement) -> Sample:
        """The square around a centre, turned and mirrored as placed, after a left hand is mirrored."""
        if self.inside and not {"joints_2d", "box"} & sample.keys():
            height, width = sample["image"].shape[-2:]
            square, placement = square_inside(width, height, placement)
        if not self.right_handed:
            A, M = placed_crop(square, placement, self.image_size)
            mirrored = {}
        else:
            is_left = "side" in sample and int(sample["side"]) == Side.LEFT
            placed = replace(placement, flip=False) if "side" in sample else placement
            A, M = placed_crop(square, placed, self.image_size, sample["image"].shape[-1] if is_left else None)
            mirrored = {MIRRORED: torch.tensor(is_left)}
        cut = warp(sample, A, self.image_size, M) | mirrored
        cut.pop("box", None)  # of the un-cropped image
        return cut

    def _finish(self, crop: Sample, rng: np.random.Generator) -> Sample:
        """Vary the colours of a crop."""
        if not self._colours:
            return crop
        varied = self._colours(byte_pixels(crop["image"]), rng)
        return {**crop, "image": torch.from_numpy(varied).permute(2, 0, 1)}


class CroppedClips(CroppedDataset):
    """Clips with one crop and one variation each: what moves in a crop has moved in front of the camera."""

    RULE = "one square around the joints of all the clip's frames"

    def _vary(self, sample: Sample, rng: np.random.Generator) -> Sample:
        square, placement = crop_square(sample, self.crop_scale), self._place(rng)
        clip = collate([self._cut(frame, square, placement) for frame in unstack(sample)])
        # One tall image, so that all frames get the same draw and are compared with the same mean colour.
        tall = self._finish({"image": clip["image"].transpose(0, 1).flatten(1, 2)}, rng)["image"]
        return {**clip, "image": tall.unflatten(1, (-1, self.image_size)).transpose(0, 1)}


class CroppedViews(CroppedDataset):
    """Groups of views, each view with a crop and a variation of its own: they are different cameras.

    Only the flip is drawn for the group: its cameras look at one world, and see it mirrored or not.
    """

    RULE = "square around the joints in each view"

    def _vary(self, sample: Sample, rng: np.random.Generator) -> Sample:
        flip = self._place(rng).flip
        placements = [replace(self._place(rng), flip=flip) for _ in sample["image"]]
        views = zip(unstack(sample), placements, strict=True)
        return collate([self._finish(self._crop(view, placement), rng) for view, placement in views])


class InBytes(Dataset[Sample]):
    """The samples of a `CroppedDataset`, with 8-bit colours to a loader that asks for a batch of them."""

    def __init__(self, samples: CroppedDataset) -> None:
        self.samples = samples

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, turn: int | Draw) -> Sample:
        """One sample by the contract."""
        return self.samples[turn]

    def __getitems__(self, turns: Sequence[int | Draw]) -> list[Sample]:
        """What torch's loaders call: some samples, each with an image of bytes."""
        return [self.samples.in_bytes(turn) for turn in turns]


def with_floats(sample: Sample) -> Sample:
    """A sample or a batch with its colours, if any, in [0, 1], as the contract has them."""
    return {**sample, "image": float_images(sample["image"])} if "image" in sample else sample


def unstack(sample: Sample) -> list[Sample]:
    """The samples that were stacked along the first axis."""
    return [{key: value[i] for key, value in sample.items()} for i in range(len(sample["image"]))]

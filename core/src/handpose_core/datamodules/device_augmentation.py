"""Augmentation of whole batches on the device that trains, by kornia, instead of sample by sample in the workers.

Workers cut a wider crop that holds all a variation may show, and draw the variation as they would for themselves:
from the sample's `Draw`, that is the run's seed, the epoch and the sample's position, and from nothing else. What is
drawn travels with the batch. `HandDataModule` has it applied once the batch is on the device; validation and test
batches carry none. Noise alone is drawn on the device, seeded by the batch's first sample: it is the same again in
the same run on the same kind of device, and differs between processes, as their samples do.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64
from numpy import ndarray
from torch import Tensor

from handpose_core.datamodules.augmentation import (
    AS_LABELLED,
    LUMA,
    Augmentation,
    Placement,
    colour_matrix,
    draw_colours,
    draw_placement,
)
from handpose_core.datamodules.cropped import CroppedDataset, CroppedViews, Draw, SampleSource, placed_crop
from handpose_core.datamodules.device_warp import IMAGES, LABELS, blur, carry_labels, vary_colours, warp_images
from handpose_core.datasets.sample import Sample

_MARK = "variation/"
"""What the keys begin with that a batch has beside the sample contract's, until it is varied."""
_SEED, _COLOURS = f"{_MARK}seed", f"{_MARK}image"


@dataclass(frozen=True)
class OnDevice(Augmentation):
    """The same amounts, but done to the whole batch on the training's device.

    For a GPU that waits for workers busy with blur and noise. Without these, cutting the wider crop costs a worker
    more than it is spared. Pictures are interpolated twice, the first time for the wider crop.
    """

    def surroundings(self, image_size: int) -> tuple[int, Placement]:
        """The side (px) of the wider crops, and how they lie: with pixels as large as the final crops'."""
        side = image_size + 2 * math.ceil((self.reach - 1) / 2 * image_size)
        return side, replace(AS_LABELLED, scale=side / image_size)

    def draw(
        self,
        rng: np.random.Generator,
        image_size: int,
        views: int | None = None,
        square: tuple[Float64[ndarray, "2"], float] | None = None,
        flips: bool = True,
        mirror_width: int | None = None,
    ) -> Sample:
        """Draw what a sample carries to the device.

        Args:
            rng: The sample's own.
            image_size: Side of the final crops, px.
            views: How many it has that vary each on its own.
            square: Centre (px) and side of the crop that is not varied; by default it is the wider crop's middle.
            flips: Whether flips are drawn: not for hands that are shown as right ones.
            mirror_width: Width (px) of a picture that is mirrored first; None for one that is not.

        Returns:
            Maps of pixels and of the camera frame, colours, blur and noise, under keys of their own.
        """
        placements = [draw_placement(self, rng)]
        if views is not None:  # only the flip is the group's
            placements = [replace(draw_placement(self, rng), flip=placements[0].flip) for _ in range(views)]
        if not flips:
            placements = [replace(placement, flip=False) for placement in placements]
        if square is None:
            side, _ = self.surroundings(image_size)
            square = (np.full(2, (side - 1) / 2), float(image_size))
        maps = [placed_crop(square, placement, image_size, mirror_width) for placement in placements]
        A, M = (np.stack(matrices) for matrices in zip(*maps, strict=True))
        drawn = {
            "pixels": A,
            "back": np.linalg.inv(A),
            "camera": M,
            "colours": np.stack([colour_matrix(*draw_colours(self, rng), np.ones(3)) for _ in placements]),
            "blur": self.blur * rng.random(len(placements)),
            "noise": self.noise * rng.random(len(placements)),
        }
        seed = torch.tensor(int(rng.integers(2**63 - 1)))
        return {_SEED: seed, **{_MARK + key: torch.from_numpy(value).float() for key, value in drawn.items()}}

    @torch.no_grad()
    def vary(self, batch: dict[str, Any], image_size: int) -> Sample:
        """Apply what a batch of wider crops carries; the batch as the workers' augmentation would have made it.

        Args:
            batch: Of `WideCrops`, on any one device; its seed as `with_seed` has it.
            image_size: Side of the final crops, px.
        """
        drawn = {key.removeprefix(_MARK): batch[key] for key in batch if key.startswith(_MARK)}
        seed, image = drawn.pop("seed"), drawn.pop("image")
        per = {key: value.flatten(0, 1) for key, value in drawn.items()}
        n, lead = len(per["pixels"]), image.shape[:-3]
        sample = {"image": image, **{key: value for key, value in batch.items() if not key.startswith(_MARK)}}
        labels, images = (
            {key: sample[key].reshape(n, -1, *sample[key].shape[len(lead) :]) for key in sample.keys() & kind}
            for kind in (LABELS, IMAGES)
        )
        varied = carry_labels(labels, per["pixels"], per["camera"]) | warp_images(images, per["back"], image_size)
        varied["image"] = self._recoloured(varied["image"], per, seed)
        return sample | {key: value.reshape(*lead, *value.shape[2:]) for key, value in varied.items()}

    def _recoloured(self, image: Tensor, per: Sample, seed: int) -> Tensor:
        if self.brightness or self.contrast or self.saturation or self.hue:
            image = vary_colours(image, per["colours"], torch.tensor(LUMA, dtype=image.dtype, device=image.device))
        if self.blur:
            image = blur(image, per["blur"], self.blur)
        if self.noise:
            generator = torch.Generator(image.device).manual_seed(seed)
            noise = torch.randn(image.shape, generator=generator, device=image.device)
            image = (image + noise * per["noise"][:, None, None, None, None]).clamp_(0, 1)
        return image


class WideCrops(CroppedDataset):
    """Training samples for `OnDevice`: wider crops, each with what was drawn for it.

    Its samples have no ``image`` until `OnDevice.vary` makes one, so that nobody takes them for finished ones.

    Args:
        kind: How the source's samples are cropped.
        source: The un-cropped samples.
        indices: Which of them.
        image_size: Side of the final crops, px.
        crop_scale: The final crops' side over the joints' extent.
        on_device: What to draw.
        right_handed: See `CroppedDataset`.
        inside: See `CroppedDataset`.
    """

    def __init__(
        self,
        kind: type[CroppedDataset],
        source: SampleSource,
        indices: Sequence[int],
        image_size: int,
        crop_scale: float,
        on_device: OnDevice,
        right_handed: bool = False,
        inside: bool = False,
    ) -> None:
        super().__init__(source, indices, image_size, crop_scale, right_handed=right_handed, inside=inside)
        self.RULE = kind.RULE
        side, framing = on_device.surroundings(image_size)
        self._crops = kind(source, indices, side, crop_scale, framing=framing, right_handed=right_handed, inside=inside)
        self._on_device = on_device

    def in_bytes(self, turn: int | Draw) -> Sample:
        """One wider crop, its 8-bit colours under a name of their own, and what was drawn for it."""
        draw = turn if isinstance(turn, Draw) else Draw(turn)
        crop = self._crops.in_bytes(draw)
        views = len(crop["image"]) if isinstance(self._crops, CroppedViews) else None
        flips = not (self.right_handed and "side" in crop)
        drawn = self._on_device.draw(self.random(draw), self.image_size, views, flips=flips)
        return with_variation(crop, drawn)


def with_variation(sample: Sample, drawn: dict[str, Any]) -> dict[str, Any]:
    """Return samples with what was drawn for them; they have no ``image`` until `OnDevice.vary` makes one.

    Args:
        sample: One, or a batch; its colours in 8 bits.
        drawn: Of `OnDevice.draw`, collated for a batch.

    Returns:
        What `OnDevice.vary` takes.
    """
    labels = {key: value for key, value in sample.items() if key != "image"}
    return {**drawn, _COLOURS: sample["image"], **labels}


def is_wide(batch: object) -> bool:
    """Whether a batch is of `WideCrops` and not varied yet."""
    return isinstance(batch, dict) and _SEED in batch


def with_seed(batch: dict[str, Any]) -> dict[str, Any]:
    """A batch with its noise's seed as a number: asked for later, the device would have to be waited for."""
    return {**batch, _SEED: int(batch[_SEED][0])}

"""Depth maps as a source of their own, for losses that compare depth with depth of no matching picture."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from handpose_core.camera import back_project
from handpose_core.datamodules.cropped import CroppedDataset, Draw
from handpose_core.datasets.sample import Sample, labelled
from handpose_core.datasets.world import NOT_GENERATED
from handpose_core.errors import HandposeError
from handpose_core.hand import MIDDLE_MCP, WRIST

NEAR_ROOT_MM = 100.0
"""Without a mask, depth this near to the root's is the hand's."""
BEHIND_WRIST_MM = 15.0
"""Without a mask, what lies behind the wrist by more than this, as seen from the fingers, is the forearm's."""
_AROUND_JOINTS = 1.5
_STREAM = 1
"""Tells the draws of depth maps from those of their samples' variations."""


def hand_depth(sample: Sample) -> Float[Tensor, "*batch 1 h w"]:
    """A sample's, or a batch's, depth (mm) where it is the hand's; 0 elsewhere.

    By the ``mask``. Without one (STB): what lies within 100 mm of the root's depth, inside the joints' square x 1.5 and
    no more than 15 mm behind the wrist, along the line from the middle finger's root to it, as masks end there, too; a
    hand without labels then has no depth. Samples of a mixture that have no depth have none, whatever stands in for it.
    """
    if not (known := labelled(sample, "depth")).all():
        sample = {**sample, "depth": torch.where(known[..., None, None, None], sample["depth"], 0)}
    masked = labelled(sample, "mask")
    if masked.all():
        return torch.where(sample["mask"], sample["depth"], 0)
    around = _around_joints(sample)
    if not masked.any():
        return around
    return torch.where(masked[..., None, None, None], torch.where(sample["mask"], sample["depth"], 0), around)


def _around_joints(sample: Sample) -> Float[Tensor, "*batch 1 h w"]:
    """Return the depth (mm) near the labelled joints; see `hand_depth`."""
    depth = sample["depth"]
    pixels, wrist = sample["joints_2d"], sample["joints_3d"][..., WRIST, :]
    low, high = pixels.amin(-2), pixels.amax(-2)
    half = (high - low).amax(-1, keepdim=True) * _AROUND_JOINTS / 2
    from_centre = [
        torch.arange(length, device=depth.device, dtype=depth.dtype) - ((low + high) / 2)[..., [axis]]
        for axis, length in ((0, depth.shape[-1]), (1, depth.shape[-2]))
    ]
    across, down = ((offset.abs() <= half)[..., None, :] for offset in from_centre)
    near = (depth - wrist[..., 2][..., None, None, None]).abs() <= NEAR_ROOT_MM
    hand = near & (across & down.mT)[..., None, :, :] & (depth > 0) & _before_wrist(sample)
    return torch.where(hand, depth, 0)


def _before_wrist(sample: Sample) -> Bool[Tensor, "*batch 1 h w"]:
    """Where the surface is not the forearm's; needs no depth beyond the hand to be right."""
    depth, wrist = sample["depth"], sample["joints_3d"][..., WRIST, :]
    height, width = depth.shape[-2:]
    rows, columns = torch.meshgrid(
        torch.arange(height, device=depth.device, dtype=depth.dtype),
        torch.arange(width, device=depth.device, dtype=depth.dtype),
        indexing="ij",
    )
    pixels = torch.stack([columns, rows], dim=-1).flatten(0, 1).expand(*depth.shape[:-3], -1, -1)
    points = back_project(pixels, depth.flatten(-3), sample["K"])
    ahead = nn.functional.normalize(sample["joints_3d"][..., MIDDLE_MCP, :] - wrist, dim=-1)
    along = ((points - wrist[..., None, :]) * ahead[..., None, :]).sum(-1)
    return (along >= -BEHIND_WRIST_MM).unflatten(-1, (1, height, width))


class DepthMaps:
    """The hands' depth of cropped samples, and nothing that would pair it with a picture.

    Args:
        crops: Samples with ``depth``, of any dataset: RHD with its ``depth/``, STB with ``depth: true``.

    Raises:
        HandposeError: the samples have no depth, or are no single images.
    """

    def __init__(self, crops: CroppedDataset) -> None:
        self.crops = crops
        first = crops.in_bytes(0)
        if "depth" not in first or first["depth"].ndim != 3:
            raise HandposeError(
                crops.source.where(crops.indices[0]),
                "a group of images" if "depth" in first else "a sample without depth",
                "single images with depth maps",
                "Take RHD with its depth/ folder, or STB with depth: true; or name another dataset's depth: "
                "data.depth_maps DepthFrom.",
            )

    def __len__(self) -> int:
        return len(self.crops)

    def __getitem__(self, turn: int | Draw) -> Float[Tensor, "1 h w"]:
        """One depth map (mm), 0 off the hand; raises what ``crops`` raises."""
        return hand_depth(self.crops.in_bytes(turn))


class WithDepthMaps(CroppedDataset):
    """Training samples, each with ``unpaired_depth`` (1 H W, mm, 0 off the hand): that of another sample, at random.

    Which one follows from the sample's `Draw`.

    Args:
        samples: The training samples.
        maps: The depth maps to draw from.
    """

    def __init__(self, samples: CroppedDataset, maps: DepthMaps) -> None:
        super().__init__(samples.source, samples.indices, samples.image_size, samples.crop_scale)
        self.RULE = samples.RULE
        self._samples, self._maps = samples, maps

    def in_bytes(self, turn: int | Draw) -> Sample:
        """One sample and the depth map it happens to meet."""
        draw = turn if isinstance(turn, Draw) else Draw(turn)
        rng = np.random.default_rng((draw.seed, draw.epoch, draw.position % len(self), _STREAM))
        # Never the sample's own, where both are of one dataset.
        other = (draw.position + 1 + int(rng.integers(max(1, len(self._maps) - 1)))) % len(self._maps)
        return {**self._samples.in_bytes(draw), "unpaired_depth": self._maps[Draw(other, draw.seed, draw.epoch)]}


class DepthMapSource(ABC):
    """Where a recipe takes unpaired depth maps from."""

    @abstractmethod
    def maps(self, own: CroppedDataset) -> DepthMaps:
        """The depth maps, for training on ``own`` samples."""

    def world(self) -> str:
        """Name the worlds of generated hands that depth maps from elsewhere show; see `HandDataModule.world`."""
        return NOT_GENERATED

    @abstractmethod
    def __str__(self) -> str:
        """The source in words, as recorded with results."""


class OwnDepth(DepthMapSource):
    """Those of the training samples themselves, drawn at random: unpaired."""

    def maps(self, own: CroppedDataset) -> DepthMaps:
        """See `DepthMapSource`."""
        return DepthMaps(own)

    def __str__(self) -> str:
        return "of the training samples, unpaired"


class DepthFrom(DepthMapSource):
    """Those of another dataset's training split.

    Args:
        data: Its datamodule; crops and variation are as its own options say, the size must be the training's.
    """

    def __init__(self, data: pl.LightningDataModule) -> None:
        self.data: Any = data

    def maps(self, own: CroppedDataset) -> DepthMaps:
        """See `DepthMapSource`.

        Raises:
            HandposeError: ``data`` is no hand datamodule, or its crops have another size.
        """
        self.data.setup("fit")
        crops = getattr(self.data, "train_set", None)
        found = "no hand datamodule"
        if isinstance(crops, CroppedDataset):
            maps = DepthMaps(crops)
            if maps[0].shape[-1] == own.image_size:
                return maps
            found = f"maps of {maps[0].shape[-1]} px"
        raise HandposeError(
            "data, depth_maps",
            found,
            f"depth maps of {own.image_size} px",
            "Set data.depth_maps.data.image_size, and leave augmentation on the device out of it.",
        )

    def world(self) -> str:
        """See `DepthMapSource`."""
        return str(self.data.world())

    def __str__(self) -> str:
        return f"of {type(self.data).__name__}, {self.data.describe()}"

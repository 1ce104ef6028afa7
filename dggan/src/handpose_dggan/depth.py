"""Depth maps as DGGAN learns and compares them: the hand between 0 (nearest) and 1 (farthest), the rest at 1."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from handpose_core.datamodules.depth_maps import hand_depth
from handpose_core.datasets.sample import Sample
from handpose_core.training.experiment.needs import Need, any_of, needs_of

FAR = 1.0
"""What stands for the background and for holes."""


class DepthTarget(NamedTuple):
    """Normalised depth maps.

    Attributes:
        maps: The depth (3.6), in [0, 1].
        hand: Which cells are the hand's, by half at least.
        counted: Which maps have a hand at all.
    """

    maps: Float[Tensor, "batch 1 size size"]
    hand: Bool[Tensor, "batch 1 size size"]
    counted: Bool[Tensor, " batch"]


def normalise_depth(depth: Float[Tensor, "batch 1 h w"], size: int) -> DepthTarget:
    """D* = (D - min D) / (max D - min D) (3.6), the minimum and maximum taken over the hand.

    The thesis does not say over which pixels; over the whole map, the background would leave the hand no contrast.
    Everything that is not the hand becomes 1, far. Cells of a smaller map are means of the pixels they cover.

    Args:
        depth: mm, 0 off the hand and in holes.
        size: side of the maps, cells.
    """
    hand = depth > 0
    low = torch.where(hand, depth, torch.inf).amin((-1, -2), keepdim=True)
    high = torch.where(hand, depth, -torch.inf).amax((-1, -2), keepdim=True)
    relative = torch.where(hand, (depth - low) / (high - low).clamp_min(1e-3), FAR)
    share = F.interpolate(hand.float(), size=(size, size), mode="area")
    return DepthTarget(F.interpolate(relative, size=(size, size), mode="area"), share >= 0.5, hand.flatten(1).any(1))


def true_depth(batch: Sample, size: int) -> DepthTarget:
    """The normalised depth of the batch's own pictures."""
    return normalise_depth(hand_depth(batch), size)


def needs_depth(reader: str) -> tuple[Need, ...]:
    """Declare what `true_depth` reads of a sample.

    Args:
        reader: What reads the depth, for messages.

    Returns:
        Its needs: depth, and a mask, or joints and intrinsics in its place.
    """
    by_joints = ("joints_2d", "joints_3d", "K")
    instead = (any_of(reader, ("mask", key)) for key in by_joints)
    return (*needs_of(reader, "depth"), *instead)


def unpaired_depth(batch: Sample, size: int) -> DepthTarget:
    """The normalised depth maps x_t that the batch's pictures meet at random."""
    return normalise_depth(batch["unpaired_depth"], size)

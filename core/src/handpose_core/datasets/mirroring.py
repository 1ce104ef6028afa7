"""Mirror images of samples, and of the rows of batches, by `handpose_core.geometry.handedness`."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from handpose_core.datasets.sample import Sample
from handpose_core.geometry.handedness import MIRRORED, mirror_intrinsics, mirror_pixels, mirror_points
from handpose_core.hand import Side

_IMAGES = ("image", "depth", "mask")
_POINTS = ("joints_3d", "vertices")


def mirror_sample(sample: Sample, which: Bool[Tensor, "*batch"]) -> Sample:
    """Mirror samples, pictures and labels; a second call gives them back.

    Args:
        sample: One sample, a batch, or any number of axes in front, by the contract of
            `handpose_core.datasets.sample`.
        which: The samples to mirror; its axes are those in front of the contract's shapes.

    Returns:
        The samples; ``side`` and ``mirrored`` change where a sample has them.
    """
    width, out = sample["image"].shape[-1], dict(sample)
    changed = {key: sample[key].flip(-1) for key in _IMAGES if key in sample}
    changed |= {key: mirror_points(sample[key]) for key in (*_POINTS, "t") if key in sample}
    if "joints_2d" in sample:
        changed["joints_2d"] = mirror_pixels(sample["joints_2d"], width)
    if "K" in sample:
        changed["K"] = mirror_intrinsics(sample["K"], width)
    if "R" in sample:
        changed["R"] = sample["R"] * sample["R"].new_tensor([[1, -1, -1], [-1, 1, 1], [-1, 1, 1]])
    if "side" in sample:
        changed["side"] = sum(Side) - sample["side"]
    if MIRRORED in sample:
        changed[MIRRORED] = ~sample[MIRRORED]
    for key, value in changed.items():
        rows = which.reshape((*which.shape, *(1,) * (value.dim() - which.dim())))
        out[key] = torch.where(rows, value, sample[key])
    return out


def mirror_rows(points: Float[Tensor, "batch *n 3"], which: Bool[Tensor, " batch"]) -> Float[Tensor, "batch *n 3"]:
    """Mirror the points of some rows of a batch.

    Args:
        points: Camera frame, any unit.
        which: The rows.

    Returns:
        The points, x negated in those rows.
    """
    return torch.where(which.view(-1, *(1,) * (points.dim() - 1)), mirror_points(points), points)


def mirror_pixel_rows(
    pixels: Float[Tensor, "batch *n 2"], which: Bool[Tensor, " batch"], width: int
) -> Float[Tensor, "batch *n 2"]:
    """Mirror the pixel coordinates of some rows of a batch.

    Args:
        pixels: px.
        which: The rows.
        width: Of the pictures, px.

    Returns:
        The coordinates, mirrored in those rows, px.
    """
    return torch.where(which.view(-1, *(1,) * (pixels.dim() - 1)), mirror_pixels(pixels, width), pixels)

"""What prepared data keeps of a sample: the crop's surroundings, as bytes."""

import math

import numpy as np
import torch
from jaxtyping import Float64
from numpy import ndarray

from handpose_core.datamodules.cropped import crop_square, unstack
from handpose_core.datamodules.crops import byte_pixels, crop_map, warp
from handpose_core.datasets.sample import Sample, collate

Square = tuple[Float64[ndarray, "2"], float]
"""Centre (px) and side."""


def cut(sample: Sample, image_size: int, crop_scale: float, margin: float) -> Sample:
    """The part of a sample's image that its crops, varied by augmentation, can show; with a ``box`` to crop by.

    Cropping what is cut as the original was to be cropped gives the same crop.

    Args:
        sample: Un-cropped.
        image_size: Side of the crops, px.
        crop_scale: Of the crops, as `crop_square` takes it.
        margin: Side of what is kept over the crop's.
    """
    square = crop_square(sample, crop_scale)
    return _cut(sample, square, image_size, crop_scale, margin)


def cut_clip(sample: Sample, image_size: int, crop_scale: float, margin: float) -> Sample:
    """`cut` of a clip, whose frames have one crop."""
    square = crop_square(sample, crop_scale)
    return collate([_cut(frame, square, image_size, crop_scale, margin) for frame in unstack(sample)])


def cut_views(sample: Sample, image_size: int, crop_scale: float, margin: float) -> Sample:
    """`cut` of each view of a group; below and to the right the smaller ones are filled up with black."""
    views = [cut(view, image_size, crop_scale, margin) for view in unstack(sample)]
    height, width = np.max([view["image"].shape[-2:] for view in views], axis=0).tolist()
    return collate([_filled_up(view, height, width) for view in views])


def _cut(sample: Sample, square: Square, image_size: int, crop_scale: float, margin: float) -> Sample:
    centre, side = square
    if side > image_size:  # smaller, on the pixels of the final crop: a crop that is not turned is copied from it
        border = math.ceil((margin - 1) / 2 * image_size)
        A = crop_map(centre, side, image_size)
        A[:2, 2] += border
        shrunk = warp(sample, A, image_size + 2 * border)
        corners = np.array(sample["image"].shape[:-3:-1])
        seen = np.array([[-0.5, -0.5], corners - 0.5]) @ A[:2, :2].T + A[:2, 2]
        centre, side = A[:2, :2] @ centre + A[:2, 2], float(image_size)
        return _window(shrunk, np.floor(seen[0] + 0.5), np.ceil(seen[1] + 0.5), (centre, side / crop_scale))
    half = margin * side / 2
    return _window(sample, np.floor(centre - half), np.ceil(centre + half) + 1, (centre, side / crop_scale))


def _window(sample: Sample, low: ndarray, high: ndarray, box: Square) -> Sample:
    """The pixels from ``low`` to before ``high`` that are in the image, and the box, unscaled, as corners."""
    height, width = sample["image"].shape[-2:]
    left, top = np.maximum(low, 0).astype(int).tolist()
    right, bottom = np.minimum(high, (width, height)).astype(int).tolist()
    window, corner = dict(sample), np.array([left, top])
    for key in sample.keys() & {"depth", "mask"}:
        window[key] = sample[key][:, top:bottom, left:right]
    window["image"] = torch.from_numpy(byte_pixels(sample["image"][:, top:bottom, left:right])).permute(2, 0, 1)
    if "joints_2d" in sample:
        window["joints_2d"] = (sample["joints_2d"].double() - torch.from_numpy(corner)).float()
    if "K" in sample:
        K = sample["K"].double()
        window["K"] = (K - torch.from_numpy(np.pad(corner[:, None], ((0, 1), (2, 0)))) * K[2, 2]).float()
    centre, side = box
    window["box"] = torch.from_numpy(np.concatenate([centre - corner - side / 2, centre - corner + side / 2])).float()
    return window


def _filled_up(view: Sample, height: int, width: int) -> Sample:
    filled = dict(view)
    for key in view.keys() & {"image", "depth", "mask"}:
        rows, columns = view[key].shape[-2:]
        filled[key] = torch.nn.functional.pad(view[key], (0, width - columns, 0, height - rows))
    return filled

"""A sample's pictures as columns of bytes and numbers, and back: colour by JPEG, mask and depth exactly."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
import torch
from jaxtyping import UInt8
from numpy import ndarray
from torch import Tensor

from handpose_core.datasets.sample import Sample

PICTURES = ("image", "mask", "depth")
Columns = dict[str, ndarray]


def pack(samples: Sequence[Sample], quality: int) -> Columns:
    """The columns of some samples' pictures; a group's pictures stand one after the other.

    Args:
        samples: With 8-bit images, all with the same keys.
        quality: Of the JPEGs, 0 to 100.
    """
    frames = {key: [frame for s in samples for frame in _frames(s[key])] for key in PICTURES if key in samples[0]}
    columns: Columns = {}
    _add(columns, "image", [_encode(image, quality) for image in frames["image"]])
    if "mask" in frames:
        _add(columns, "mask", [np.packbits(mask[0]) for mask in frames["mask"]])
    if "depth" in frames:
        _add(columns, "depth_at", [np.packbits(depth[0] != 0) for depth in frames["depth"]])
        _add(columns, "depth", [depth[0][depth[0] != 0] for depth in frames["depth"]])
    return columns


def unpack(columns: Mapping[str, ndarray], row: int) -> Sample:
    """One picture's image (8 bits), mask and depth.

    Raises:
        ValueError: the JPEG does not decode.
    """
    pixels = cv2.imdecode(_row(columns, "image", row), cv2.IMREAD_COLOR_RGB)
    if pixels is None:
        raise ValueError("a picture that does not decode")
    sample: Sample = {"image": torch.from_numpy(pixels).permute(2, 0, 1)}
    height, width = pixels.shape[:2]
    if "mask" in columns:
        sample["mask"] = torch.from_numpy(_bits(_row(columns, "mask", row), height, width))[None]
    if "depth" in columns:
        depth = np.zeros((height, width), np.float32)
        depth[_bits(_row(columns, "depth_at", row), height, width)] = _row(columns, "depth", row)
        sample["depth"] = torch.from_numpy(depth)[None]
    return sample


def _frames(pictures: Tensor) -> ndarray:
    """(n, channels, h, w), of one picture or of a group."""
    return pictures.numpy().reshape(-1, *pictures.shape[-3:])


def _encode(image: UInt8[ndarray, "3 h w"], quality: int) -> UInt8[ndarray, " bytes"]:
    pixels = cv2.cvtColor(np.ascontiguousarray(image.transpose(1, 2, 0)), cv2.COLOR_RGB2BGR)
    encoded: UInt8[ndarray, " bytes"] = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return encoded


def _add(columns: Columns, name: str, rows: Sequence[ndarray]) -> None:
    columns[name] = np.concatenate(rows)
    columns[f"{name}_end"] = np.cumsum([len(row) for row in rows])


def _row(columns: Mapping[str, ndarray], name: str, row: int) -> ndarray:
    ends = columns[f"{name}_end"]
    return columns[name][ends[row - 1] if row else 0 : ends[row]]


def _bits(packed: UInt8[ndarray, " bytes"], height: int, width: int) -> ndarray:
    return np.unpackbits(packed, count=height * width).reshape(height, width).view(np.bool_)

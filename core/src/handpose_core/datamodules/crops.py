"""Square crops around the hand that carry everything else of the sample along.

In numpy, on 8-bit colours: a crop is some thirty operations on a few numbers, which cost torch several times as
much, and OpenCV warps bytes. Float colours are made of the finished crop only.
"""

import math

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Num, UInt8
from numpy import ndarray
from torch import Tensor

from handpose_core.datamodules.squares import crop_map as crop_map
from handpose_core.datamodules.squares import seen_part, warp_part
from handpose_core.datasets.sample import Sample
from handpose_core.hand import Side

_LEAST_BOX_PX = 16.0
_NO_TURN = np.eye(3)


def in_image(sample: Sample) -> Bool[ndarray, "*batch 21"]:
    """Which of the 21 joints are annotated and lie in front of the camera and inside the image, seen or not."""
    height, width = sample["image"].shape[-2:]
    pixels = sample["joints_2d"].numpy()
    # Not-a-number compares false, so that it is outside.
    inside = (pixels >= -0.5) & (pixels <= (width - 0.5, height - 0.5))
    return np.all(inside, axis=-1) & _in_front(sample)


def hand_box(sample: Sample, scale: float) -> tuple[Float64[ndarray, "2"], float]:
    """The square around the joints: its centre (px) and its side, ``scale`` times the joints' longer extent.

    Joints that are not annotated do not count; a clip's box is around the joints of all its frames. Joints
    behind the camera have no place in the image and do not count either. Joints outside the image count, but
    at most half an image away from it: near the camera plane they run off to any distance.
    At least one joint must be in front of the camera (see `in_image`).
    """
    height, width = sample["image"].shape[-2:]
    pixels, size = sample["joints_2d"].numpy()[_in_front(sample)].astype(np.float64), np.array([width, height])
    pixels = np.clip(pixels, -size / 2, 1.5 * size)
    low, high = pixels.min(0), pixels.max(0)
    return (low + high) / 2, max(float((high - low).max()) * scale, _LEAST_BOX_PX)


def _in_front(sample: Sample) -> Bool[ndarray, "*batch 21"]:
    placed: Bool[ndarray, "*batch 21"] = np.isfinite(sample["joints_2d"].numpy()).all(-1)
    if "annotated" in sample:
        placed = placed & sample["annotated"].numpy()
    return placed & (sample["joints_3d"].numpy()[..., 2] > 0) if "joints_3d" in sample else placed


def rotate_about_centre(angle: float, size: int) -> Float64[ndarray, "3 3"]:
    """The pixel map that turns a ``size`` x ``size`` image by ``angle`` (radians, x towards y) about its centre."""
    middle = (size - 1) / 2
    turn = roll(angle)
    turn[:2, 2] = middle - turn[:2, :2].sum(1) * middle
    return turn


def flip_image(size: int) -> Float64[ndarray, "3 3"]:
    """The pixel map that mirrors an image ``size`` px wide left to right."""
    return np.array([[-1.0, 0, size - 1], [0, 1, 0], [0, 0, 1]])


def roll(angle: float) -> Float64[ndarray, "3 3"]:
    """The rotation about the optical axis by ``angle`` (radians, x towards y)."""
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def mirror() -> Float64[ndarray, "3 3"]:
    """The reflection that negates x of the camera frame."""
    return np.diag([-1.0, 1, 1])


def warp(sample: Sample, A: Float64[ndarray, "3 3"], size: int, M: Float64[ndarray, "3 3"] = _NO_TURN) -> Sample:
    """Apply the affine pixel map ``A`` to a sample, giving ``size`` x ``size`` images; the colour one has 8 bits.

    ``M`` is what happens to the camera frame: `roll`, `mirror` or a product of them. 3D points become ``M X``,
    ``K' = A K M⁻¹``, so that ``K' X'`` still lands on ``joints_2d'``, whatever ``A`` is. With the same turn and
    mirror in ``A`` this is a hand turned or mirrored in the image plane. A world-to-camera ``R, t`` is turned
    with it; a mirrored camera sees a mirrored world, so that R stays a rotation. A mirrored hand changes ``side``.

    Colour and what lies outside the image: linear interpolation, black; depth and mask: the nearest pixel, 0.
    ``visible`` stays as labelled. The sample's colours are floats in [0, 1] or bytes.
    """
    warped = dict(sample)
    warped["image"] = torch.from_numpy(_warp_colours(sample["image"], A, size)).permute(2, 0, 1)
    if "depth" in sample:
        warped["depth"] = torch.from_numpy(_nearest(sample["depth"].numpy()[0], A, size))[None]
    if "mask" in sample:
        mask = sample["mask"].numpy()[0].view(np.uint8)
        warped["mask"] = torch.from_numpy(_nearest(mask, A, size).view(np.bool_))[None]
    if "joints_2d" in sample:
        warped["joints_2d"] = _float(_exact(sample["joints_2d"]) @ A[:2, :2].T + A[:2, 2])
    for points in sample.keys() & {"joints_3d", "vertices"}:
        warped[points] = _float(_exact(sample[points]) @ M.T)
    if "K" in sample:
        warped["K"] = _float(A @ _exact(sample["K"]) @ M.T)
    mirrored = np.linalg.det(M) < 0
    if "R" in sample:
        warped["R"] = _float(M @ _exact(sample["R"]) @ (mirror() if mirrored else _NO_TURN))
    if "t" in sample:
        warped["t"] = _float(M @ _exact(sample["t"]))
    if mirrored and "side" in sample:
        warped["side"] = sum(Side) - sample["side"]
    return warped


def float_images(image: UInt8[Tensor, "*batch 3 h w"]) -> Float[Tensor, "*batch 3 h w"]:
    """8-bit images as the contract has them, in [0, 1]."""
    return image.float().div_(255)


def byte_pixels(image: Num[Tensor, "3 h w"]) -> UInt8[ndarray, "h w 3"]:
    """An image in [0, 1] or of bytes, as 8-bit pixels."""
    pixels = np.ascontiguousarray(image.permute(1, 2, 0).numpy())
    return pixels if pixels.dtype == np.uint8 else cv2.convertScaleAbs(pixels, alpha=255)  # which rounds


def _warp_colours(image: Num[Tensor, "3 h w"], A: Float64[ndarray, "3 3"], size: int) -> UInt8[ndarray, "s s 3"]:
    """Warp the part of the image that the crop shows; the rest need not become bytes."""
    height, width = image.shape[-2:]
    seen = seen_part(A, size, width, height)
    if seen is None:
        return np.zeros((size, size, 3), np.uint8)
    left, top, right, bottom = seen
    return warp_part(byte_pixels(image[:, top:bottom, left:right]), (left, top), A, size)


def _nearest(image: ndarray, A: Float64[ndarray, "3 3"], size: int) -> ndarray:
    return cv2.warpAffine(image, A[:2], (size, size), flags=cv2.INTER_NEAREST)


def _exact(value: Tensor) -> Float64[ndarray, "..."]:
    return value.numpy().astype(np.float64)


def _float(value: Float64[ndarray, "..."]) -> Float[Tensor, "..."]:
    return torch.from_numpy(value.astype(np.float32))

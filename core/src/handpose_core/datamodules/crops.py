"""Square crops around the hand that carry everything else of the sample along."""

import math

import cv2
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from handpose_core.camera import transform_pixels
from handpose_core.datasets.sample import Sample

_LEAST_BOX_PX = 16.0


def in_image(sample: Sample) -> Tensor:
    """Which of the 21 joints are annotated and lie in front of the camera and inside the image, seen or not."""
    height, width = sample["image"].shape[-2:]
    pixels = sample["joints_2d"]
    upper = pixels.new_tensor([width - 0.5, height - 0.5])
    # Not-a-number compares false, so that it is outside.
    inside: Tensor = ((pixels >= -0.5) & (pixels <= upper)).all(-1)
    return inside & _in_front(sample)


def hand_box(sample: Sample, scale: float) -> tuple[Float[Tensor, "2"], Float[Tensor, ""]]:
    """The square around the joints: its centre (px) and its side, ``scale`` times the joints' longer extent.

    Joints that are not annotated do not count; a clip's box is around the joints of all its frames. Joints
    behind the camera have no place in the image and do not count either. Joints outside the image count, but
    at most half an image away from it: near the camera plane they run off to any distance.
    At least one joint must be in front of the camera (see `in_image`).
    """
    height, width = sample["image"].shape[-2:]
    pixels = sample["joints_2d"][_in_front(sample)]
    size = pixels.new_tensor([width, height])
    pixels = pixels.clamp(-size / 2, 1.5 * size)
    low, high = pixels.amin(0), pixels.amax(0)
    return (low + high) / 2, ((high - low).max() * scale).clamp_min(_LEAST_BOX_PX)


def _in_front(sample: Sample) -> Tensor:
    placed = sample["joints_2d"].isfinite().all(-1)
    if "annotated" in sample:
        placed = placed & sample["annotated"]
    return placed & (sample["joints_3d"][..., 2] > 0) if "joints_3d" in sample else placed


def rotate_about_centre(angle: float, size: int) -> Float[Tensor, "3 3"]:
    """The pixel map that turns a ``size`` x ``size`` image by ``angle`` (radians, x towards y) about its centre."""
    middle = (size - 1) / 2
    turn = roll(angle)
    turn[:2, 2] = middle - turn[:2, :2] @ turn.new_tensor([middle, middle])
    return turn


def roll(angle: float) -> Float[Tensor, "3 3"]:
    """The rotation about the optical axis by ``angle`` (radians, x towards y), float64."""
    c, s = math.cos(angle), math.sin(angle)
    return torch.tensor([[c, -s, 0], [s, c, 0], [0, 0, 1]], dtype=torch.float64)


def warp(sample: Sample, A: Float[Tensor, "3 3"], size: int, angle: float = 0.0) -> Sample:
    """Apply the affine pixel map ``A`` to a sample, giving ``size`` x ``size`` images.

    With an ``angle`` (radians) the camera is turned about its optical axis as well: 3D points become
    ``R X``, ``K' = A K R⁻¹``, so that ``K' X'`` still lands on ``joints_2d'``, whatever ``A`` is, and a
    world-to-camera ``R, t`` is turned with them. With the
    same angle in ``A`` this is a hand turned in the image plane. Colour and what lies outside the
    image: linear interpolation, black; depth and mask: the nearest pixel, 0. ``visible`` stays as labelled.
    """
    A = A.double()
    R = roll(angle)
    warped = dict(sample)
    image = sample["image"].permute(1, 2, 0).numpy()
    warped["image"] = torch.from_numpy(_warp_pixels(image, A, size, cv2.INTER_LINEAR)).permute(2, 0, 1).contiguous()
    if "depth" in sample:
        warped["depth"] = torch.from_numpy(_warp_pixels(sample["depth"][0].numpy(), A, size, cv2.INTER_NEAREST))[None]
    if "mask" in sample:
        mask = sample["mask"][0].numpy().astype(np.uint8)
        warped["mask"] = torch.from_numpy(_warp_pixels(mask, A, size, cv2.INTER_NEAREST)).bool()[None]
    if "joints_2d" in sample:
        warped["joints_2d"] = transform_pixels(sample["joints_2d"].double(), A).float()
    for points in sample.keys() & {"joints_3d", "vertices"}:
        warped[points] = (sample[points].double() @ R.T).float()
    if "K" in sample:
        warped["K"] = (A @ sample["K"].double() @ R.T).float()
    for motion in sample.keys() & {"R", "t"}:
        warped[motion] = (R @ sample[motion].double()).float()
    return warped


def _warp_pixels(image: np.ndarray, A: Float[Tensor, "3 3"], size: int, interpolation: int) -> np.ndarray:
    return cv2.warpAffine(np.ascontiguousarray(image), A[:2].numpy(), (size, size), flags=interpolation)

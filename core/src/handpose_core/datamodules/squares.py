"""Squares cut out of 8-bit pictures, without torch: samples and photographs are cropped by the same code."""

import cv2
import numpy as np
from jaxtyping import Float64, UInt8
from numpy import ndarray

Part = tuple[int, int, int, int]
"""Left, top, right, bottom: the pixels of a picture that a crop shows, the last two excluded."""


def crop_map(centre: Float64[ndarray, "2"], side: float, size: int) -> Float64[ndarray, "3 3"]:
    """The pixel map from an image to its crop of ``side`` px around ``centre``, resized to ``size``.

    As `handpose_core.camera.crop_matrix`, of one image.
    """
    scale = size / side
    x, y = (side / 2 - centre) * scale - 0.5
    return np.array([[scale, 0, x], [0, scale, y], [0, 0, 1]])


def seen_part(A: Float64[ndarray, "3 3"], size: int, width: int, height: int) -> Part | None:
    """What of an image its crop under the pixel map ``A`` needs; None where it shows nothing of it."""
    corners = np.array([[-0.5, -0.5], [-0.5, size - 0.5], [size - 0.5, -0.5], [size - 0.5, size - 0.5]])
    seen = (corners - A[:2, 2]) @ np.linalg.inv(A[:2, :2]).T
    # One pixel more on every side for the interpolation, one for its rounding.
    left, top = np.maximum(np.floor(seen.min(0)) - 2, 0).astype(int)
    right, bottom = np.minimum(np.ceil(seen.max(0)) + 3, (width, height)).astype(int)
    return None if left >= right or top >= bottom else (int(left), int(top), int(right), int(bottom))


def warp_part(
    part: UInt8[ndarray, "h w 3"], corner: tuple[int, int], A: Float64[ndarray, "3 3"], size: int
) -> UInt8[ndarray, "s s 3"]:
    """The crop under ``A``, of the part of the image that begins at ``corner`` (px, left and top); black outside."""
    from_part = A[:2].copy()
    from_part[:, 2] += A[:2, :2] @ corner
    # Four channels, because OpenCV warps those in less than half the time of three.
    warped = cv2.warpAffine(cv2.cvtColor(part, cv2.COLOR_RGB2RGBA), from_part, (size, size), flags=cv2.INTER_LINEAR)
    return cv2.cvtColor(warped, cv2.COLOR_RGBA2RGB)  # type: ignore[no-any-return]

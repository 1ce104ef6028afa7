"""Taking a real hand out of its picture: a mask around the keypoints, filled in from what surrounds it."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8
from numpy import ndarray

from handpose_core.hand import BONES, FINGER_JOINTS, WRIST

_PALM = (WRIST, *(joints[0] for joints in FINGER_JOINTS.values()))
_KNUCKLES = tuple(joints[0] for finger, joints in FINGER_JOINTS.items() if finger != "thumb")
_FRACTION_BITS = 4
_FAR = 1 << 14
"""px; keypoints further off cannot be drawn, and cannot matter."""


@dataclass(frozen=True)
class HandRemoval:
    """Inpainting (Telea 2004) of the hand, as thick as fingers and palm are, and of the arm below it.

    What is filled in is smooth anyway, and mostly covered by the new hand: it is made at a part of the resolution.

    Args:
        thickness: half the width that is removed around a finger's bones, over the palm's length; a quarter more than
            fingers need, as detectors miss by some pixels.
        arm: length of arm that is removed below the wrist, over the palm's length.
        coarse: how many times smaller the picture is made for it.
    """

    thickness: float = 0.24
    arm: float = 4.0
    coarse: int = 4

    def __call__(
        self, image: UInt8[ndarray, "h w 3"], joints_2d: Float[ndarray, "21 2"], present: Bool[ndarray, "21"]
    ) -> UInt8[ndarray, "h w 3"]:
        """The picture without the hand.

        Args:
            image: RGB.
            joints_2d: the hand's keypoints, px.
            present: which of them are known.
        """
        mask = self.mask(image.shape[:2], joints_2d, present)
        size = (max(1, image.shape[1] // self.coarse), max(1, image.shape[0] // self.coarse))
        small_mask = (cv2.resize(mask, size, interpolation=cv2.INTER_AREA) > 0).astype(np.uint8)
        if small_mask.all():
            return image
        small = cv2.inpaint(cv2.resize(image, size, interpolation=cv2.INTER_AREA), small_mask, 3, cv2.INPAINT_TELEA)
        filled = cv2.resize(small, image.shape[1::-1], interpolation=cv2.INTER_CUBIC)
        share = cv2.GaussianBlur(mask, (0, 0), 0.008 * max(image.shape)).astype(np.uint16)[..., None]
        return ((filled * share + image * (255 - share) + 127) // 255).astype(np.uint8)

    def mask(
        self, shape: tuple[int, int], joints_2d: Float[ndarray, "21 2"], present: Bool[ndarray, "21"]
    ) -> UInt8[ndarray, "h w"]:
        """What is removed: 255, else 0."""
        mask = np.zeros(shape, np.uint8)
        drawable = present & (np.abs(np.nan_to_num(joints_2d, nan=np.inf)) < _FAR).all(1)
        radius = self.thickness * palm_length(joints_2d, drawable)
        points = np.rint(np.where(drawable[:, None], joints_2d, 0) * 2**_FRACTION_BITS).astype(np.int32)
        width = max(1, round(2 * radius))
        for parent, child in BONES:
            if drawable[parent] and drawable[child]:
                _line(mask, points[parent], points[child], width)
        palm = [joint for joint in _PALM if drawable[joint]]
        if len(palm) >= 3:
            hull = cv2.convexHull(points[palm])
            cv2.fillConvexPoly(mask, hull, 255, cv2.LINE_8, _FRACTION_BITS)
            cv2.polylines(mask, [hull], True, 255, round(width * 1.3), cv2.LINE_8, _FRACTION_BITS)
        knuckles = [joint for joint in _KNUCKLES if drawable[joint]]
        if self.arm and drawable[WRIST] and knuckles:
            along = points[WRIST] - points[knuckles].mean(0)
            _line(mask, points[WRIST], np.rint(points[WRIST] + self.arm * along).astype(np.int32), round(width * 2.8))
        return mask


def palm_length(joints_2d: Float[ndarray, "21 2"], known: Bool[ndarray, "21"]) -> float:
    """About the palm's length, px: the longest known bone of the palm, or three halves of the longest of a finger."""
    lengths = {
        (parent, child): float(np.linalg.norm(joints_2d[child] - joints_2d[parent]))
        for parent, child in BONES
        if known[parent] and known[child]
    }
    return max((length * (1.0 if parent == WRIST else 1.5) for (parent, _), length in lengths.items()), default=0.0)


def _line(mask: UInt8[ndarray, "h w"], start: ndarray, end: ndarray, width: int) -> None:
    ends = [(int(x), int(y)) for x, y in (start, end)]
    cv2.line(mask, ends[0], ends[1], 255, width, cv2.LINE_8, _FRACTION_BITS)

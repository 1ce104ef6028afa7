"""From a picture and a box to the square crop that a model looks at, and back."""

from dataclasses import dataclass
from enum import Enum

import cv2
import numpy as np
from jaxtyping import Float64, UInt8
from numpy import ndarray

from handpose_core.datamodules.squares import crop_map, seen_part, warp_part
from handpose_core.errors import HandposeError
from handpose_core.predict.boxes import Box

_MOST_ENLARGED = 4
"""A square is enlarged at most so many times: what is smaller shows nothing of a hand."""


class Origin(Enum):
    """Why a square is looked at; the value is what ``hands.json`` says."""

    BOX = "box"
    WHOLE = "whole picture"
    SEARCH = "search"
    FOLLOW = "frame before"


@dataclass(frozen=True)
class Square:
    """What is looked at.

    Args:
        centre: px of the picture.
        side: px.
        origin: why it is looked at.
    """

    centre: Float64[ndarray, "2"]
    side: float
    origin: Origin

    def to_crop(self, size: int) -> Float64[ndarray, "3 3"]:
        """The pixel map from the picture to the crop of ``size`` px."""
        return crop_map(self.centre, self.side, size)


def square_of(where: str, box: Box | None, width: int, height: int, scale: float) -> Square:
    """The square around a box, ``scale`` times its longer side; without one the whole picture, squared.

    Raises:
        HandposeError: the box lies outside the picture.
    """
    if box is None:
        return whole_square(width, height, Origin.WHOLE)
    if box.x >= width or box.y >= height or box.x + box.width <= 0 or box.y + box.height <= 0:
        raise HandposeError(
            f"box of {where}",
            f"{box.x:g},{box.y:g},{box.width:g},{box.height:g}",
            f"one that meets the picture, {width} x {height} px",
            "Boxes are x,y,w,h in px of the picture, turned the right way up.",
        )
    # A box from 0 to 10 covers the pixels 0 to 9, whose centres lie from 0 to 9.
    centre = np.array([box.x + box.width / 2, box.y + box.height / 2]) - 0.5
    return Square(centre, max(box.width, box.height) * scale, Origin.BOX)


def whole_square(width: int, height: int, origin: Origin) -> Square:
    """The whole picture, squared."""
    return Square(np.array([width - 1, height - 1]) / 2, float(max(width, height)), origin)


def square_around(
    joints: Float64[ndarray, "21 2"], picture: tuple[int, int], scale: float, size: int, origin: Origin
) -> Square:
    """The square that crops around joints have: ``scale`` times their longer extent.

    As `handpose_core.datamodules.crops.hand_box`, of one picture.

    Args:
        joints: px.
        picture: its width and height, px.
        scale: the square's side over the joints' longer extent.
        size: the crop's side, px.
        origin: why it is looked at.
    """
    near = np.clip(joints, -np.array(picture) / 2, 1.5 * np.array(picture))
    low, high = near.min(0), near.max(0)
    return Square((low + high) / 2, max(float((high - low).max()) * scale, size / _MOST_ENLARGED), origin)


def cut(picture: UInt8[ndarray, "h w 3"], square: Square, size: int) -> UInt8[ndarray, "s s 3"]:
    """The square as a crop of ``size`` px, black outside the picture.

    A square of more than twice the crop's size is first averaged over whole pixels, so that large photographs do not
    alias where training images, which are about as large as their crops, do not.
    """
    height, width = picture.shape[:2]
    A = square.to_crop(size)
    seen = seen_part(A, size, width, height)
    if seen is None:
        return np.zeros((size, size, 3), np.uint8)
    left, top, right, bottom = seen
    part = picture[top:bottom, left:right]
    step = int(square.side / size)
    if step < 2:
        return warp_part(part, (left, top), A, size)
    rows, columns = -(-part.shape[0] // step), -(-part.shape[1] // step)
    below, beside = rows * step - part.shape[0], columns * step - part.shape[1]
    # Whole steps, so that every pixel of the smaller part is the mean of step x step: its edge is repeated.
    whole = cv2.copyMakeBorder(part, 0, below, 0, beside, cv2.BORDER_REPLICATE)
    small = cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA).astype(np.uint8)
    to_large = np.array([[step, 0, left + (step - 1) / 2], [0, step, top + (step - 1) / 2], [0, 0, 1]])
    return warp_part(small, (0, 0), A @ to_large, size)

"""One hand's view: what of a picture is looked at, and how."""

from dataclasses import dataclass

from jaxtyping import Float64, UInt8
from numpy import ndarray

from handpose_core.hand import Side
from handpose_core.predict.cut import Square


@dataclass(frozen=True)
class View:
    """What of a picture was looked at, and how; made by `HandModel.look`.

    Args:
        crop: what the model sees, 8-bit RGB.
        square: where that is in the picture, un-mirrored.
        K: intrinsics of the un-mirrored picture, px.
        width: the picture's, px.
        height: px.
        side: which hand it is.
        mirrored: whether the picture shows a mirror image.
        absolute: whether the hand's place before the camera was asked for.
        hand_mm: the hand's length, if given.
        as_right: whether a left hand is shown mirrored, as a right one; `square` is of the picture as it is.
    """

    crop: UInt8[ndarray, "s s 3"]
    square: Square
    K: Float64[ndarray, "3 3"]
    width: int
    height: int
    side: Side | None
    mirrored: bool
    absolute: bool
    hand_mm: float | None
    as_right: bool = False

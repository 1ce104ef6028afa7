"""What is said of a hand: plain numpy arrays and numbers."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64
from numpy import ndarray

from handpose_core.errors import HandposeError
from handpose_core.hand import JOINT_NAMES, WRIST, Side
from handpose_core.predict.cut import Origin

LOW_CONFIDENCE = 0.15
"""Mean confidence below which there is probably no hand, or none that is recognised."""

CONVENTIONS = {
    "joints_2d": "px of the original picture, x right, y down; (0, 0) is the centre of the top-left pixel",
    "joints_3d": "mm relative to the wrist, x right, y down, z away from the camera",
    "wrist": "mm from the camera, same axes; null unless --focal or --hand-size was given",
    "confidence": "of each joint, 0 to 1: how sharply it is found, times how likely there is a hand; no probability",
    "square": "centre x, centre y and side of what the model saw, px of the original picture",
    "square_from": "the box given; the whole picture, for want of one; a search by the model itself, in squares all "
    "over the picture; or the joints in the frame before",
    "side": "as given, else as the model says; null where nobody does",
    "side_confidence": "how sure the model is of it, 0.5 to 1; null where the side was given",
    "vertices": "of hands.npz: mm relative to the wrist, axes as joints_3d; faces of right and of left hands beside",
    "mirrored": "2D is of the picture as it is; 3D and side are of the real hand",
}
"""What the numbers of a `Hand` mean, as written beside them."""


@dataclass(frozen=True)
class Mesh:
    """A hand's surface.

    Args:
        vertices: mm relative to the wrist, axes as ``Hand.joints_3d``.
        faces: corners, counter-clockwise seen from outside.
        vertices_2d: px of the original picture.
    """

    vertices: Float64[ndarray, "v 3"]
    faces: Int64[ndarray, "f 3"]
    vertices_2d: Float64[ndarray, "v 2"]


@dataclass(frozen=True)
class Hand:
    """One hand in one picture.

    Args:
        joints_2d: px of the original picture.
        joints_3d: mm relative to the wrist, camera axes: x right, y down, z away.
        confidence: of each joint, 0 to 1.
        side: which hand it is, as given, or as the model says; None where nobody does.
        wrist: mm, where the wrist is before the camera; None unless a focal length or hand size was given.
        square: centre x, centre y and side of the square that was looked at, px.
        origin: why it was looked at.
        side_confidence: how sure the model is of the side, 0.5 to 1; None where it was not asked.
        mesh: the hand's surface, of models that give one.
    """

    joints_2d: Float64[ndarray, "21 2"]
    joints_3d: Float64[ndarray, "21 3"]
    confidence: Float64[ndarray, "21"]
    side: Side | None
    wrist: Float64[ndarray, "3"] | None
    square: Float64[ndarray, "3"]
    origin: Origin
    side_confidence: float | None = None
    mesh: Mesh | None = None

    @property
    def joint_names(self) -> tuple[str, ...]:
        """The joints in order: wrist, then thumb to little finger, from palm to tip."""
        return JOINT_NAMES

    @property
    def mean_confidence(self) -> float:
        """Over the joints; below `LOW_CONFIDENCE` there is probably no hand."""
        return float(self.confidence.mean())

    @property
    def is_low(self) -> bool:
        """Whether there is probably no hand, or none that is recognised."""
        return self.mean_confidence < LOW_CONFIDENCE

    @property
    def whole_picture(self) -> bool:
        """Whether the whole picture was taken for the hand, for want of a box."""
        return self.origin is Origin.WHOLE

    @property
    def absolute(self) -> Float64[ndarray, "21 3"] | None:
        """The joints before the camera, mm; None where ``wrist`` is."""
        return None if self.wrist is None else self.joints_3d + self.wrist

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "side": None if self.side is None else self.side.name.lower(),
            "side_confidence": None if self.side_confidence is None else round(self.side_confidence, 4),
            "mean_confidence": round(self.mean_confidence, 4),
            "low_confidence": self.is_low,
            "whole_picture": self.whole_picture,
            "square_from": self.origin.value,
            "square": _listed(self.square, 2),
            "wrist": None if self.wrist is None else _listed(self.wrist, 2),
            "joints_2d": _listed(self.joints_2d, 2),
            "joints_3d": _listed(self.joints_3d, 2),
            "confidence": _listed(self.confidence, 4),
        }


def root_relative(joints: Float64[ndarray, "21 3"]) -> Float64[ndarray, "21 3"]:
    """The joints relative to the wrist."""
    return joints - joints[WRIST]


def check_numbers(joints: Float64[ndarray, "21 d"]) -> None:
    """Complain of a model that does not answer in numbers.

    Raises:
        HandposeError: a joint is not finite.
    """
    if not np.isfinite(joints).all():
        raise HandposeError("model", "joints that are not numbers", "numbers", "Take another checkpoint.")


def _listed(values: Float64[ndarray, "..."], digits: int) -> Any:
    return (np.round(values, digits) + 0.0).tolist()  # + 0.0: no negative zero

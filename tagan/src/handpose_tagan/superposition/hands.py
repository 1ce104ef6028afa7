"""The two hands that meet: a simulated one with all its labels, and a real one with what a detector saw of it."""

from dataclasses import dataclass

from jaxtyping import Bool, Float, UInt8
from numpy import ndarray

from handpose_core.hand import Side


class Unfit(Exception):
    """A picture, a hand or a pair of them cannot be used; many are tried, so these are counted and not errors.

    Args:
        reason: the kind of defect, the same words every time, to be counted by.
        detail: what was found.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason


@dataclass(frozen=True)
class SimulatedHand:
    """A rendered hand and arm on nothing.

    Attributes:
        rgba: colours that are not multiplied by the fourth channel, the share of the pixel that is covered.
        mask: the hand without its arm.
        joints_2d: px.
        joints_3d: mm, camera frame.
        visible: which joints can be seen.
        K: px.
        side: which hand.
    """

    rgba: UInt8[ndarray, "h w 4"]
    mask: Bool[ndarray, "h w"]
    joints_2d: Float[ndarray, "21 2"]
    joints_3d: Float[ndarray, "21 3"]
    visible: Bool[ndarray, "21"]
    K: Float[ndarray, "3 3"]
    side: Side


@dataclass(frozen=True)
class RealHand:
    """A picture of a hand without labels.

    Attributes:
        image: RGB.
        joints_2d: keypoints, px.
        present: which of them were found.
    """

    image: UInt8[ndarray, "h w 3"]
    joints_2d: Float[ndarray, "21 2"]
    present: Bool[ndarray, "21"]

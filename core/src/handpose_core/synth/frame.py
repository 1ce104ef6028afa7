"""One synthetic frame: pictures and labels, before any dataset's layout."""

from dataclasses import dataclass

from jaxtyping import Bool, Float, UInt8
from numpy import ndarray

from handpose_core.hand import Side

BACKGROUND, ARM, FIRST_BONE = 0, 1, 2
"""Values of `SyntheticFrame.segments`: the hand's are FIRST_BONE + the index into `handpose_core.hand.BONES`."""
FAR = 5000.0
"""mm; depth where there is nothing."""


@dataclass(frozen=True)
class SyntheticFrame:
    """One picture of one hand with everything that is known about it; canonical joints, mm, px.

    ``coverage`` is the share of each pixel that hand and arm cover.
    """

    colour: UInt8[ndarray, "h w 3"]
    depth: Float[ndarray, "h w"]
    segments: UInt8[ndarray, "h w"]
    coverage: Float[ndarray, "h w"]
    joints_2d: Float[ndarray, "21 2"]
    joints_3d: Float[ndarray, "21 3"]
    visible: Bool[ndarray, "21"]
    vertices: Float[ndarray, "v 3"]
    K: Float[ndarray, "3 3"]
    side: Side

"""Do the joints lie on the mask of their hand?"""

import cv2
import numpy as np
from jaxtyping import Bool
from numpy import ndarray

from handpose_core.checks.part import Part, Pictures
from handpose_core.checks.verdict import Verdict, ok, skipped, wrong

_RIM_PX = 3
_SHARE = 0.7


def mask_fits(part: Part) -> Verdict:
    """Share of visible joints on their hand's mask, and on the other hand's."""
    pictures = [picture for picture in part.pictures if picture.mask is not None and picture.inside.any()]
    if not pictures:
        return skipped("no mask of a label to look at")
    own = np.array([_share(picture, picture.mask) for picture in pictures])
    other = np.array([_share(picture, picture.other_mask) for picture in pictures])
    seen = f"{own.mean():.0%} of the visible joints lie on their hand's mask ({len(pictures)} masks looked at)"
    if own.mean() >= _SHARE:
        return ok(seen)
    worst = pictures[int(own.argmin())].row
    if other.mean() > own.mean() and other.mean() >= _SHARE:
        return wrong(
            f"left and right are exchanged: {other.mean():.0%} lie on the other hand's mask, {seen}",
            "Exchange the hands' joints in the labels, or their classes in the masks.",
            worst,
        )
    return wrong(seen, "Check that masks and labels belong to the same frames and image size.", worst)


def _share(picture: Pictures, mask: Bool[ndarray, "h w"] | None) -> float:
    if mask is None:
        return 0.0
    grown = cv2.dilate(mask.astype(np.uint8), np.ones((2 * _RIM_PX + 1,) * 2, np.uint8)) > 0
    u, v = np.rint(picture.joints_2d[picture.inside]).astype(int).T
    return float(grown[v, u].mean())

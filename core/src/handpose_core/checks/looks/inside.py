"""Do the joints fall on the picture?"""

import numpy as np

from handpose_core.checks.part import Part
from handpose_core.checks.verdict import Verdict, ok, skipped, wrong

_SHARE = 0.5


def inside_picture(part: Part) -> Verdict:
    """The share of visible joints that lie within their image."""
    if part.labels is not None and part.labels.joints_3d is not None and part.labels.unit_factor != 1:
        return skipped("the joints' unit must be put right first")
    pictures = [picture for picture in part.pictures if picture.visible.any()]
    if not pictures:
        return skipped("no labelled picture to look at")
    shares = np.array([picture.inside.sum() / picture.visible.sum() for picture in pictures])
    seen = f"{shares.mean():.0%} of the visible joints lie in their picture ({len(pictures)} pictures looked at)"
    if shares.mean() >= _SHARE:
        return ok(seen)
    return wrong(
        seen,
        "Check that K and the pixels belong to the size of the pictures, and the labels to this camera.",
        pictures[int(shares.argmin())].row,
    )

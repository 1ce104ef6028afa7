"""Do the 3D joints land on the 2D joints?"""

import numpy as np

from handpose_core.checks.part import Part
from handpose_core.checks.verdict import Verdict, ok, skipped, wrong

_MEAN_PX, _SHARE = 1.0, 0.01
_OFF_PX = 5.0


def reprojection(part: Part) -> Verdict:
    """``K xyz`` against the stored pixels of the visible joints in front of the camera."""
    labels = part.labels
    if labels is None or labels.joints_3d is None or labels.K is None:
        return skipped("no 3D labels with intrinsics")
    if labels.joints_2d is None:
        return skipped("no pixels are stored beside the 3D joints")
    rows = np.flatnonzero(labels.finite)
    projected = labels.project(rows)
    assert projected is not None
    counted = labels.visible[rows] & (labels.joints_3d[rows, :, 2] > 0)
    if not counted.any():
        return skipped("no visible joint")
    error = np.where(counted, np.linalg.norm(projected - labels.joints_2d[rows], axis=-1), 0)
    mean, off = error.sum() / counted.sum(), error.max(-1) > _OFF_PX
    seen = f"K·xyz is {mean:.3g} px from the stored pixels on average (worst {error.max():.3g} px)"
    if mean <= _MEAN_PX and off.mean() <= _SHARE:
        return ok(f"{seen} over {counted.sum()} visible joints")
    worst = int(rows[error.max(-1).argmax()])
    return wrong(
        f"{seen}; {off.sum()} of {len(rows)} labels are more than {_OFF_PX:g} px off, worst {labels.names[worst]}",
        "Check that K, xyz and uv belong to the same camera, image size and frame, and that all are in one order.",
        worst,
    )

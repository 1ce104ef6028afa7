"""Are the bones as long as bones are, and as long in every frame of a video?"""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from handpose_core.checks.part import Labels, Part
from handpose_core.checks.verdict import Verdict, ok, skipped, warning, wrong
from handpose_core.geometry.hand_shape import bone_lengths
from handpose_core.hand import BONES, JOINT_NAMES, WRIST

_FINGER_MM, _PALM_MM = (8.0, 80.0), (10.0, 140.0)
"""Bones of a finger, and from the root to a finger: children's to the longest men's, with room for rough labels."""
_STEADY_MM, _WRONG_SHARE = 1.0, 0.25


def bone_sizes(part: Part) -> Verdict:
    """Median length of each bone against what hands have."""
    labels = part.labels
    if labels is None or not len(labels.hands):
        return skipped("no 3D labels")
    if np.isnan(labels.unit_factor):
        return skipped("the unit is unknown")
    median = np.median(bone_lengths(labels.some_hands(2000)) * labels.unit_factor, axis=0)
    bounds = np.array([_PALM_MM if parent == WRIST else _FINGER_MM for parent, _ in BONES])
    odd = np.flatnonzero((median < bounds[:, 0]) | (median > bounds[:, 1]))
    if not len(odd):
        return ok(f"{median.min():.0f} to {median.max():.0f} mm (medians)")
    named = ", ".join(f"{_name(i)} {median[i]:.0f} mm" for i in odd[:4].tolist())
    return wrong(
        f"{len(odd)} of {len(BONES)} bones have no bone's length: {named}",
        "If the joint order is found wrong too, correct that first; else look at these joints.",
        int(labels.hands[0]),
    )


def bone_constancy(part: Part) -> Verdict:
    """Spread of each bone's length within every video."""
    labels = part.labels
    if labels is None or labels.sequence is None or len(labels.hands) < 2:
        return skipped("no video with 3D labels")
    assert labels.joints_3d is not None
    if np.isnan(labels.unit_factor):
        return skipped("the unit is unknown")
    lengths = bone_lengths(labels.joints_3d[labels.hands].astype(np.float64)) * labels.unit_factor
    sequences = labels.sequence[labels.hands]
    spread = np.max([lengths[sequences == number].std(0) for number in np.unique(sequences)], axis=0)
    share = spread / np.median(lengths, axis=0)
    if spread.max() <= _STEADY_MM:
        return ok(f"standard deviation at most {spread.max():.2g} mm within a video")
    worst = int(share.argmax())
    seen = f"bone lengths vary by {spread.min():.1f} to {spread.max():.1f} mm (standard deviation within a video)"
    example = _farthest_from_median(labels, lengths, worst)
    if share[worst] <= _WRONG_SHARE:
        fix = (
            "Known of labels by fitting or tracking; do not take them for exact, nor train bone-length losses on them."
        )
        return warning(seen, fix, example)
    if not labels.one_hand:
        return warning(seen, "Nothing, if these are pictures of several people.", example)
    return wrong(
        f"{seen}; {_name(worst)} by {share[worst]:.0%} of its length, most in {labels.names[example]}",
        "One hand's bones do not change: look for permuted joints, mixed people or mixed units within the video.",
        example,
    )


def _farthest_from_median(labels: Labels, lengths: Float[ndarray, "m 20"], bone: int) -> int:
    off = np.abs(lengths[:, bone] - np.median(lengths[:, bone]))
    return int(labels.hands[off.argmax()])


def _name(bone: int) -> str:
    parent, child = BONES[bone]
    return f"{JOINT_NAMES[parent]}–{JOINT_NAMES[child]}"

"""Writes CMU-PS's own layout, so that what reads the authors' files reads ours."""

import json
from collections.abc import Mapping
from pathlib import Path

from jaxtyping import Bool, Float, UInt8
from numpy import ndarray

from handpose_core.datasets.cmu_ps_layout import (
    JOINTS_FIELD,
    LIST_FIELD,
    LIST_JOINTS_FIELD,
    PATH_FIELD,
    SIDE_FIELD,
    Part,
    annotation_path,
    image_path,
    list_path,
    raw_joints,
)
from handpose_core.hand import Side
from handpose_core.io.atomic import write_text
from handpose_core.synth.layouts.images import write_image


def write_hand(
    root: Path,
    part: Part,
    name: str,
    colour: UInt8[ndarray, "h w 3"],
    joints_2d: Float[ndarray, "21 2"],
    valid: Bool[ndarray, "21"],
    side: Side,
) -> None:
    """Write one hand of a manual part: its photograph, then the JSON that lists it.

    Args:
        root: The folder that is to hold the parts.
        part: ``manual_train`` or ``manual_test``.
        name: Of the hand; what precedes its first underscore names the photograph.
        colour: RGB.
        joints_2d: px, canonical.
        valid: Whether each joint is labelled.
        side: Which hand.
    """
    write_image(image_path(root, part, name), colour)
    low, high = joints_2d[valid].min(0), joints_2d[valid].max(0)
    content = {
        JOINTS_FIELD: raw_joints(joints_2d, valid),
        "hand_box_center": ((low + high) / 2).tolist(),
        SIDE_FIELD: int(side == Side.LEFT),
        "is_mpii": 0,
    }
    write_text(annotation_path(root, part, name), json.dumps(content))


def hand_is_written(root: Path, part: Part, name: str) -> bool:
    """Whether a hand's photograph and JSON are there."""
    return image_path(root, part, name).is_file() and annotation_path(root, part, name).is_file()


def write_list(root: Path, hands: Mapping[str, tuple[Float[ndarray, "21 2"], Bool[ndarray, "21"]]]) -> Path:
    """Write the JSON of hands_v143; write it last, after its images.

    Args:
        root: The folder that is to hold it.
        hands: Joints (px, canonical) and their validity by the image's path below ``root``.

    Returns:
        The file's path.
    """
    entries = [{PATH_FIELD: name, LIST_JOINTS_FIELD: raw_joints(*joints)} for name, joints in hands.items()]
    path = list_path(root)
    write_text(path, json.dumps({LIST_FIELD: entries}))
    return path

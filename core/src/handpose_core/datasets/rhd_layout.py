"""RHD's layout on disk (Zimmermann & Brox 2017), stated once for the reader and the writer.

Paths, joint rows, mask classes and the depth encoding. Joint rows 0-20 are the left hand, 21-41 the
right; within a hand the wrist, then each finger from tip to palm. Annotations are in metres.
"""

from pathlib import Path
from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Float, Float32, Int, UInt8
from numpy import ndarray

from handpose_core.hand import BONES, FINGERS, JOINT_ORDERS, N_JOINTS, WRIST, Side

Split = Literal["training", "evaluation"]
Kind = Literal["color", "depth", "mask"]
SPLITS: tuple[Split, ...] = get_args(Split)
KINDS: tuple[Kind, ...] = get_args(Kind)
FRAME_COUNTS: dict[Split, int] = {"training": 41258, "evaluation": 2728}
"""Frames of the authors' full release."""

SIZE = 320
"""Images are SIZE x SIZE."""
MM_PER_METRE = 1000.0
DEPTH_RANGE_MM = 5000.0
_DEPTH_STEPS = 65535

BACKGROUND, PERSON = 0, 1
_FIRST_CLASS = {Side.LEFT: 2, Side.RIGHT: 18}

FINGER_CLASSES: dict[Side, dict[str, tuple[int, int, int]]] = {
    side: {finger: (first + 3 * i, first + 3 * i + 1, first + 3 * i + 2) for i, finger in enumerate(FINGERS)}
    for side, first in _FIRST_CLASS.items()
}
"""Mask classes of each finger's three segments, from tip to palm."""
PALM_CLASSES: dict[Side, int] = {side: first + 15 for side, first in _FIRST_CLASS.items()}
BONE_CLASSES: dict[Side, tuple[int, ...]] = {
    side: tuple(
        PALM_CLASSES[side] if parent == WRIST else FINGER_CLASSES[side][FINGERS[(child - 1) // 4]][3 - (child - 1) % 4]
        for parent, child in BONES
    )
    for side in Side
}
"""Mask class of each of `handpose_core.hand.BONES`; the palm's for the bones that start at the wrist."""
CLASS_RANGES: dict[Side, tuple[int, int]] = {side: (first, PALM_CLASSES[side]) for side, first in _FIRST_CLASS.items()}
"""First and last mask class of each hand, both included."""
N_CLASSES = PALM_CLASSES[Side.RIGHT] + 1


def image_path(root: Path, split: Split, kind: Kind, frame: int) -> Path:
    """``ROOT/split/kind/%05d.png``."""
    return root / split / kind / f"{frame:05d}.png"


def annotation_paths(root: Path, split: Split) -> tuple[Path, Path]:
    """The split's annotation pickle and its ``.mat`` twin."""
    stem = root / split / f"anno_{split}"
    return stem.with_suffix(".pickle"), stem.with_suffix(".mat")


def joint_rows(side: Side) -> Int[ndarray, "21"]:
    """The annotation row of each canonical joint of one hand."""
    return np.asarray(JOINT_ORDERS["rhd"]) + N_JOINTS * int(side)


def raw_joints(
    joints_2d: Float[ndarray, "21 2"], visible: Bool[ndarray, "21"], joints_3d: Float[ndarray, "21 3"], side: Side
) -> tuple[Float32[ndarray, "42 3"], Float32[ndarray, "42 3"]]:
    """One hand's canonical joints as annotation rows ``(uv_vis, xyz)``.

    Args:
        joints_2d: Pixels.
        visible: Whether each joint can be seen.
        joints_3d: Camera frame, mm; stored in metres.
        side: Which hand; the other hand's rows are zero and not visible.
    """
    uv_vis, xyz = np.zeros((2 * N_JOINTS, 3), np.float32), np.zeros((2 * N_JOINTS, 3), np.float32)
    rows = joint_rows(side)
    uv_vis[rows, :2] = joints_2d
    uv_vis[rows, 2] = visible
    xyz[rows] = joints_3d / MM_PER_METRE
    return uv_vis, xyz


def hand_mask(classes: UInt8[ndarray, "h w"], side: Side) -> Bool[ndarray, "h w"]:
    """The pixels of one hand."""
    first, last = CLASS_RANGES[side]
    inside: Bool[ndarray, "h w"] = (classes >= first) & (classes <= last)
    return inside


def encode_depth(depth: Float[ndarray, "h w"]) -> UInt8[ndarray, "h w 3"]:
    """Depth (mm) as the authors' RGB image: ``R 256 + G`` counts 5 m / 65535, blue is 0; clipped to 0..5 m."""
    steps = np.rint(np.clip(depth / DEPTH_RANGE_MM, 0, 1) * _DEPTH_STEPS).astype(np.uint16)
    return np.stack([steps >> 8, steps & 255, np.zeros_like(steps)], axis=-1, dtype=np.uint8, casting="unsafe")


def decode_depth(rgb: UInt8[ndarray, "h w 3"]) -> Float32[ndarray, "h w"]:
    """Depth (mm) of the authors' RGB image."""
    steps = rgb[..., 0].astype(np.int32) * 256 + rgb[..., 1]
    return np.multiply(steps, DEPTH_RANGE_MM / _DEPTH_STEPS, dtype=np.float32)

"""CMU-PS's layout on disk (Simon et al. 2017), stated once for the reader and the writer.

Photographs (MPII, NZSL) with one labelled hand each, in ``manual_train`` and ``manual_test``, and ``hands_v143``, hands
of the Panoptic Studio in one JSON. 21 joints in canonical order, in 2D: x, y and whether the label is valid.
"""

from pathlib import Path
from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from handpose_core.hand import Side

Part = Literal["manual_train", "manual_test", "hands_v143"]
PARTS: tuple[Part, ...] = get_args(Part)
COUNTS: dict[Part, int] = {"manual_train": 1912, "manual_test": 846, "hands_v143": 14817}
"""Hands of the authors' release."""

JOINTS_FIELD, SIDE_FIELD = "hand_pts", "is_left"
"""Of a hand's own JSON."""
LIST_FIELD, PATH_FIELD, LIST_JOINTS_FIELD = "root", "img_paths", "joint_self"
"""Of the JSON of hands_v143: its list, and of each entry the image below the JSON's folder, and the joints."""


def image_path(root: Path, part: Part, name: str) -> Path:
    """``ROOT/PART/NAME.jpg`` of the manual parts."""
    return root / part / f"{name}.jpg"


def annotation_path(root: Path, part: Part, name: str) -> Path:
    """``ROOT/PART/NAME.json`` of the manual parts."""
    return root / part / f"{name}.json"


def list_path(root: Path) -> Path:
    """The JSON of hands_v143."""
    return root / "hands_v143_14817.json"


def picture(name: str) -> str:
    """The photograph that a hand of the manual parts is in; both its hands have names that start with this."""
    return name.partition("_")[0]


def raw_joints(joints_2d: Float[ndarray, "21 2"], valid: Bool[ndarray, "21"]) -> list[list[float]]:
    """Joints (px) as the authors write them."""
    return [[float(x), float(y), float(flag)] for (x, y), flag in zip(joints_2d, valid, strict=True)]


def side_of(is_left: float) -> Side:
    """The side that the authors' flag means."""
    return Side.LEFT if is_left else Side.RIGHT


def split_joints(rows: Float[ndarray, "21 3"]) -> tuple[Float[ndarray, "21 2"], Bool[ndarray, "21"]]:
    """Pixels and validity of the authors' rows."""
    return rows[:, :2].astype(np.float32), rows[:, 2] > 0

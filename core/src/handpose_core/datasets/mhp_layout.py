"""MHP's layout on disk and its cameras (Gomez-Donoso et al. 2017), stated once for the reader and the writer.

21 sequences of right hands before four webcams. Labels come from a Leap Motion, in its frame, each row with its
name; nothing states their unit: millimetres are assumed, and the reader refuses hands of another size.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float, Float64
from numpy import ndarray

from handpose_core.hand import JOINT_ORDERS

Split = Literal["train", "test"]
Vector = Literal["rvec", "tvec"]
SPLITS: tuple[Split, ...] = get_args(Split)
#: Of the thesis's author, who calls the test split "validation".
SPLIT_SEQUENCES: dict[Split, tuple[int, ...]] = {"train": tuple(range(3, 22)), "test": (1, 2)}
#: Sequences of the training split that are held out for validation by default.
VALIDATION_SEQUENCES: tuple[str, ...] = ("data_20", "data_21")
CAMERAS = (1, 2, 3, 4)
WIDTH, HEIGHT = 640, 480

K: Float64[ndarray, "3 3"] = np.array([[614.878, 0, 313.219], [0, 615.479, 231.288], [0, 0, 1]])
"""Intrinsics of all four webcams, px."""
DISTORTION: Float64[ndarray, "5"] = np.array([0.092701, -0.175877, -0.0035687, -0.00302299, 0])
"""k1, k2, p1, p2, k3 of all four."""

_PARTS = ("KNU1_A", "KNU1_B", "KNU2_A", "KNU3_A")
PALM = "PALM_POSITION"
PALM_NORMAL = "PALM_NORMAL"
"""A direction below the joints, not one of them."""
ROW_NAMES: tuple[str, ...] = (
    *(f"{finger}_{part}" for finger in ("F4", "F3", "F1", "F2", "TH") for part in _PARTS),
    PALM,
)
"""Rows in the authors' order: index, middle, little, ring, thumb, palm; KNU1_B is nearer the palm than KNU1_A."""
CANONICAL_ROWS: tuple[str, ...] = tuple(ROW_NAMES[row] for row in JOINT_ORDERS["mhp"])
"""The row of each canonical joint; the palm stands in the wrist's place."""
BOX_ROWS = ("TOP", "LEFT", "BOTTOM", "RIGHT")


def frames_folder(root: Path, sequence: int) -> Path:
    """``ROOT/annotated_frames/data_SEQUENCE``."""
    return root / "annotated_frames" / f"data_{sequence}"


def image_name(frame: int, camera: int) -> str:
    """One camera's image, in the sequence's folder."""
    return f"{frame}_webcam_{camera}.jpg"


def joints_name(frame: int) -> str:
    """The joints in the Leap's frame, in the sequence's folder."""
    return f"{frame}_joints.txt"


def camera_joints_name(frame: int, camera: int) -> str:
    """The joints in a camera's frame; generated, so not in every copy."""
    return f"{frame}_jointsCam_{camera}.txt"


def box_name(frame: int, camera: int) -> str:
    """The hand's box in a camera's image; generated, so not in every copy."""
    return f"{frame}_bbox_{camera}.txt"


def calibration_path(root: Path, sequence: int, camera: int, vector: Vector) -> Path:
    """The pickled rotation or translation from the Leap's frame to a camera's."""
    return root / "calibrations" / f"data_{sequence}" / f"webcam_{camera}" / f"{vector}.pkl"


def rows_text(rows: Mapping[str, Float[ndarray, " n"]]) -> str:
    """Named rows as the authors write them."""
    return "".join(f"{name} {' '.join(repr(float(value)) for value in values)}\n" for name, values in rows.items())

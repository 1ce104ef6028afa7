"""STB's layout on disk and its cameras (Zhang et al. 2016), stated once for the reader and the writer.

Twelve sequences of one left hand, each seen by a stereo Bumblebee2 (BB) and by an RGB-D camera (SK). The BB labels
are in the left BB camera's frame, the SK labels in the SK depth camera's. Label rows: palm, then little, ring,
middle, index, thumb, each from palm to tip; mm.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import cv2
import numpy as np
from jaxtyping import Float, Float32, Float64, UInt8
from numpy import ndarray

from handpose_core.datasets.wrist import WristRule, wrist_to_palm
from handpose_core.hand import to_raw_order

Split = Literal["train", "test"]
Rig = Literal["BB", "SK"]
Kind = Literal["BB_left", "BB_right", "SK_color", "SK_depth"]
SPLITS: tuple[Split, ...] = get_args(Split)
KINDS: tuple[Kind, ...] = get_args(Kind)

SEQUENCES: tuple[str, ...] = tuple(f"B{i}{motion}" for i in range(1, 7) for motion in ("Counting", "Random"))
"""A sample's ``sequence`` is a position in this."""
SPLIT_SEQUENCES: dict[Split, tuple[str, ...]] = {"train": SEQUENCES[2:], "test": SEQUENCES[:2]}
"""The authors' split: B1 is for testing."""
#: Sequences of the training split that are held out for validation by default.
VALIDATION_SEQUENCES: tuple[str, ...] = ("B6Random",)
FRAMES = 1500
"""Frames of a sequence in the authors' release."""
WIDTH, HEIGHT = 640, 480
BASELINE_MM = 120.054
LABEL_FIELD = "handPara"


def _intrinsics(fx: float, fy: float, cx: float, cy: float) -> Float64[ndarray, "3 3"]:
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])


_BB_K = _intrinsics(822.79041, 822.79041, 318.47345, 250.31296)
SK_DEPTH_K = _intrinsics(475.62768, 474.77709, 336.41179, 238.77962)
# The authors' rvec and t map the colour camera's frame to the depth camera's; ours go the other way.
_DEPTH_TO_COLOUR: Float64[ndarray, "3 3"] = cv2.Rodrigues(np.array([0.00531, -0.01196, 0.00301]))[0].T
_COLOUR_TO_DEPTH_T = np.array([-24.0381, -0.4563, -1.2326])


@dataclass(frozen=True)
class Camera:
    """One camera of STB.

    Attributes:
        rig: Whose labels describe it.
        kind: Whose images.
        K: Intrinsics, px.
        R: From the labels' frame to the camera's: ``R X + t``.
        t: mm.
    """

    rig: Rig
    kind: Kind
    K: Float64[ndarray, "3 3"]
    R: Float64[ndarray, "3 3"]
    t: Float64[ndarray, "3"]

    def from_labels(self, points: Float[ndarray, "*batch 3"]) -> Float64[ndarray, "*batch 3"]:
        """Points (mm) in the labels' frame as this camera sees them."""
        moved: Float64[ndarray, "*batch 3"] = points @ self.R.T + self.t
        return moved

    def to_labels(self, points: Float[ndarray, "*batch 3"]) -> Float64[ndarray, "*batch 3"]:
        """The inverse of `from_labels`."""
        moved: Float64[ndarray, "*batch 3"] = (points - self.t) @ self.R
        return moved


CAMERAS: dict[str, Camera] = {
    "sk": Camera(
        "SK",
        "SK_color",
        _intrinsics(607.92271, 607.88192, 314.78337, 236.42484),
        _DEPTH_TO_COLOUR,
        -_DEPTH_TO_COLOUR @ _COLOUR_TO_DEPTH_T,
    ),
    "bb_left": Camera("BB", "BB_left", _BB_K, np.eye(3), np.zeros(3)),
    "bb_right": Camera("BB", "BB_right", _BB_K, np.eye(3), np.array([-BASELINE_MM, 0, 0])),
}


def image_path(root: Path, sequence: str, kind: Kind, frame: int) -> Path:
    """``ROOT/images/SEQUENCE/KIND_%d.png``."""
    return root / "images" / sequence / f"{kind}_{frame}.png"


def label_path(root: Path, sequence: str, rig: Rig) -> Path:
    """``ROOT/labels/SEQUENCE_RIG.mat``."""
    return root / "labels" / f"{sequence}_{rig}.mat"


def raw_joints(
    joints_3d: Float[ndarray, "frames 21 3"], camera: Camera, wrist_rule: WristRule
) -> Float64[ndarray, "3 21 frames"]:
    """Canonical joints (mm, a camera's frame) as the authors' ``handPara``; the palm from the wrist by a rule."""
    rows = wrist_to_palm(camera.to_labels(joints_3d), wrist_rule)[:, to_raw_order("stb")]
    return np.ascontiguousarray(rows.transpose(2, 1, 0))


def encode_depth(depth: Float[ndarray, "h w"]) -> UInt8[ndarray, "h w 3"]:
    """Depth (mm) as the authors' RGB image: ``R + 256 G`` millimetres (not RHD's byte order), blue is 0."""
    steps = np.rint(np.clip(depth, 0, 65535)).astype(np.uint16)
    return np.stack([steps & 255, steps >> 8, np.zeros_like(steps)], axis=-1, dtype=np.uint8, casting="unsafe")


def decode_depth(rgb: UInt8[ndarray, "h w 3"]) -> Float32[ndarray, "h w"]:
    """Depth (mm) of the authors' RGB image; 0 where the camera measured nothing."""
    return (rgb[..., 0].astype(np.int32) + 256 * rgb[..., 1].astype(np.int32)).astype(np.float32)

"""Writes MHP's own layout, so that what reads the authors' files reads ours."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from handpose_core.datasets.mhp_layout import (
    BOX_ROWS,
    CAMERAS,
    CANONICAL_ROWS,
    PALM_NORMAL,
    ROW_NAMES,
    Vector,
    box_name,
    calibration_path,
    camera_joints_name,
    frames_folder,
    image_name,
    joints_name,
    rows_text,
)
from handpose_core.datasets.wrist import WristRule, wrist_to_palm
from handpose_core.hand import FINGER_JOINTS, WRIST
from handpose_core.io.atomic import write_text
from handpose_core.synth.layouts.images import write_image
from handpose_core.synth.layouts.pickles import write_pickle


@dataclass(frozen=True)
class MHPView:
    """One camera's part of a frame.

    Attributes:
        colour: RGB, with the lens's distortion.
        joints_3d: mm, camera frame, canonical, the wrist in place.
        box: Left, top, right, bottom of the hand, px of ``colour``.
    """

    colour: UInt8[ndarray, "480 640 3"]
    joints_3d: Float[ndarray, "21 3"]
    box: Float[ndarray, "4"]


def write_calibration(
    root: Path, sequence: int, camera: int, rvec: Float[ndarray, "3"], tvec: Float[ndarray, "3"]
) -> None:
    """Write where a camera stands in a sequence: the world's rotation vector and translation (mm) to it."""
    vectors: dict[Vector, Float[ndarray, 3]] = {"rvec": rvec, "tvec": tvec}
    for name, vector in vectors.items():
        write_pickle(calibration_path(root, sequence, camera, name), np.asarray(vector, np.float64).reshape(3, 1))


def write_frame(
    root: Path,
    sequence: int,
    frame: int,
    joints_3d: Float[ndarray, "21 3"],
    views: Mapping[int, MHPView],
    wrist_rule: WristRule,
) -> None:
    """Write one frame: images, then boxes and joints of each camera, then the joints that list it.

    Args:
        root: The folder that is to hold ``annotated_frames/`` and ``calibrations/``.
        sequence: The authors' number, 1 to 21.
        frame: Its number, from 0.
        joints_3d: mm, world, canonical, the wrist in place.
        views: By camera number.
        wrist_rule: By which the palm follows from the wrist.
    """
    folder = frames_folder(root, sequence)
    for camera, view in views.items():
        write_image(folder / image_name(frame, camera), view.colour)
        left, top, right, bottom = view.box
        box = dict(zip(BOX_ROWS, np.array([[top], [left], [bottom], [right]]), strict=True))
        write_text(folder / box_name(frame, camera), rows_text(box))
        write_text(folder / camera_joints_name(frame, camera), rows_text(_rows(view.joints_3d, wrist_rule)))
    normal = {PALM_NORMAL: _palm_normal(joints_3d)}
    write_text(folder / joints_name(frame), rows_text(_rows(joints_3d, wrist_rule) | normal))


def frame_is_written(root: Path, sequence: int, frame: int) -> bool:
    """Whether a frame and what all four cameras have of it is there."""
    named = (name(frame, camera) for camera in CAMERAS for name in (image_name, box_name, camera_joints_name))
    folder = frames_folder(root, sequence)
    return all((folder / name).is_file() for name in (joints_name(frame), *named))


def _rows(joints_3d: Float[ndarray, "21 3"], wrist_rule: WristRule) -> dict[str, Float[ndarray, "3"]]:
    by_name = dict(zip(CANONICAL_ROWS, wrist_to_palm(joints_3d, wrist_rule), strict=True))
    return {name: by_name[name] for name in ROW_NAMES}


def _palm_normal(joints_3d: Float[ndarray, "21 3"]) -> Float[ndarray, "3"]:
    """Unit vector across the palm, as a Leap gives it: out of the hand's inside."""
    to_index, to_little = (joints_3d[FINGER_JOINTS[f][0]] - joints_3d[WRIST] for f in ("index", "little"))
    normal: Float[ndarray, 3] = np.cross(to_index, to_little)
    return normal / max(float(np.linalg.norm(normal)), 1e-9)

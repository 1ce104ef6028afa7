"""Writes STB's own layout, so that what reads the authors' files reads ours."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import scipy.io
from jaxtyping import Float, UInt8
from numpy import ndarray

from handpose_core.datasets.stb_layout import (
    KINDS,
    LABEL_FIELD,
    Camera,
    Kind,
    encode_depth,
    image_path,
    label_path,
    raw_joints,
)
from handpose_core.datasets.wrist import WristRule
from handpose_core.io.atomic import write_bytes
from handpose_core.synth.layouts.images import write_image


def write_frame(
    root: Path,
    sequence: str,
    frame: int,
    colours: Mapping[Kind, UInt8[ndarray, "480 640 3"]],
    depth: Float[ndarray, "480 640"],
) -> None:
    """Write one frame's four images; each appears whole or not at all, so a killed run can go on.

    Args:
        root: The folder that is to hold ``images/`` and ``labels/``.
        sequence: One of `stb_layout.SEQUENCES`.
        frame: Its number, from 0.
        colours: RGB of ``BB_left``, ``BB_right`` and ``SK_color``.
        depth: mm, as the SK depth camera sees it; 0 = nothing measured.
    """
    for kind, image in (*colours.items(), ("SK_depth", encode_depth(depth))):
        write_image(image_path(root, sequence, kind, frame), image)


def frame_is_written(root: Path, sequence: str, frame: int) -> bool:
    """Whether all four images of a frame are there."""
    return all(image_path(root, sequence, kind, frame).is_file() for kind in KINDS)


def write_labels(
    root: Path, sequence: str, camera: Camera, joints_3d: Float[ndarray, "frames 21 3"], wrist_rule: WristRule
) -> Path:
    """Write the labels of a sequence for the camera's rig; write them last.

    Args:
        root: The folder that is to hold ``labels/``.
        sequence: One of `stb_layout.SEQUENCES`.
        camera: Whose frame the joints are in; its rig's file is written, in the authors' frame.
        joints_3d: mm, canonical, the wrist in place.
        wrist_rule: By which the palm follows from the wrist.

    Returns:
        The file's path.
    """
    path = label_path(root, sequence, camera.rig)
    buffer = BytesIO()
    scipy.io.savemat(buffer, {LABEL_FIELD: raw_joints(joints_3d, camera, wrist_rule)})
    write_bytes(path, buffer.getvalue())
    return path

"""Writes RHD's own layout, so that what reads the authors' files reads ours."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8
from numpy import ndarray

from handpose_core.datasets.rhd_layout import KINDS, Kind, Split, annotation_paths, encode_depth, image_path
from handpose_core.io.atomic import write_bytes
from handpose_core.synth.layouts.pickles import write_pickle


@dataclass(frozen=True)
class RHDFrame:
    """One frame as RHD stores it.

    Attributes:
        colour: RGB.
        depth: mm along the optical axis, of the whole scene; stored up to 5 m.
        classes: Mask classes (`handpose_core.datasets.rhd_layout`).
        uv_vis: Pixels and visibility, the authors' rows (`rhd_layout.raw_joints` makes them).
        xyz: Camera frame, metres, the authors' rows.
        K: Intrinsics, px.
    """

    colour: UInt8[ndarray, "320 320 3"]
    depth: Float[ndarray, "320 320"]
    classes: UInt8[ndarray, "320 320"]
    uv_vis: Float[ndarray, "42 3"]
    xyz: Float[ndarray, "42 3"]
    K: Float[ndarray, "3 3"]


def write_frame(root: Path, split: Split, number: int, frame: RHDFrame) -> None:
    """Write one frame's three images; each appears whole or not at all, so a killed run can go on."""
    images: dict[Kind, ndarray] = {
        "color": frame.colour[..., ::-1],
        "depth": encode_depth(frame.depth)[..., ::-1],
        "mask": frame.classes,
    }
    for kind, image in images.items():
        encoded = cv2.imencode(".png", np.ascontiguousarray(image))[1]
        write_bytes(image_path(root, split, kind, number), encoded.tobytes())


def frame_is_written(root: Path, split: Split, number: int) -> bool:
    """Whether all three images of a frame are there."""
    return all(image_path(root, split, kind, number).is_file() for kind in KINDS)


def annotation(frame: RHDFrame) -> dict[str, Float32[ndarray, "_ 3"]]:
    """One frame's annotation as the authors store it."""
    return {name: getattr(frame, name).astype(np.float32) for name in ("uv_vis", "xyz", "K")}


def write_annotations(root: Path, split: Split, annotations: Mapping[int, Mapping[str, Float[ndarray, "_ 3"]]]) -> Path:
    """Write the split's annotation pickle, a dict of frame number to `annotation`; write it last.

    Returns:
        The pickle's path.
    """
    path, _ = annotation_paths(root, split)
    content = {number: dict(annotations[number]) for number in sorted(annotations)}
    write_pickle(path, content)
    return path

"""Writes FreiHAND's own layout, so that what reads the authors' files reads ours."""

import json
from pathlib import Path

from jaxtyping import Float, UInt8
from numpy import ndarray

from handpose_core.datasets.freihand_layout import MM_PER_METRE, Field, Split, image_path, label_path
from handpose_core.io.atomic import write_text
from handpose_core.synth.layouts import images


def write_image(root: Path, split: Split, image: int, colour: UInt8[ndarray, "224 224 3"]) -> None:
    """Write one image (RGB); `freihand_layout.image_number` says which number a pose's version has."""
    images.write_image(image_path(root, split, image), colour)


def image_is_written(root: Path, split: Split, image: int) -> bool:
    """Whether an image is there."""
    return image_path(root, split, image).is_file()


def write_labels(
    root: Path,
    split: Split,
    K: Float[ndarray, "poses 3 3"],
    joints_3d: Float[ndarray, "poses 21 3"],
    vertices: Float[ndarray, "poses v 3"] | None = None,
) -> None:
    """Write the labels of a split's poses, in their order; write them last.

    Args:
        root: The folder that is to hold the JSON files.
        split: Which split.
        K: Intrinsics, px.
        joints_3d: mm, camera frame, canonical; stored in metres.
        vertices: mm, camera frame; stored in metres.
    """
    fields: dict[Field, Float[ndarray, "poses _ 3"]] = {"K": K, "xyz": joints_3d / MM_PER_METRE}
    if vertices is not None:
        fields["verts"] = vertices / MM_PER_METRE
    for name, values in fields.items():
        write_text(label_path(root, split, name), json.dumps(values.tolist()))

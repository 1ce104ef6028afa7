"""RHD's splits as the checks look at them: both hands' labels of every frame."""

from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from handpose_core.checks.part import DepthPicture, Files, Labels, Part, Pictures
from handpose_core.datasets.detect import misnamed
from handpose_core.datasets.images import read_labels, read_rgb, read_stored_rgb
from handpose_core.datasets.rhd_annotations import Annotations, read_annotations
from handpose_core.datasets.rhd_layout import (
    FRAME_COUNTS,
    KINDS,
    MM_PER_METRE,
    SPLITS,
    Split,
    annotation_paths,
    decode_depth,
    hand_mask,
    image_path,
    joint_rows,
)
from handpose_core.errors import HandposeError
from handpose_core.hand import Side
from handpose_core.io.image_files import visible_names


def rhd_parts(root: Path, at_most: int) -> list[Part]:
    """Every split whose annotations are there."""
    here = [split for split in SPLITS if any(path.is_file() for path in annotation_paths(root, split))]
    return [_part(root, split, -(-at_most // len(here))) for split in here]


def _part(root: Path, split: Split, at_most: int) -> Part:
    try:
        annotations = read_annotations(root, split)
    except HandposeError as error:
        return Part(split, _files(root, split, 0), None, None, np.empty(0, int), 0, error)
    hands = _hands(annotations)
    labels = _labels(annotations, hands)
    files = _files(root, split, len(annotations.frames))
    needed = [{path.name for path in kind.present} for kind in files if kind.kind != "depth"]
    whole = {frame for frame in annotations.frames if all(f"{frame:05d}.png" in names for names in needed)}
    numbers = [annotations.frames[position] for position in hands[:, 0]]
    pictured = np.flatnonzero(np.array([number in whole for number in numbers]) & labels.visible.any(-1))
    read = partial(_pictures, root, split, labels, numbers)
    return Part(split, files, labels, read, pictured, at_most)


def _files(root: Path, split: Split, listed: int) -> list[Files]:
    folders = {kind: image_path(root, split, kind, 0).parent for kind in KINDS}
    return [
        Files(kind, _pngs(folder), listed, FRAME_COUNTS[split], left_out=misnamed(root, f"{split}/{kind}/*.png"))
        for kind, folder in folders.items()
    ]


def _pngs(folder: Path) -> list[Path]:
    return sorted(folder / name for name in visible_names(folder) if name.endswith(".png"))


def _hands(annotations: Annotations) -> Int[ndarray, "n 2"]:
    """Position of the frame, and side, of every hand with joints; synthetic frames can have one hand only."""
    pairs = [
        np.stack([np.flatnonzero(annotations.xyz[:, joint_rows(side)].any((-1, -2)))] * 2, axis=1) * [1, 0]
        + [0, int(side)]
        for side in Side
    ]
    both = np.concatenate(pairs)
    return both[np.lexsort((both[:, 1], both[:, 0]))]


def _labels(annotations: Annotations, hands: Int[ndarray, "n 2"]) -> Labels:
    rows = np.stack([joint_rows(Side(number)) for number in hands[:, 1]])
    uv_vis = annotations.uv_vis[hands[:, 0, None], rows]
    return Labels(
        names=[f"frame {annotations.frames[i]}, {Side(number).name.lower()} hand" for i, number in hands.tolist()],
        joints_2d=uv_vis[..., :2],
        joints_3d=annotations.xyz[hands[:, 0, None], rows] * MM_PER_METRE,
        K=annotations.K[hands[:, 0]],
        visible=uv_vis[..., 2] > 0.5,
        side=hands[:, 1],
        sequence=None,
        unit="m",
        order="rhd",
        root="wrist",
        source=str(annotations.path),
    )


def _pictures(root: Path, split: Split, labels: Labels, frames: list[int], row: int) -> Pictures:
    assert labels.joints_2d is not None
    assert labels.joints_3d is not None
    side, pixels = Side(int(labels.side[row])), labels.joints_2d[row]
    classes = read_labels(image_path(root, split, "mask", frames[row]))
    depth = image_path(root, split, "depth", frames[row])
    return Pictures(
        row=row,
        image=read_rgb(image_path(root, split, "color", frames[row])),
        joints_2d=pixels,
        visible=labels.visible[row],
        mask=hand_mask(classes, side),
        other_mask=hand_mask(classes, Side(1 - side)),
        depth=DepthPicture(read_stored_rgb(depth), decode_depth, pixels, labels.joints_3d[row, :, 2])
        if depth.is_file()
        else None,
    )

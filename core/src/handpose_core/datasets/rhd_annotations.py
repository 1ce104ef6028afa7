"""RHD's annotations, from the authors' pickle or its ``.mat`` twin, as whole-split arrays."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from handpose_core.datasets.mat_files import load_mat
from handpose_core.datasets.rhd_layout import SPLITS, Split, annotation_paths
from handpose_core.datasets.untrusted import load_pickle
from handpose_core.errors import HandposeError
from handpose_core.hand import JOINT_NAMES, N_JOINTS, Side, to_raw_order
from handpose_core.io.image_files import shown_name, visible_names

FIELDS = {"uv_vis": (2 * N_JOINTS, 3), "xyz": (2 * N_JOINTS, 3), "K": (3, 3)}
"""The fields of one frame's annotation and their shapes."""


@dataclass(frozen=True)
class Annotations:
    """The annotations of one split, frames in ascending order.

    Attributes:
        path: The file they come from.
        frames: The authors' frame numbers.
        uv_vis: Pixels and visibility, the authors' row order.
        xyz: Camera frame, metres, the authors' row order.
        K: Intrinsics, px.
    """

    path: Path
    frames: tuple[int, ...]
    uv_vis: Float32[ndarray, "frames 42 3"]
    xyz: Float32[ndarray, "frames 42 3"]
    K: Float32[ndarray, "frames 3 3"]


def read_annotations(root: Path, split: Split) -> Annotations:
    """Read a split's annotations, from the pickle where there is one, else from the ``.mat`` file.

    Raises:
        HandposeError: no annotation file where the layout puts it, an untrusted or damaged file, a field of
            the wrong shape, or a value that is not finite.
    """
    pickled, mat = annotation_paths(root, split)
    if pickled.is_file():
        path, entries = pickled, load_pickle(pickled)
    elif mat.is_file():
        path, entries = mat, _read_mat(mat)
    else:
        raise _no_annotations(root, split)
    if not isinstance(entries, Mapping) or not entries or not all(isinstance(key, int) for key in entries):
        raise HandposeError(
            str(path),
            f"{type(entries).__name__} without frames",
            "a dict of frame number to annotation",
            "Get it again.",
        )
    frames = tuple(sorted(entries))
    fields = {name: _stack(path, entries, frames, name) for name in FIELDS}
    return Annotations(path, frames, **fields)


def _no_annotations(root: Path, split: Split) -> HandposeError:
    if not root.is_dir():
        found = "no such folder"
    elif present := [name for name in SPLITS if (root / name).is_dir()]:
        found = f"no anno_{split}.pickle or .mat in {split}/ (splits there: {', '.join(present)})"
    else:
        names = sorted(map(shown_name, visible_names(root)))
        found = f"a folder with {', '.join(names[:5]) or 'nothing'}{' ...' if len(names) > 5 else ''}"
    return HandposeError(
        str(root),
        found,
        f"RHD's layout: {split}/anno_{split}.pickle (or .mat) and {split}/{{color,mask,depth}}/00000.png",
        "Point root at the folder that holds training/ and evaluation/ (RHD_published_v2).",
    )


def _read_mat(path: Path) -> dict[int, Any]:
    content = load_mat(path, "the authors' .mat annotations", simplify=True)
    matches = ((re.fullmatch(r"frame(\d+)", name), value) for name, value in content.items())
    return {int(match[1]): value for match, value in matches if match}


def _stack(
    path: Path, entries: Mapping[int, Any], frames: tuple[int, ...], name: str
) -> Float32[ndarray, "frames _ 3"]:
    shape = FIELDS[name]
    stacked = np.empty((len(frames), *shape), np.float32)
    for position, frame in enumerate(frames):
        entry = entries[frame]
        value = entry.get(name) if isinstance(entry, Mapping) else None
        if not isinstance(value, ndarray) or value.shape != shape or value.dtype.kind not in "iuf":
            found = f"shape {value.shape}, {value.dtype}" if isinstance(value, ndarray) else type(value).__name__
            raise HandposeError(
                f"{path}, frame {frame}, {name}", found, f"a numeric array of shape {shape}", "Get the file again."
            )
        stacked[position] = value
    bad = np.argwhere(~np.isfinite(stacked))
    if len(bad):
        position, row, column = (int(i) for i in bad[0])
        raise HandposeError(
            f"{path}, frame {frames[position]}, {name}{'' if name == 'K' else f', joint {_row_name(row)}'}",
            f"{stacked[position, row, column]} ({len(np.unique(bad[:, 0]))} frame(s) in all)",
            "finite numbers",
            "Correct the annotation or take these frames out of the file.",
        )
    return stacked


def _row_name(row: int) -> str:
    side, joint = divmod(row, N_JOINTS)
    return f"{Side(side).name.lower()} {JOINT_NAMES[to_raw_order('rhd')[joint]]} (row {row})"

"""Writing multi-view data: webdataset shards of view groups; see `handpose_core.datasets.mvhm_layout`."""

import io
import json
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, Float, Shaped, UInt8
from numpy import ndarray

from handpose_core.datasets.mvhm_layout import encode_vertices, index_path, index_type, label_type, member_names
from handpose_core.hand import Side
from handpose_core.io.atomic import write_bytes

_QUALITY = 95
_DEPTH_OPTIONS = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_FILTERED]
_MASK_OPTIONS = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_BILEVEL, 1]


@dataclass(frozen=True)
class MVHMView:
    """One picture of a posed hand.

    Attributes:
        colour: RGB.
        depth: mm, 0 where there is neither hand nor arm.
        mask: the hand.
        K: px.
        R: world to camera.
        t: mm.
        visible: joints that can be seen.
    """

    colour: UInt8[ndarray, "h w 3"]
    depth: Float[ndarray, "h w"]
    mask: Bool[ndarray, "h w"]
    K: Float[ndarray, "3 3"]
    R: Float[ndarray, "3 3"]
    t: Float[ndarray, "3"]
    visible: Bool[ndarray, "21"]


@dataclass(frozen=True)
class ViewGroup:
    """One posed hand and its pictures; 3D in mm, in the world's frame, around its origin.

    Attributes:
        pose: which of the source's poses it is.
        source: where that comes from.
        side: which hand.
        joints: canonical.
        vertices: of the rig.
        rotations: orientation of each bone's frame.
        shape: components of the rig.
        views: all of one size.
    """

    pose: int
    source: str
    side: Side
    joints: Float[ndarray, "21 3"]
    vertices: Float[ndarray, "v 3"]
    rotations: Float[ndarray, "16 3 3"]
    shape: Float[ndarray, "s"]
    views: Sequence[MVHMView]


def write_shard(path: Path, keys: Sequence[int], groups: Sequence[ViewGroup]) -> None:
    """Write a shard and its index, each whole or not at all, the shard last: where it is, the index is too.

    The same groups give the same bytes.

    Args:
        path: of the shard.
        keys: a number for each group.
        groups: at least one, all with equally many views and vertices.
    """
    names = member_names(len(groups[0].views))
    index = np.zeros(len(groups), index_type(len(groups[0].views)))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for row, (key, group) in enumerate(zip(keys, groups, strict=True)):
            index[row]["pose"] = group.pose
            for member, (name, content) in enumerate(zip(names, _members(group), strict=True)):
                header = tarfile.TarInfo(f"{key:08d}.{name}")  # no time, no owner: the same bytes again
                header.size = len(content)
                tar.addfile(header, io.BytesIO(content))
                index[row]["size"][member] = len(content)
                index[row]["offset"][member] = buffer.tell() - -(-len(content) // 512) * 512
    write_bytes(index_path(path), npy_bytes(index))
    write_bytes(path, buffer.getvalue())


def remove_unfinished(folder: Path) -> None:
    """Remove the temporary files that writers killed half-way left in a folder."""
    for path in folder.glob(".*.tmp"):
        path.unlink(missing_ok=True)


def _members(group: ViewGroup) -> list[bytes]:
    """The contents of a group's members, in the order of their names."""
    about = {"pose": group.pose, "source": group.source, "side": group.side.name.lower(), "views": len(group.views)}
    members = [npy_bytes(_labels(group)), json.dumps(about).encode()]
    for view in group.views:
        depth = np.round(view.depth).astype(np.uint16)
        members.append(_picture(".jpg", view.colour[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]))
        members.append(_picture(".png", depth, _DEPTH_OPTIONS))
        members.append(_picture(".png", view.mask.astype(np.uint8) * 255, _MASK_OPTIONS))
    return members


def _labels(group: ViewGroup) -> ndarray:
    record = np.zeros((), label_type(len(group.views), len(group.vertices), len(group.shape)))
    record["pose"], record["side"] = group.pose, int(group.side)
    record["joints"], record["rotations"], record["shape"] = group.joints, group.rotations, group.shape
    record["vertices"] = encode_vertices(group.vertices)
    for name in ("K", "R", "t", "visible"):
        record[name] = np.stack([getattr(view, name) for view in group.views])
    return record


def npy_bytes(array: Shaped[ndarray, "..."]) -> bytes:
    """The content of a ``.npy`` file."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _picture(suffix: str, pixels: Shaped[ndarray, "h w *c"], options: Sequence[int]) -> bytes:
    encoded: ndarray = cv2.imencode(suffix, np.ascontiguousarray(pixels), options)[1]
    return encoded.tobytes()

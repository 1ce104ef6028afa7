"""How generated multi-view data (MVHM, ``handpose mvhm generate``) lie on disk.

``ROOT/SPLIT/00000.tar`` are webdataset shards: a sample is a view group, all pictures of one posed hand, so that views
stay together. Its members are ``KEY.labels.npy``, ``KEY.json`` for readers of other languages, and of each view v
``KEY.v.jpg``, ``KEY.v.depth.png`` (16 bits, mm, hand and arm, 0 elsewhere) and ``KEY.v.mask.png`` (the hand). Beside
each shard ``00000.index.npy`` says where its members begin, so that any picture is reached at once.

Colour is JPEG of quality 95, 28 kB at 256 x 256: 0.25 ms of one core to encode, 0.5 ms to decode. WebP of quality 90
takes 16 kB, but 6.6 ms to encode, a fifth of the time to make a picture, and 1.0 ms to decode in every epoch.

Vertices are stored once a group, in the world's frame, in 16-bit steps of 0.01 mm: half of float32's size, and
ten times finer than float16 there.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Float, Int16
from numpy import ndarray

from handpose_core.errors import HandposeError
from handpose_core.hand import N_JOINTS

MANIFEST = "mvhm.json"
FACES = "faces.npy"
"""Corners of the right hand's faces, counter-clockwise seen from outside; a left hand's are in reverse."""
Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
VERTEX_STEP = 0.01
"""mm; 16 bits reach 327 mm from the world's origin, which is the middle of the hand's joints."""
OF_GROUP = ("labels.npy", "json")
OF_VIEW = ("jpg", "depth.png", "mask.png")
_TAR_BLOCK, _TAR_RECORD = 512, 10240


@dataclass(frozen=True)
class Manifest:
    """What a generated dataset's manifest says to its readers.

    Attributes:
        views: Pictures of each group.
        frames: Groups of each motion, which follow one another; 1 where all are single moments.
        shard: Groups in a shard.
        groups: Groups in each finished split.
        wanted: Groups that each split shall have.
        checksums: Of each finished split's list of files.
        everything: The whole of it.
    """

    views: int
    frames: int
    shard: int
    groups: Mapping[str, int]
    wanted: Mapping[str, int]
    checksums: Mapping[str, str]
    everything: Mapping[str, Any]


def read_manifest(root: Path) -> Manifest:
    """The manifest of a folder of generated multi-view data.

    Raises:
        HandposeError: there is none, or it is damaged.
    """
    path = root / MANIFEST
    try:
        found = json.loads(path.read_text("utf-8"))
        recipe = found["recipe"]
        return Manifest(
            int(recipe["views"]), int(recipe.get("frames", 1)), int(recipe["shard"]), dict(found["groups"]),
            dict(found["wanted"]), dict(found["checksums"]), found,
        )  # fmt: skip
    except OSError as error:
        raise HandposeError(
            str(path), f"no readable file ({error.strerror})", "the manifest of generated multi-view data",
            "Point root at the folder that `handpose mvhm generate` made.",
        ) from error  # fmt: skip
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise HandposeError(
            str(path), f"a file that is no manifest ({type(error).__name__}: {error})",
            "the manifest as it was written", "Generate the data anew into another folder.",
        ) from error  # fmt: skip


def shard_path(root: Path, split: str, number: int) -> Path:
    """``ROOT/SPLIT/00000.tar``."""
    return root / split / f"{number:05d}.tar"


def index_path(shard: Path) -> Path:
    """``00000.index.npy`` beside the shard."""
    return shard.with_suffix(".index.npy")


def member_names(views: int) -> tuple[str, ...]:
    """What follows the key in the names of a group's members, in their order."""
    return (*OF_GROUP, *(f"{view}.{kind}" for view in range(views) for kind in OF_VIEW))


def label_type(views: int, vertices: int, shapes: int) -> np.dtype[np.void]:
    """The record in ``labels.npy``: 3D in the world's frame, mm, ``X_camera = R X + t``."""
    return np.dtype(
        [
            ("pose", "<i8"),
            ("side", "<i1"),
            ("joints", "<f4", (N_JOINTS, 3)),
            ("vertices", "<i2", (vertices, 3)),
            ("rotations", "<f4", (16, 3, 3)),
            ("shape", "<f4", (shapes,)),
            ("K", "<f4", (views, 3, 3)),
            ("R", "<f4", (views, 3, 3)),
            ("t", "<f4", (views, 3)),
            ("visible", "?", (views, N_JOINTS)),
        ]
    )


def index_type(views: int) -> np.dtype[np.void]:
    """A row of the index: which pose a group shows, and offset and size (bytes) of its members."""
    members = len(member_names(views))
    return np.dtype([("pose", "<i8"), ("offset", "<i8", (members,)), ("size", "<i8", (members,))])


def tar_size(index: ndarray) -> int:
    """Bytes of the whole shard, by its index."""
    last = index[-1]
    end = -(-int(last["offset"][-1] + last["size"][-1]) // _TAR_BLOCK) * _TAR_BLOCK
    return -(-(end + 2 * _TAR_BLOCK) // _TAR_RECORD) * _TAR_RECORD


def encode_vertices(vertices: Float[ndarray, "n 3"]) -> Int16[ndarray, "n 3"]:
    """Vertices (mm, world) in steps of `VERTEX_STEP`."""
    return np.round(vertices / VERTEX_STEP).astype(np.int16)


def decode_vertices(stored: Int16[ndarray, "n 3"]) -> Float[ndarray, "n 3"]:
    """The inverse of `encode_vertices`."""
    return stored.astype(np.float32) * np.float32(VERTEX_STEP)

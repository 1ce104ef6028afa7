"""What a rigged hand is, as arrays, and its file."""

from dataclasses import dataclass, fields
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from handpose_core.errors import HandposeError
from handpose_core.io.atomic import write_bytes

N_ARTICULATED = 16
"""The wrist, then MCP, PIP, DIP of each finger (thumb: CMC, MCP, IP): the joints that carry a bone."""

ARTICULATED: tuple[int, ...] = (0, *(1 + 4 * finger + part for finger in range(5) for part in range(3)))
"""Canonical joint index of each articulated joint."""


@dataclass(frozen=True)
class RigData:
    """A right hand at rest: mm, wrist at the origin, x to the thumb's side, y to the fingers, z out of the palm.

    Attributes:
        vertices: mean surface, closed.
        faces: corners, counter-clockwise seen from outside.
        joints: the 21 canonical joints.
        weights: how much each articulated joint moves each vertex; rows sum to 1.
        hinges: unit flexion axis of each finger; turning about it by a positive angle curls into the palm.
        shape_vertices: principal components of shape; one unit is one standard deviation in mm.
        shape_joints: the same components at the joints.
        wrist_loop: the vertices around the wrist's opening before it was capped, in order (a forearm grows from them).
        nails: the vertices under a nail.
        licence: notice of where the data comes from.
    """

    vertices: Float[ndarray, "v 3"]
    faces: Int[ndarray, "f 3"]
    joints: Float[ndarray, "21 3"]
    weights: Float[ndarray, "v 16"]
    hinges: Float[ndarray, "5 3"]
    shape_vertices: Float[ndarray, "s v 3"]
    shape_joints: Float[ndarray, "s 21 3"]
    wrist_loop: Int[ndarray, "w"]
    nails: Bool[ndarray, "v"]
    licence: str


_STORED_AS = {
    "vertices": np.float32,
    "faces": np.int16,
    "joints": np.float32,
    "weights": np.float16,
    "hinges": np.float32,
    "shape_vertices": np.float16,
    "shape_joints": np.float32,
    "wrist_loop": np.int16,
    "nails": np.bool_,
    "licence": np.str_,
}


def save_rig(rig: RigData, path: Path) -> None:
    """Write a rig as a compressed .npz of a few hundred kB, atomically."""
    arrays: dict[str, Any] = {name: np.asarray(getattr(rig, name), kind) for name, kind in _STORED_AS.items()}
    buffer = BytesIO()
    np.savez_compressed(buffer, **arrays)
    write_bytes(path, buffer.getvalue())


def read_npz(path: Path) -> RigData:
    """Read a rig that `save_rig` wrote.

    Raises:
        HandposeError: a field is missing.
    """
    with np.load(path, allow_pickle=False) as stored:
        missing = [field.name for field in fields(RigData) if field.name not in stored]
        if missing:
            raise HandposeError(
                f"{path}", f"no {', '.join(missing)}", "a rig written by save_rig", "Bake the rig again."
            )
        arrays = {name: stored[name] for name in _STORED_AS}
    weights = arrays["weights"].astype(np.float32)
    return RigData(
        vertices=arrays["vertices"],
        faces=arrays["faces"].astype(np.int64),
        joints=arrays["joints"],
        weights=weights / weights.sum(1, keepdims=True),
        hinges=arrays["hinges"],
        shape_vertices=arrays["shape_vertices"].astype(np.float32),
        shape_joints=arrays["shape_joints"],
        wrist_loop=arrays["wrist_loop"].astype(np.int64),
        nails=arrays["nails"],
        licence=str(arrays["licence"]),
    )

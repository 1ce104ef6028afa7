"""What ``handpose predict`` writes: ``hands.json``, ``hands.npz``, meshes, and the hands drawn on the pictures."""

import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from handpose_core.hand import JOINT_NAMES, N_JOINTS, Side
from handpose_core.io import atomic
from handpose_core.predict.hands import CONVENTIONS, Hand
from handpose_core.predict.info import ModelInfo
from handpose_core.predict.pictures import reduced
from handpose_core.viz.mesh_overlay import draw_mesh
from handpose_core.viz.overlay import draw_hand, enlarge

LONGEST_OVERLAY = 2048
"""Larger pictures are drawn smaller than they are, px."""
_NO_SIDE = -1


@dataclass(frozen=True)
class Found:
    """The hands of one picture, or of one frame.

    Args:
        name: the picture's file name, or the frame's number.
        width: px.
        height: px.
        hands: none, one or several.
    """

    name: str
    width: int
    height: int
    hands: tuple[Hand, ...]


@dataclass(frozen=True)
class Canvas:
    """A picture to draw on, no larger than overlays are.

    Args:
        pixels: RGB.
        scale: its size over the original's.
    """

    pixels: UInt8[ndarray, "h w 3"]
    scale: float

    def drawn(self, hands: Sequence[Hand]) -> UInt8[ndarray, "h w 3"]:
        """The picture with hands on it."""
        pixels = self.pixels
        for hand in hands:
            if hand.mesh is not None:
                seen = (hand.mesh.vertices_2d + 0.5) * self.scale - 0.5
                pixels = draw_mesh(pixels, seen, hand.mesh.vertices, hand.mesh.faces)
            pixels = draw_hand(pixels, (hand.joints_2d + 0.5) * self.scale - 0.5)
        return pixels


def canvas_of(pixels: UInt8[ndarray, "h w 3"]) -> Canvas:
    """A picture to draw on: small ones are enlarged, as all overlays are, large ones reduced."""
    smaller, down = reduced(pixels, LONGEST_OVERLAY)
    shown, up = enlarge(smaller) if down == 1.0 and min(smaller.shape[:2]) > 1 else (smaller, 1.0)
    shown, again = reduced(shown, LONGEST_OVERLAY)  # a narrow strip, enlarged by its shorter side
    return Canvas(shown, down * up * again)


def write_overlay(path: Path, pixels: UInt8[ndarray, "h w 3"]) -> None:
    """Write a drawn picture, as a JPEG or PNG by its suffix."""
    encoded = cv2.imencode(path.suffix, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))[1]
    atomic.write_bytes(path, encoded.tobytes())


def write_meshes(folder: Path, name: str, hands: Sequence[Hand]) -> None:
    """Write each hand's mesh, if it has one, as ``NAME-0.glb``, ``NAME-1.glb``, ...: metres, y up, about the wrist."""
    for number, hand in enumerate(hands):
        if hand.mesh is not None:
            import trimesh  # here, because only meshes need it

            from handpose_core.viz.mesh import write_glb

            write_glb(
                folder / f"{name}-{number}.glb", trimesh.Trimesh(hand.mesh.vertices, hand.mesh.faces, process=False)
            )


def write_hands(
    folder: Path, source: str, info: ModelInfo, found: Sequence[Found], notes: Sequence[str], **more: Any
) -> None:
    """Write ``hands.json`` and ``hands.npz``.

    Args:
        folder: where.
        source: what was read.
        info: of the model.
        found: picture by picture.
        notes: what a reader of the numbers should know.
        **more: further entries of the JSON file.
    """
    content = {
        "source": source,
        "model": asdict(info),
        "joint_names": JOINT_NAMES,
        "conventions": CONVENTIONS,
        "notes": list(notes),
        **more,
        "pictures": [
            {
                "name": picture.name,
                "width": picture.width,
                "height": picture.height,
                "hands": [hand.as_dict() for hand in picture.hands],
            }
            for picture in found
        ],
    }
    atomic.write_text(folder / "hands.json", json.dumps(content, indent=1, allow_nan=False))
    stream = io.BytesIO()
    arrays: dict[str, Any] = _arrays(found)
    np.savez(stream, **arrays)
    atomic.write_bytes(folder / "hands.npz", stream.getvalue())


def _arrays(found: Sequence[Found]) -> dict[str, ndarray]:
    """One row a hand; ``picture`` is its picture's row in ``names``. Without a known place ``wrist`` is nan."""
    rows = [(place, hand) for place, picture in enumerate(found) for hand in picture.hands]
    hands = [hand for _, hand in rows]
    nowhere = np.full(3, np.nan)
    return {
        "names": np.array([picture.name for picture in found], dtype=str),
        "picture": np.array([place for place, _ in rows], np.int64),
        "joints_2d": _stacked([hand.joints_2d for hand in hands], (N_JOINTS, 2)),
        "joints_3d": _stacked([hand.joints_3d for hand in hands], (N_JOINTS, 3)),
        "wrist": _stacked([nowhere if hand.wrist is None else hand.wrist for hand in hands], (3,)),
        "confidence": _stacked([hand.confidence for hand in hands], (N_JOINTS,)),
        "side": np.array([_NO_SIDE if hand.side is None else int(hand.side) for hand in hands], np.int64),
        "joint_names": np.array(JOINT_NAMES),
        **_mesh_arrays(hands),
    }


def _mesh_arrays(hands: Sequence[Hand]) -> dict[str, ndarray]:
    """Vertices of all hands, and the faces of right and of left ones; nothing of models without meshes."""
    meshes = [(hand.side, hand.mesh) for hand in hands if hand.mesh is not None]
    if not meshes or len(meshes) < len(hands):
        return {}
    side, first = meshes[0]
    right = first.faces if side == Side.RIGHT else first.faces[:, ::-1]
    vertices = np.stack([mesh.vertices for _, mesh in meshes])
    return {"vertices": vertices, "faces_right": right.copy(), "faces_left": right[:, ::-1].copy()}


def _stacked(values: Sequence[Float[ndarray, "..."]], shape: tuple[int, ...]) -> Float[ndarray, "..."]:
    return np.array(values, np.float64).reshape(len(values), *shape)

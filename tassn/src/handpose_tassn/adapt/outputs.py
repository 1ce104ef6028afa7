"""What an adaptation writes: poses, meshes, an overlay video; each file appears whole or not at all."""

import io
import json
import os
from pathlib import Path

import cv2
import numpy as np
import torch
import trimesh
from jaxtyping import Float, Int, UInt8
from numpy import ndarray

from handpose_core.datamodules.cropped import SampleSource
from handpose_core.datamodules.crops import byte_pixels
from handpose_core.errors import HandposeError
from handpose_core.hand import JOINT_NAMES
from handpose_core.io import atomic
from handpose_core.render import EdgeSilhouette
from handpose_core.viz import draw_hand
from handpose_core.viz.mesh import write_glb
from handpose_tassn.adapt.estimates import VideoEstimate

_TINT = np.array([110, 170, 255], np.float32)
_OPAQUE = 0.45


def write_poses(folder: Path, estimate: VideoEstimate) -> None:
    """``poses.npz`` and ``poses.json``: 2D joints (px), 3D joints (mm), relative depths and scores of each frame."""
    arrays = {name: getattr(estimate, name) for name in ("joints_2d", "joints_3d", "z_rel", "scores")}
    _write_npz(folder / "poses.npz", **arrays)
    frames = [
        {name: np.round(rows[i], 3).tolist() for name, rows in arrays.items()} for i in range(len(estimate.z_rel))
    ]
    record = {"joints": JOINT_NAMES, "units": {"joints_2d": "px", "joints_3d": "mm, camera frame"}, "frames": frames}
    atomic.write_text(folder / "poses.json", json.dumps(record) + "\n")


def write_meshes(folder: Path, estimate: VideoEstimate, faces: Int[ndarray, "f 3"], every: int) -> None:
    """``meshes.npz`` with all vertices (mm) and the faces, and ``meshes/00000.glb`` of every so many frames."""
    _write_npz(folder / "meshes.npz", vertices=estimate.vertices.astype(np.float32), faces=faces)
    for frame in range(0, len(estimate.vertices), every) if every else ():
        mesh = trimesh.Trimesh(estimate.vertices[frame], faces, process=False)
        write_glb(folder / "meshes" / f"{frame:05d}.glb", mesh)


def write_overlay(
    path: Path, frames: SampleSource, estimate: VideoEstimate, faces: Int[ndarray, "f 3"], rate: float
) -> None:
    """A video of the frames with the mesh's silhouette and the skeleton on them.

    Raises:
        HandposeError: OpenCV cannot write it.
    """
    height, width = frames[0]["image"].shape[-2:]
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    writer = cv2.VideoWriter(str(temporary), cv2.VideoWriter.fourcc(*"mp4v"), rate, (width, height))
    if not writer.isOpened():
        raise HandposeError(
            str(path), "no video that OpenCV can write", "an .mp4", "python -m pip install opencv-python-headless"
        )
    silhouette = EdgeSilhouette()
    for number in range(len(frames)):
        drawn = _draw(byte_pixels(frames[number]["image"]), number, estimate, faces, silhouette)
        writer.write(np.ascontiguousarray(drawn[..., ::-1]))
    writer.release()
    temporary.replace(path)


def _draw(
    image: UInt8[ndarray, "h w 3"],
    number: int,
    estimate: VideoEstimate,
    faces: Int[ndarray, "f 3"],
    silhouette: EdgeSilhouette,
) -> UInt8[ndarray, "h w 3"]:
    mesh: Float[ndarray, "v 3"] = np.column_stack([estimate.vertices_2d[number], estimate.vertices[number, :, 2]])
    coverage = silhouette.draw(torch.from_numpy(mesh)[None].float(), torch.from_numpy(faces), image.shape[:2])
    share = _OPAQUE * coverage[0, 0].numpy()[..., None]
    tinted = (image * (1 - share) + _TINT * share).round().astype(np.uint8)
    return draw_hand(tinted, estimate.joints_2d[number])


def _write_npz(path: Path, **arrays: ndarray) -> None:
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)  # type: ignore[arg-type]
    atomic.write_bytes(path, content.getvalue())

"""Outputs of an adaptation: poses, meshes, an overlay video; each file appears whole or not at all."""

import json

import numpy as np
import torch
import trimesh
from jaxtyping import Float, Int, UInt8
from numpy import ndarray

from handpose_core.datamodules.cropped import SampleSource
from handpose_core.datamodules.crops import byte_pixels
from handpose_core.hand import JOINT_NAMES
from handpose_core.io.outputs import OutputFolder
from handpose_core.io.video import write_video
from handpose_core.render import EdgeSilhouette
from handpose_core.viz import draw_hand
from handpose_core.viz.mesh import write_glb
from handpose_tassn.adapt.estimates import VideoEstimate

_TINT = np.array([110, 170, 255], np.float32)
_OPAQUE = 0.45


def output_names(frames: int, every: int) -> list[str]:
    """List the files that an adaptation writes, relative to its folder of outputs.

    Args:
        frames: of the video.
        every: of so many frames a .glb is written; 0 for none.
    """
    files = ["poses.npz", "poses.json", "meshes.npz", "adapted.ckpt", "report.json"]
    return [*files, "overlay_before.mp4", "overlay.mp4", *map(_mesh_name, range(0, frames, every) if every else ())]


def write_poses(out: OutputFolder, estimate: VideoEstimate) -> None:
    """Write ``poses.npz`` and ``poses.json``: joints in 2D (px) and 3D (mm), relative depths and scores by frame."""
    arrays = {name: getattr(estimate, name) for name in ("joints_2d", "joints_3d", "z_rel", "scores")}
    _write_npz(out, "poses.npz", **arrays)
    frames = [
        {name: np.round(rows[i], 3).tolist() for name, rows in arrays.items()} for i in range(len(estimate.z_rel))
    ]
    record = {"joints": JOINT_NAMES, "units": {"joints_2d": "px", "joints_3d": "mm, camera frame"}, "frames": frames}
    with out.new("poses.json") as path:
        path.write_bytes(f"{json.dumps(record)}\n".encode())


def write_meshes(out: OutputFolder, estimate: VideoEstimate, faces: Int[ndarray, "f 3"], every: int) -> None:
    """Write ``meshes.npz`` with all vertices (mm) and the faces, and ``meshes/00000.glb`` of every so many frames."""
    _write_npz(out, "meshes.npz", vertices=estimate.vertices.astype(np.float32), faces=faces)
    for frame in range(0, len(estimate.vertices), every) if every else ():
        mesh = trimesh.Trimesh(estimate.vertices[frame], faces, process=False)
        with out.new(_mesh_name(frame)) as path:
            write_glb(path, mesh)


def write_overlay(
    out: OutputFolder,
    name: str,
    frames: SampleSource,
    estimate: VideoEstimate,
    faces: Int[ndarray, "f 3"],
    rate: float,
) -> None:
    """Write a video of the frames with the mesh's silhouette and the skeleton on them.

    Args:
        out: the folder of outputs.
        name: of the .mp4.
        frames: the video's, with ``image``.
        estimate: one for each frame.
        faces: of the mesh.
        rate: frames a second.

    Raises:
        HandposeError: OpenCV cannot write it, or what was written cannot be read again.
    """
    silhouette = EdgeSilhouette()
    with out.new(name, ".mp4") as path, write_video(path, rate, out.folder / name) as writer:
        for number in range(len(frames)):
            drawn = _draw(byte_pixels(frames[number]["image"]), number, estimate, faces, silhouette)
            writer.write(drawn, number / rate)


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


def _mesh_name(frame: int) -> str:
    return f"meshes/{frame:05d}.glb"


def _write_npz(out: OutputFolder, name: str, **arrays: ndarray) -> None:
    with out.new(name) as path, path.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]

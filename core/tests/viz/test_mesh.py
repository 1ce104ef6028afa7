"""Meshes as files, read again by another library's reader."""

import json
import struct

import numpy as np
import trimesh

from handpose_core.viz.mesh import write_glb


def test_a_written_mesh_has_smooth_normals_that_point_outwards_and_metres_with_y_up(tmp_path):
    ball = trimesh.creation.icosphere(subdivisions=2, radius=40.0)
    ball.apply_translation([100.0, -30.0, 500.0])
    write_glb(tmp_path / "ball.glb", ball)
    data = (tmp_path / "ball.glb").read_bytes()
    (length,) = struct.unpack_from("<I", data, 12)
    gltf = json.loads(data[20 : 20 + length])
    attributes = gltf["meshes"][0]["primitives"][0]["attributes"]
    points, normals = (_read(data[28 + length :], gltf, attributes[name]) for name in ("POSITION", "NORMAL"))
    centre = np.array([0.1, 0.03, -0.5])
    assert np.allclose(points.mean(0), centre, atol=1e-3)
    outwards = (points - centre) / np.linalg.norm(points - centre, axis=1, keepdims=True)
    assert (normals * outwards).sum(1).min() > 0.99  # a face's own would lie further off


def _read(content: bytes, gltf: dict, accessor: int) -> np.ndarray:
    described = gltf["accessors"][accessor]
    start = gltf["bufferViews"][described["bufferView"]].get("byteOffset", 0) + described.get("byteOffset", 0)
    return np.frombuffer(content, np.float32, 3 * described["count"], start).reshape(-1, 3)

"""Peer: the same hand drawn by Blender's Cycles. Runs by itself, in a Python that has Blender's ``bpy``.

``python -I cycles_job.py SCENE.npz FRAMES`` prints the seconds that each image took. It imports nothing of handpose:
``bpy`` asks for other versions of its dependencies than the suite and takes over the process it is loaded in.
"""

import json
import sys
import time

import bpy
import numpy as np

SAMPLES = 8


def main(path: str, frames: int) -> None:
    """Draw the scene's frames one after the other and print how long each took."""
    with np.load(path) as stored:
        vertices, faces, intrinsics, size = stored["vertices"], stored["faces"], stored["K"], int(stored["size"])
    bpy.ops.wm.read_factory_settings(use_empty=True)
    mesh = _add_hand(vertices[0], faces)
    _add_camera(intrinsics, size)
    _add_lights()
    _configure(size)
    seconds = []
    for frame in range(frames + 1):
        start = time.perf_counter()
        mesh.vertices.foreach_set("co", _to_blender(vertices[frame % len(vertices)]).ravel())
        mesh.update()
        bpy.ops.render.render()
        seconds.append(time.perf_counter() - start)
    # Blender prints to standard output too: the marker says which line is ours. The first image loads kernels.
    print("SECONDS " + json.dumps(seconds[1:]), flush=True)


def _to_blender(points: np.ndarray) -> np.ndarray:
    """From mm, x right, y down, z forward, to metres, y up, looking along -z."""
    return np.ascontiguousarray(points * np.array([1e-3, -1e-3, -1e-3]), dtype=np.float32)


def _add_hand(vertices: np.ndarray, faces: np.ndarray) -> "bpy.types.Mesh":
    mesh = bpy.data.meshes.new("hand")
    mesh.from_pydata(_to_blender(vertices).tolist(), [], faces.tolist())
    material = bpy.data.materials.new("skin")
    material.use_nodes = True
    material.node_tree.nodes["Principled BSDF"].inputs["Base Color"].default_value = (0.69, 0.34, 0.22, 1.0)
    mesh.materials.append(material)
    bpy.context.scene.collection.objects.link(bpy.data.objects.new("hand", mesh))
    return mesh


def _add_camera(intrinsics: np.ndarray, size: int) -> None:
    camera = bpy.data.cameras.new("camera")
    camera.sensor_width = 36.0
    camera.lens = float(intrinsics[0, 0]) * camera.sensor_width / size
    camera.shift_x = 0.5 - (float(intrinsics[0, 2]) + 0.5) / size
    camera.shift_y = (float(intrinsics[1, 2]) + 0.5) / size - 0.5
    camera.clip_start, camera.clip_end = 0.05, 5.0
    scene = bpy.context.scene
    scene.camera = bpy.data.objects.new("camera", camera)
    scene.collection.objects.link(scene.camera)


def _add_lights() -> None:
    for name, rotation in (("key", (0.6, 0.4, 0.0)), ("fill", (-0.1, -0.7, 0.0))):
        light = bpy.data.lights.new(name, "SUN")
        light.energy = 2.0
        placed = bpy.data.objects.new(name, light)
        placed.rotation_euler = rotation
        bpy.context.scene.collection.objects.link(placed)


def _configure(size: int) -> None:
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = SAMPLES
    scene.cycles.use_adaptive_sampling = False
    scene.cycles.use_denoising = False
    scene.render.resolution_x = scene.render.resolution_y = size
    scene.render.resolution_percentage = 100
    scene.render.threads_mode, scene.render.threads = "FIXED", 1
    scene.render.use_persistent_data = True
    bpy.context.view_layer.use_pass_z = True


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

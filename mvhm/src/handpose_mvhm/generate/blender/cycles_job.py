"""Draws hands with Cycles. Runs by itself, in a Python that has Blender's ``bpy``; it imports nothing of handpose.

Frames as `handpose_core.foreign_python` tells: first Blender's version; then a request is an npz file of what
`handpose_mvhm.generate.blender.painter.Request` says; the answer an npy file of pictures, linear RGB and alpha.
"""

import io
import os
import struct
import sys
import tempfile
from pathlib import Path
from typing import Any, BinaryIO

import bpy
import numpy as np
from mathutils import Vector

_METRES = 1e-3
_BOUNCES = 2
_SCATTER = (4.0, 1.5, 0.9)
"""mm that red, green and blue light go under the skin."""
_ATTRIBUTES = {"albedo": "FLOAT_COLOR", "roughness": "FLOAT", "specular": "FLOAT", "flesh": "FLOAT", "grain": "FLOAT2"}
_FOR_ALL = ("faces", "size", "samples", "tile")
_FIELDS = {"FLOAT_COLOR": "color", "FLOAT": "value", "FLOAT2": "vector"}


def main() -> None:
    """Say who is there, then draw what is asked for."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # Blender prints to standard output, which is for answers alone
    _send(answers, bpy.app.version_string.encode())
    with tempfile.TemporaryDirectory() as folder:
        studio = Studio(Path(folder) / "picture.exr")
        while header := sys.stdin.buffer.read(8):
            with np.load(io.BytesIO(sys.stdin.buffer.read(struct.unpack("<q", header)[0]))) as request:
                pictures = io.BytesIO()
                np.save(pictures, studio.draw(dict(request)))
                _send(answers, pictures.getvalue())


def _send(answers: BinaryIO, content: bytes) -> None:
    answers.write(struct.pack("<q", len(content)) + content)
    answers.flush()


class Studio:
    """A scene with a camera, a sky, lights and room for one hand.

    Args:
        file: where a picture is written to be read again: without a window, Blender gives its pixels in no other way.
    """

    def __init__(self, file: Path) -> None:
        bpy.ops.wm.read_factory_settings(use_empty=True)
        self._file, self._scene = file, bpy.context.scene
        self._grain = bpy.data.images.new("grain", 1, 1, float_buffer=True)
        self._grain.colorspace_settings.name = "Non-Color"
        self._skin = _skin(self._grain)
        self._hand = bpy.data.objects.new("hand", bpy.data.meshes.new("hand"))
        self._camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
        self._camera.data.clip_start, self._camera.data.clip_end = 0.01, 10.0
        self._scene.camera, self._scene.world = self._camera, bpy.data.worlds.new("sky")
        for placed in (self._hand, self._camera):
            self._scene.collection.objects.link(placed)
        self._suns: list[Any] = []
        self._sky = _sky(self._scene.world)
        _configure(self._scene, file)

    def draw(self, request: dict[str, np.ndarray]) -> np.ndarray:
        """The pictures of a request, (n, height, width, 4)."""
        self._scene.cycles.samples = int(request["samples"])
        self._scene.render.resolution_y, self._scene.render.resolution_x = map(int, request["size"])
        self._build(request["vertices"].shape[1], request["faces"])
        self._weave(request["tile"])
        while len(self._suns) < request["directions"].shape[1]:
            self._suns.append(bpy.data.objects.new("sun", bpy.data.lights.new("sun", "SUN")))
            self._scene.collection.objects.link(self._suns[-1])
        each = {name: request[name] for name in request if name not in _FOR_ALL}
        count = len(request["vertices"])
        return np.stack([self._shoot({name: value[i] for name, value in each.items()}) for i in range(count)])

    def _shoot(self, picture: dict[str, np.ndarray]) -> np.ndarray:
        """One of the pictures."""
        self._hand.data.vertices.foreach_set("co", (_METRES * _to_blender(picture["vertices"])).ravel())
        self._paint(picture)
        self._aim(picture["K"])
        self._light(picture)
        bpy.ops.render.render(write_still=True)
        return self._read()

    def _build(self, count: int, faces: np.ndarray) -> None:
        """Have a mesh with these faces; its vertices come later."""
        old = self._hand.data
        mesh = bpy.data.meshes.new("hand")
        mesh.from_pydata(np.zeros((count, 3)).tolist(), [], faces.tolist())
        mesh.shade_smooth()
        mesh.materials.append(self._skin)
        for name, kind in _ATTRIBUTES.items():
            mesh.attributes.new(name, kind, "POINT")
        self._hand.data = mesh
        bpy.data.meshes.remove(old)

    def _paint(self, picture: dict[str, np.ndarray]) -> None:
        """Give the mesh its colours, gloss and grain."""
        mesh = self._hand.data
        for name, kind in _ATTRIBUTES.items():
            mesh.attributes[name].data.foreach_set(
                _FIELDS[kind], np.ascontiguousarray(picture[name], np.float32).ravel()
            )
        mesh.update()

    def _weave(self, tile: np.ndarray) -> None:
        """Have the grain's tile."""
        rows, columns = tile.shape
        grey = np.repeat(tile.astype(np.float32)[..., None], 4, axis=-1)
        self._grain.scale(columns, rows)
        self._grain.pixels.foreach_set(grey.ravel())
        self._grain.update()

    def _aim(self, K: np.ndarray) -> None:
        """Give the camera its lens; pixel (0, 0) is the middle of the top left one, and fx = fy."""
        height, width = self._scene.render.resolution_y, self._scene.render.resolution_x
        lens = self._camera.data
        lens.sensor_fit, lens.sensor_width = "HORIZONTAL", 36.0
        lens.lens = float(K[0, 0]) * lens.sensor_width / width
        lens.shift_x = 0.5 - (float(K[0, 2]) + 0.5) / width
        lens.shift_y = (float(K[1, 2]) + 0.5 - height / 2) / width

    def _light(self, light: dict[str, np.ndarray]) -> None:
        """Set the suns' directions and colours, and the sky's."""
        for sun, toward, colour in zip(self._suns, _to_blender(light["directions"]), light["colours"], strict=True):
            sun.rotation_euler = Vector(toward.tolist()).to_track_quat("Z", "Y").to_euler()
            strength = float(colour.max())
            sun.data.energy = np.pi * strength  # a white wall that faces it is as bright as its colour
            sun.data.color = (colour / strength).tolist() if strength > 0 else (1, 1, 1)
            sun.data.angle = float(light["angle"])
        above, colours = self._sky
        above.inputs[1].default_value = _to_blender(light["up"]).tolist()
        colours.inputs["A"].default_value, colours.inputs["B"].default_value = (
            (*light[name].tolist(), 1.0) for name in ("ground", "sky")
        )

    def _read(self) -> np.ndarray:
        """The picture that was just written, top row first."""
        image = bpy.data.images.load(str(self._file))
        image.colorspace_settings.name = "Non-Color"  # as it is
        width, height = image.size
        pixels = np.empty(height * width * 4, np.float32)
        image.pixels.foreach_get(pixels)
        bpy.data.images.remove(image)
        return pixels.reshape(height, width, 4)[::-1]


def _to_blender(points: np.ndarray) -> np.ndarray:
    """From x right, y down, z away to y up, looking along -z."""
    return np.ascontiguousarray(points * np.array([1, -1, -1]), dtype=np.float32)


def _skin(grain: Any) -> Any:
    """A material whose parts are attributes of the vertices."""
    material = bpy.data.materials.new("skin")
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    surface = nodes["Principled BSDF"]

    def attribute(name: str, output: str) -> Any:
        node = nodes.new("ShaderNodeAttribute")
        node.attribute_name = name
        return node.outputs[output]

    texture = nodes.new("ShaderNodeTexImage")
    texture.image, texture.interpolation, texture.extension = grain, "Closest", "REPEAT"
    links.new(attribute("grain", "Vector"), texture.inputs["Vector"])
    grained = nodes.new("ShaderNodeVectorMath")
    grained.operation = "MULTIPLY"
    links.new(attribute("albedo", "Color"), grained.inputs[0])
    links.new(texture.outputs["Color"], grained.inputs[1])
    links.new(grained.outputs[0], surface.inputs["Base Color"])
    for name, target in (
        ("roughness", "Roughness"),
        ("specular", "Specular IOR Level"),
        ("flesh", "Subsurface Weight"),
    ):
        links.new(attribute(name, "Fac"), surface.inputs[target])
    surface.inputs["Subsurface Radius"].default_value = _SCATTER
    surface.inputs["Subsurface Scale"].default_value = _METRES
    return material


def _sky(world: Any) -> tuple[Any, Any]:
    """A sky in two colours, above and below; the nodes that take up's direction, and the colours."""
    world.use_nodes = True
    world.cycles.sampling_method = "NONE"
    nodes, links = world.node_tree.nodes, world.node_tree.links
    above, sign, colours = (nodes.new(f"ShaderNode{kind}") for kind in ("VectorMath", "Math", "Mix"))
    above.operation, sign.operation, colours.data_type = "DOT_PRODUCT", "GREATER_THAN", "RGBA"
    sign.inputs[1].default_value = 0.0
    links.new(nodes.new("ShaderNodeTexCoord").outputs["Generated"], above.inputs[0])
    links.new(above.outputs["Value"], sign.inputs[0])
    links.new(sign.outputs["Value"], colours.inputs["Factor"])
    links.new(colours.outputs["Result"], nodes["Background"].inputs["Color"])
    return above, colours


def _configure(scene: Any, file: Path) -> None:
    """Small pictures, each by one core, and the same bits every time."""
    render, cycles = scene.render, scene.cycles
    render.engine, cycles.device = "CYCLES", "CPU"
    cycles.use_adaptive_sampling = cycles.use_denoising = False
    cycles.max_bounces = cycles.diffuse_bounces = _BOUNCES
    cycles.glossy_bounces = 1
    cycles.caustics_reflective = cycles.caustics_refractive = False
    cycles.pixel_filter_type = "BOX"  # a pixel is the mean of its own square, as in our renderer
    render.resolution_percentage = 100
    render.threads_mode, render.threads = "FIXED", 1
    render.use_persistent_data = True
    render.film_transparent = True
    render.filepath, render.use_file_extension = str(file), False
    image = render.image_settings
    image.file_format, image.color_mode, image.color_depth, image.exr_codec = "OPEN_EXR", "RGBA", "32", "NONE"


if __name__ == "__main__":
    main()

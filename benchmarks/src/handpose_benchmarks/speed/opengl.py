"""Peer: the same hand drawn by OpenGL through moderngl, in software where no graphics card offers EGL."""

import os

import moderngl
import numpy as np

from handpose_benchmarks.speed.scene import Scene

NEAR_MM, FAR_MM = 50.0, 5000.0
SAMPLES = 4

VERTEX_SHADER = """
#version 330
uniform mat4 projection;
in vec3 position;
out vec3 point;
void main() {
    point = position;
    gl_Position = projection * vec4(position, 1.0);
}
"""

FRAGMENT_SHADER = """
#version 330
in vec3 point;
out vec4 colour;
void main() {
    vec3 normal = normalize(cross(dFdx(point), dFdy(point)));
    float key = abs(dot(normal, normalize(vec3(0.4, -0.5, -0.8))));
    float fill = abs(dot(normal, normalize(vec3(-0.7, 0.1, -0.7))));
    colour = vec4(vec3(0.85, 0.62, 0.51) * (0.2 + 0.6 * key + 0.2 * fill), 1.0);
}
"""


class OpenGLRenderer:
    """Colour, depth and mask of a scene, anti-aliased by 4x multisampling, read back into memory.

    Mesa's software rasteriser is held to the calling thread, as the comparison is per core.

    Args:
        scene: The mesh and camera; its faces stay on the device, its vertices are sent for every image.
    """

    def __init__(self, scene: Scene) -> None:
        os.environ["LP_NUM_THREADS"] = "0"
        self.scene = scene
        self.context = moderngl.create_context(standalone=True, backend="egl")
        size = (scene.size, scene.size)
        self._multisampled = self.context.framebuffer(
            [self.context.renderbuffer(size, 4, samples=SAMPLES)],
            self.context.depth_renderbuffer(size, samples=SAMPLES),
        )
        self._resolved = self.context.framebuffer(
            [self.context.renderbuffer(size, 4)], self.context.depth_renderbuffer(size)
        )
        program = self.context.program(vertex_shader=VERTEX_SHADER, fragment_shader=FRAGMENT_SHADER)
        program["projection"].write(_projection(scene).T.astype("f4").tobytes())
        self._vertices = self.context.buffer(scene.vertices[0].astype("f4").tobytes())
        faces = self.context.buffer(scene.faces.astype("i4").tobytes())
        self._array = self.context.vertex_array(program, [(self._vertices, "3f", "position")], faces)
        self.context.enable(moderngl.DEPTH_TEST)

    @property
    def device(self) -> str:
        """The driver's name for what draws, for example llvmpipe."""
        return str(self.context.info["GL_RENDERER"])

    def draw(self, frame: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Draw one frame of the scene.

        Returns:
            Colour (size, size, 3) uint8; depth (size, size) in mm at each pixel's first sample, 0 outside the hand;
            mask (size, size) bool, pixels that the hand covers by half or more.
        """
        size = self.scene.size
        self._vertices.write(self.scene.vertices[frame].astype("f4").tobytes())
        self._multisampled.use()
        self._multisampled.clear()
        self._array.render()
        self.context.copy_framebuffer(self._resolved, self._multisampled)
        colour = np.frombuffer(self._resolved.read(components=4), np.uint8).reshape(size, size, 4)
        buffer = self._resolved.read(components=1, attachment=-1, dtype="f4")
        stored = np.frombuffer(buffer, np.float32).reshape(size, size)
        clip = 2.0 * stored - 1.0
        depth = 2.0 * FAR_MM * NEAR_MM / (FAR_MM + NEAR_MM - clip * (FAR_MM - NEAR_MM))
        mask = colour[..., 3] >= 128
        return colour[..., :3], np.where(mask & (stored < 1.0), depth, 0.0), mask

    def release(self) -> None:
        """Give the context's memory back."""
        self.context.release()


def _projection(scene: Scene) -> np.ndarray:
    """Camera frame (x right, y down, z forward, mm) to clip space; row 0 of what is read back is the image's top.

    Pixel (0, 0) is the centre of the top-left pixel, half a pixel inside the edge that clip space starts at.
    """
    scale = 2.0 / scene.size
    depth = (FAR_MM + NEAR_MM) / (FAR_MM - NEAR_MM)
    offset = -2.0 * FAR_MM * NEAR_MM / (FAR_MM - NEAR_MM)
    (fx, _, cx), (_, fy, cy) = scene.K[:2]
    return np.array(
        [
            [scale * fx, 0.0, scale * (cx + 0.5) - 1.0, 0.0],
            [0.0, scale * fy, scale * (cy + 0.5) - 1.0, 0.0],
            [0.0, 0.0, depth, offset],
            [0.0, 0.0, 1.0, 0.0],
        ]
    )

"""Images a second of our renderer, beside OpenGL and Blender's Cycles drawing the same hands, each on one core."""

from collections.abc import Callable, Iterator

import torch

from handpose_benchmarks.speed.appearance import plain_skin, two_lights
from handpose_benchmarks.speed.blender import CONDITIONS, cycles_rate
from handpose_benchmarks.speed.figure import Figure, Skipped
from handpose_benchmarks.speed.scene import Scene, posed_hands
from handpose_benchmarks.speed.timing import rate, threads
from handpose_core.errors import HandposeError
from handpose_core.render import Rendered, render

SIZE = 256
FRAMES = 32
BATCH = 8
CYCLES_FRAMES = 8
TARGET = 40.0


def measure(blender_python: str) -> Iterator[Figure | Skipped]:
    """Our rate, and each peer's with the ratio of ours to it; a peer that does not run here is named.

    Args:
        blender_python: A Python that can import ``bpy``.
    """
    scene = posed_hands(FRAMES, SIZE)
    with threads(1):
        ours = _our_rate(scene)
    note = f"{SIZE}x{SIZE}, colour, depth and mask, one core"
    yield Figure("renderer, handpose_core.render", ours, "images/s", TARGET, f"{note}, 2x2 samples, shadows")
    yield from _beside(ours, "renderer, OpenGL by moderngl", lambda: _opengl_rate(scene), note)
    yield from _beside(ours, "renderer, Blender Cycles", lambda: _cycles_rate(scene, blender_python), f"{SIZE}x{SIZE}")


class OursInBatches:
    """Our renderer over a scene's frames, lit by two lights that are those of the OpenGL peer.

    Args:
        scene: What to draw.
    """

    def __init__(self, scene: Scene) -> None:
        self.vertices = torch.from_numpy(scene.vertices).split(BATCH)
        self.faces = torch.from_numpy(scene.faces).long()
        self.K = torch.from_numpy(scene.K).float()
        self.size = (scene.size, scene.size)

    def draw(self) -> Iterator[Rendered]:
        """Draw the scene batch by batch."""
        for vertices in self.vertices:
            count, corners, _ = vertices.shape
            skin = plain_skin(count, corners)
            yield render(vertices, self.faces, self.K.expand(count, 3, 3), self.size, skin, two_lights(count))


class _PeerMissing(Exception):
    """A peer cannot run here; the message says why."""


def _our_rate(scene: Scene) -> float:
    ours = OursInBatches(scene)

    def draw_all() -> None:
        with torch.no_grad():
            for drawn in ours.draw():
                drawn.fragments.depth_map()
                drawn.fragments.mask()

    return rate(draw_all, len(scene.vertices))


def _opengl_rate(scene: Scene) -> tuple[float, str]:
    try:
        from handpose_benchmarks.speed.opengl import SAMPLES, OpenGLRenderer

        renderer = OpenGLRenderer(scene)
    except Exception as error:  # without EGL or a driver, moderngl raises bare Exceptions
        raise _PeerMissing(str(error)) from error
    try:
        value = rate(lambda: [renderer.draw(frame) for frame in range(len(scene.vertices))], len(scene.vertices))
        return value, f"{SAMPLES}x MSAA, no shadows, {renderer.device}"
    finally:
        renderer.release()


def _cycles_rate(scene: Scene, python: str) -> tuple[float, str]:
    try:
        return cycles_rate(scene, python, CYCLES_FRAMES), CONDITIONS
    except HandposeError as error:
        raise _PeerMissing(str(error)) from error


def _beside(ours: float, name: str, peer: Callable[[], tuple[float, str]], note: str) -> list[Figure | Skipped]:
    """A peer's rate and the ratio of ours to it."""
    try:
        value, conditions = peer()
    except _PeerMissing as missing:
        return [Skipped(name, str(missing))]
    return [
        Figure(name, value, "images/s", note=f"{note}, {conditions}"),
        Figure("  ours over it", ours / value, "×"),
    ]

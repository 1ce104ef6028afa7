"""Blender's Cycles as a peer: the speed benchmarks' hands, drawn as ``handpose mvhm generate`` has them drawn."""

import statistics
import time

import torch

from handpose_benchmarks.speed.appearance import plain_skin, two_lights
from handpose_benchmarks.speed.scene import Scene
from handpose_core.render import Grain, Sight
from handpose_mvhm.generate.blender.interpreter import Interpreter
from handpose_mvhm.generate.blender.painter import SAMPLES, request

CONDITIONS = f"colour and coverage alone, path traced, {SAMPLES} samples, one core"


def cycles_rate(scene: Scene, python: str, frames: int) -> float:
    """Images a second that Cycles draws of a scene, on one core.

    Args:
        scene: What to draw.
        python: A Python that can import ``bpy``.
        frames: How many images to draw; the first one after loading is not counted.

    Raises:
        HandposeError: ``python`` or its ``bpy`` does not run.
    """
    interpreter = Interpreter(python)
    try:
        seconds = []
        for frame in range(frames + 1):
            asked = vars(request(_sight(scene, frame % len(scene.vertices)), SAMPLES))
            start = time.perf_counter()
            interpreter.draw(asked)
            seconds.append(time.perf_counter() - start)
    finally:
        interpreter.close()
    return 1 / statistics.median(seconds[1:])


def _sight(scene: Scene, frame: int) -> Sight:
    """One of its hands."""
    vertices = torch.from_numpy(scene.vertices[frame : frame + 1]).float()
    return Sight(
        vertices=vertices,
        faces=torch.from_numpy(scene.faces).long(),
        K=torch.from_numpy(scene.K).float()[None],
        size=(scene.size, scene.size),
        surface=plain_skin(1, vertices.shape[1]),
        light=two_lights(1),
        to_light=torch.eye(3)[None],
        grain=Grain(torch.ones(1, 1), torch.zeros(1, vertices.shape[1], 2)),
    )

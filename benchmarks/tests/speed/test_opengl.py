from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import trimesh

from handpose_benchmarks.speed.scene import Scene

if TYPE_CHECKING:
    from handpose_benchmarks.speed.opengl import OpenGLRenderer

CENTRE, RADIUS = np.array([20.0, -30.0, 400.0]), 60.0
K = np.array([[400.0, 0.0, 120.0], [0.0, 400.0, 130.0], [0.0, 0.0, 1.0]])


def test_a_ball_lies_where_its_equation_says(opengl: Callable[[Scene], "OpenGLRenderer"]) -> None:
    """The image of a ball in closed form, pixel (0, 0) at a pixel's centre: the peer's camera is the suite's."""
    ball = trimesh.creation.icosphere(subdivisions=5, radius=RADIUS)
    vertices = (ball.vertices + CENTRE)[None].astype(np.float32)
    colour, depth, mask = opengl(Scene(vertices, np.asarray(ball.faces), K, 256)).draw(0)
    u, v = np.meshgrid(np.arange(256), np.arange(256))
    ray = np.stack([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], np.ones_like(u)], axis=-1)
    squared, along = (ray**2).sum(-1), ray @ CENTRE
    discriminant = along**2 - squared * (CENTRE @ CENTRE - RADIUS**2)
    truth = discriminant > 0
    expected = (along - np.sqrt(np.maximum(discriminant, 0.0))) / squared

    assert (truth & mask).sum() / (truth | mask).sum() > 0.985
    assert np.abs(np.argwhere(truth).mean(0) - np.argwhere(mask).mean(0)).max() < 0.1  # half a pixel would show
    assert np.median(np.abs(depth - expected)[truth & mask]) < 0.3
    assert np.all(depth[~mask] == 0.0)
    assert colour[mask].sum(-1).min() > 30

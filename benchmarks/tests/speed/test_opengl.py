from typing import TYPE_CHECKING

import numpy as np
import pytest
import trimesh

from handpose_benchmarks.speed.scene import Scene

if TYPE_CHECKING:
    from handpose_benchmarks.speed.opengl import OpenGLRenderer

CENTRE, RADIUS = np.array([20.0, -30.0, 400.0]), 60.0
K = np.array([[400.0, 0.0, 120.0], [0.0, 400.0, 130.0], [0.0, 0.0, 1.0]])


@pytest.fixture(scope="module")
def renderer() -> "OpenGLRenderer":
    moderngl = pytest.importorskip("moderngl", reason="moderngl is not installed: no OpenGL peer here")
    from handpose_benchmarks.speed.opengl import OpenGLRenderer

    ball = trimesh.creation.icosphere(subdivisions=5, radius=RADIUS)
    vertices = (ball.vertices + CENTRE)[None].astype(np.float32)
    try:
        return OpenGLRenderer(Scene(vertices, np.asarray(ball.faces), K, 256))
    except Exception as error:  # moderngl raises bare Exceptions where EGL or its driver is missing
        if isinstance(error, moderngl.Error):
            raise
        pytest.skip(f"no OpenGL through EGL here: {error}")


def test_a_ball_lies_where_its_equation_says(renderer: "OpenGLRenderer") -> None:
    """The peer must draw what ours draws: the image of a ball in closed form, pixel (0, 0) at a pixel's centre."""
    colour, depth, mask = renderer.draw(0)
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

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from handpose_benchmarks.speed.opengl import OpenGLRenderer
    from handpose_benchmarks.speed.scene import Scene


@pytest.fixture
def opengl() -> Iterator[Callable[["Scene"], "OpenGLRenderer"]]:
    """Makes the OpenGL peer of a scene; skips, saying why, where there is none."""
    moderngl = pytest.importorskip("moderngl", reason="moderngl is not installed: no OpenGL peer here")
    from handpose_benchmarks.speed.opengl import OpenGLRenderer

    made: list[OpenGLRenderer] = []

    def make(scene: "Scene") -> "OpenGLRenderer":
        try:
            probe = moderngl.create_context(standalone=True, backend="egl")
        except Exception as error:  # moderngl raises bare Exceptions where EGL or its driver is missing
            pytest.skip(f"no OpenGL through EGL here: {error}")
        probe.release()
        made.append(OpenGLRenderer(scene))
        return made[-1]

    yield make
    for renderer in made:
        renderer.release()

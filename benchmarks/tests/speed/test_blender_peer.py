"""Blender as a peer, where there is one."""

import os

import pytest

from handpose_benchmarks.speed.blender import cycles_rate
from handpose_benchmarks.speed.scene import posed_hands
from handpose_core.errors import HandposeError
from handpose_mvhm.generate.blender.interpreter import PYTHON


def test_a_python_that_does_not_exist_is_named() -> None:
    with pytest.raises(HandposeError, match="no-python-here: found it does not run"):
        cycles_rate(posed_hands(1, 16), "no-python-here", frames=1)


@pytest.mark.skipif(PYTHON not in os.environ, reason=f"{PYTHON} names no Python with Blender's bpy")
def test_it_draws_the_hands() -> None:
    assert 0 < cycles_rate(posed_hands(2, 16), os.environ[PYTHON], frames=2) < 10_000

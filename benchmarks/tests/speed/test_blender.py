import sys
from pathlib import Path

import numpy as np
import pytest

from handpose_benchmarks.speed.blender import BlenderMissing, cycles_rate
from handpose_benchmarks.speed.scene import Scene

SCENE = Scene(np.zeros((1, 3, 3), np.float32), np.array([[0, 1, 2]]), np.eye(3), 16)


def test_a_python_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(BlenderMissing, match="no-python does not run"):
        cycles_rate(SCENE, str(tmp_path / "no-python"), frames=1)


def test_a_python_without_blender_is_named_with_its_error() -> None:
    with pytest.raises(BlenderMissing, match="No module named 'bpy'"):
        cycles_rate(SCENE, sys.executable, frames=1)


def test_seconds_become_images_a_second(tmp_path: Path) -> None:
    """Blender prints lines of its own around ours; the median of 0.5, 0.25 and 9 s counts."""
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho Blender 5\necho 'SECONDS [0.5, 9.0, 0.25]'\necho Saved\n")
    python.chmod(0o755)
    assert cycles_rate(SCENE, str(python), frames=3) == pytest.approx(2.0)

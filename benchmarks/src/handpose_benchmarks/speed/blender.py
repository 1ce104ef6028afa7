"""Runs the Cycles peer (`cycles_job.py`) in a Python that has Blender."""

import json
import statistics
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from handpose_benchmarks.speed.scene import Scene

MARKER = "SECONDS "


class BlenderMissing(Exception):
    """Blender could not be run; the message says why."""


def cycles_rate(scene: Scene, python: str, frames: int) -> float:
    """Images a second that Cycles draws of a scene, on one core.

    Args:
        scene: What to draw.
        python: A Python that can import ``bpy``.
        frames: How many images to draw; the first one after loading is not counted.

    Raises:
        BlenderMissing: ``python`` or its ``bpy`` does not run.
    """
    with tempfile.TemporaryDirectory() as folder:
        stored = Path(folder) / "scene.npz"
        np.savez(stored, vertices=scene.vertices, faces=scene.faces, K=scene.K, size=scene.size)
        command = [python, "-I", str(Path(__file__).with_name("cycles_job.py")), str(stored), str(frames)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
        except OSError as error:
            raise BlenderMissing(f"{python} does not run: {error}") from error
    for line in done.stdout.splitlines():
        if line.startswith(MARKER):
            return 1.0 / statistics.median(json.loads(line.removeprefix(MARKER)))
    reason = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
    raise BlenderMissing(f"{reason[0]} ({python})")

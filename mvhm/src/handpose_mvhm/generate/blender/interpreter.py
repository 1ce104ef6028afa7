"""A Python that has Blender, and what it draws."""

import io
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from handpose_core.foreign_python import ForeignPython

PYTHON = "HANDPOSE_BLENDER_PYTHON"
"""Environment variable that names a Python with Blender."""
_HELP = (
    "Make one with `python3.11 -m venv blender && blender/bin/pip install bpy==4.2.0 'numpy<2'`, and give it by "
    f"--blender-python blender/bin/python, or by the variable {PYTHON}."
)


def blender_python() -> str:
    """The Python that the environment variable names, or this one."""
    return os.environ.get(PYTHON) or sys.executable


class Interpreter:
    """A process of a Python with Blender, which ends with this object or with the process that made it.

    Args:
        python: it can import ``bpy``.

    Raises:
        HandposeError: it does not run, or cannot import ``bpy``.
    """

    def __init__(self, python: str) -> None:
        job = Path(__file__).with_name("cycles_job.py")
        self._job = ForeignPython(python, job, "--blender-python", "a Python with Blender's bpy", _HELP)
        self.version = self._job.greeting.decode()
        """Of Blender."""

    def draw(self, request: Mapping[str, Any]) -> Float[ndarray, "n height width 4"]:
        """Pictures in linear RGB, premultiplied by alpha.

        Args:
            request: the fields of `handpose_mvhm.generate.blender.painter.Request`.

        Raises:
            HandposeError: Blender fails.
        """
        content = io.BytesIO()
        np.savez(content, **request)
        pictures: ndarray = np.load(io.BytesIO(self._job.ask(content.getvalue())))
        return pictures

    def close(self) -> None:
        """End the process."""
        self._job.close()

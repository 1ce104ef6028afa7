"""A Python that has Blender, and what it draws."""

import io
import os
import struct
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from subprocess import Popen
from typing import IO, Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from handpose_core.errors import HandposeError

PYTHON = "HANDPOSE_BLENDER_PYTHON"
"""Environment variable that names a Python with Blender."""
_PATIENCE = 10.0
"""Seconds in which a process ends that has something else to say than the job."""
_LONGEST = 2**34
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
        self._python = python
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 -- `close` closes it
        command = [python, "-I", str(Path(__file__).with_name("cycles_job.py"))]
        try:
            self._process = Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors)
        except OSError as error:
            self._errors.close()
            raise HandposeError(
                f"--blender-python {python}", f"it does not run ({error})", "a Python with Blender's bpy", _HELP
            ) from error
        self.close = weakref.finalize(self, _end, self._process, self._errors)
        """Ends the process; a second time it does nothing."""
        self.version = str(self._receive("starts with"))
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
        stream = _open(self._process.stdin)
        with suppress(OSError):  # if it is gone, the answer that does not come tells why
            stream.write(struct.pack("<q", content.tell()) + content.getvalue())
            stream.flush()
        return self._receive("draws with")

    def _receive(self, doing: str) -> ndarray:
        stream = _open(self._process.stdout)
        header = stream.read(8)
        length = struct.unpack("<q", header)[0] if len(header) == 8 else 0
        if not 0 < length < _LONGEST:
            reason = self._last_words()
            self.close()
            raise HandposeError(
                f"--blender-python {self._python}", f"{doing} an error: {reason}", "a Python with Blender's bpy", _HELP
            )
        answer: ndarray = np.load(io.BytesIO(stream.read(length)))
        return answer

    def _last_words(self) -> str:
        """Why it ended, or ends now, as it says something else than the job would."""
        try:
            status = self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(said) if line.strip()), f"exit status {status}")


def _open(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream


def _end(process: Popen[bytes], errors: IO[bytes]) -> None:
    """Let the job end by itself: its input is over."""
    for stream in (process.stdin, process.stdout):
        with suppress(BrokenPipeError):  # it ended first
            _open(stream).close()
    process.wait()
    errors.close()

"""MediaPipe's hand landmarks (Zhang et al. 2020) as a detector, in another Python: it wants numpy < 2."""

import json
import struct
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from handpose_core.errors import HandposeError
from handpose_core.hand import N_JOINTS
from handpose_tagan.detection.detectors import Detector, Keypoints

_FIX = "Make an environment with it: python -m venv mp && mp/bin/pip install mediapipe, and name mp/bin/python."


class MediaPipe(Detector):
    """MediaPipe's hand landmarks; every joint has the hand's score. To be closed, or used as a context.

    Args:
        python: a Python that can import ``mediapipe`` (0.10 has its models with it).

    Attributes:
        version: the package's name and version.

    Raises:
        HandposeError: it does not run, or has no such package.
    """

    def __init__(self, python: str) -> None:
        self._python, self._errors = python, tempfile.TemporaryFile()  # noqa: SIM115 (closed with the process)
        job = Path(__file__).with_name("mediapipe_job.py")
        try:
            self._process = subprocess.Popen(
                [python, "-I", str(job)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors
            )
        except OSError as error:
            self._errors.close()
            raise HandposeError("MediaPipe's Python", f"{python} ({error})", "one that runs", _FIX) from error
        self.version = self._answer()

    def detect(self, image: UInt8[ndarray, "h w 3"]) -> Keypoints | None:
        """See `Detector`.

        Raises:
            HandposeError: MediaPipe ended.
        """
        assert self._process.stdin is not None  # a pipe
        try:
            self._process.stdin.write(struct.pack("<II", *image.shape[:2]) + np.ascontiguousarray(image).tobytes())
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # what it said last is told with the missing answer
        found = json.loads(self._answer())
        return found and Keypoints(np.array(found["joints"]), np.full(N_JOINTS, found["score"]))

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
        self._errors.close()

    def __enter__(self) -> "MediaPipe":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _answer(self) -> str:
        assert self._process.stdout is not None  # a pipe
        if line := self._process.stdout.readline().decode().strip():
            return line
        self._process.wait()
        self._errors.seek(0)
        words = self._errors.read().decode(errors="replace").strip().splitlines()[-1:] or ["nothing said"]
        self.close()
        raise HandposeError("MediaPipe", f"{words[0]} ({self._python})", "keypoints", _FIX)

"""MediaPipe's hand landmarks (Zhang et al. 2020) as a detector, in another Python: it wants numpy < 2."""

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
from jaxtyping import Float64, UInt8
from numpy import ndarray

from handpose_core.foreign_python import ForeignPython
from handpose_core.hand import N_JOINTS
from handpose_tagan.detection.detectors import Detector, Keypoints

_FIX = "Make an environment with it: python -m venv mp && mp/bin/pip install mediapipe, and name mp/bin/python."


@dataclass(frozen=True)
class Landmarks:
    """All that MediaPipe says of a hand.

    Args:
        joints_2d: px.
        joints_3d: mm about the hand's middle, axes as a camera's.
        score: of the hand, 0 to 1.
    """

    joints_2d: Float64[ndarray, "21 2"]
    joints_3d: Float64[ndarray, "21 3"]
    score: float


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
        job = Path(__file__).with_name("mediapipe_job.py")
        self._job = ForeignPython(python, job, "MediaPipe's Python", "one with mediapipe", _FIX)
        self.version = self._job.greeting.decode()

    def detect(self, image: UInt8[ndarray, "h w 3"]) -> Keypoints | None:
        """See `Detector`; raises what `landmarks` raises."""
        found = self.landmarks(image)
        return None if found is None else Keypoints(found.joints_2d, np.full(N_JOINTS, found.score))

    def landmarks(self, image: UInt8[ndarray, "h w 3"]) -> Landmarks | None:
        """The hand in an image, RGB; None where it sees none.

        Raises:
            HandposeError: MediaPipe ended.
        """
        sent = struct.pack("<II", *image.shape[:2]) + np.ascontiguousarray(image).tobytes()
        found = json.loads(self._job.ask(sent))
        if found is None:
            return None
        joints, space = (np.array(found[name], np.float64) for name in ("joints", "space"))
        return Landmarks(joints, space, float(found["score"]))

    def close(self) -> None:
        """End the process."""
        self._job.close()

    def __enter__(self) -> "MediaPipe":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

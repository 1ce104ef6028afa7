"""MHP's cameras: where each stands, and its lens."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, Float32, Float64, UInt8
from numpy import ndarray

from handpose_core.datasets.mhp_layout import DISTORTION, HEIGHT, WIDTH, K, calibration_path
from handpose_core.datasets.parsing import kind, numbers
from handpose_core.datasets.untrusted import load_pickle
from handpose_core.errors import HandposeError


@dataclass(frozen=True)
class Pose:
    """Where a camera stands: world (the Leap's frame) to camera is ``R X + t``.

    Attributes:
        R: Rotation.
        t: mm.
    """

    R: Float64[ndarray, "3 3"]
    t: Float64[ndarray, "3"]

    def to_camera(self, points: Float[ndarray, "n 3"]) -> Float64[ndarray, "n 3"]:
        """World points (mm) as the camera sees them."""
        moved: Float64[ndarray, "n 3"] = points @ self.R.T + self.t
        return moved


def read_pose(root: Path, sequence: int, camera: int) -> Pose:
    """One camera's pose in one sequence, from its two pickles.

    Raises:
        HandposeError: a pickle is missing, damaged or untrusted, or holds no three finite numbers.
    """
    rvec, tvec = (_read_vector(calibration_path(root, sequence, camera, name)) for name in ("rvec", "tvec"))
    return Pose(cv2.Rodrigues(rvec)[0], tvec)


def _read_vector(path: Path) -> Float64[ndarray, "3"]:
    try:
        value = load_pickle(path)
    except OSError as error:
        raise HandposeError(
            str(path), f"no readable file ({error.strerror})", "a camera's calibration", "Complete calibrations/."
        ) from error
    if not isinstance(value, ndarray | list | tuple):
        raise HandposeError(str(path), kind(value), "an array of three numbers", "Get this file again.")
    flat = np.ravel(value) if isinstance(value, ndarray) else value
    return numbers(str(path), flat, (3,))


def undistort_image(image: UInt8[ndarray, "h w 3"]) -> UInt8[ndarray, "h w 3"]:
    """The image as a pinhole camera with the same `K` would have taken it; black where it saw nothing."""
    undistorted: UInt8[ndarray, "h w 3"] = cv2.remap(image, *_maps(), cv2.INTER_LINEAR)
    return undistorted


def undistort_pixels(pixels: Float[ndarray, "n 2"]) -> Float64[ndarray, "n 2"]:
    """Where points of the image as taken lie in the undistorted one, px."""
    moved: Float64[ndarray, "n 1 2"] = cv2.undistortPoints(pixels.astype(np.float64)[:, None], K, DISTORTION, P=K)
    return moved[:, 0]


def project_distorted(points: Float[ndarray, "n 3"]) -> Float64[ndarray, "n 2"]:
    """Where camera-frame points (mm) lie in the image as taken, px."""
    pixels: Float64[ndarray, "n 1 2"] = cv2.projectPoints(points.astype(np.float64), _NONE, _NONE, K, DISTORTION)[0]
    return pixels[:, 0]


_NONE = np.zeros(3)


@cache
def _maps() -> tuple[Float32[ndarray, "h w"], Float32[ndarray, "h w"]]:
    x, y = cv2.initUndistortRectifyMap(K, DISTORTION, None, K, (WIDTH, HEIGHT), cv2.CV_32FC1)
    return x, y

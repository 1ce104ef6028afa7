"""MHP's twin: 21 sequences of right hands before four webcams that stand around them."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Float, Shaped
from numpy import ndarray
from scipy.spatial.transform import Rotation

from handpose_core.datasets.mhp_layout import CAMERAS, DISTORTION, HEIGHT, SPLIT_SEQUENCES, WIDTH, K
from handpose_core.datasets.wrist import WristRule
from handpose_core.hand import Side
from handpose_core.synth.draws import frame_generator, uniform
from handpose_core.synth.frame import FIRST_BONE, SyntheticFrame
from handpose_core.synth.generate import Annotations, Recipe, Twin
from handpose_core.synth.layouts.mhp import MHPView, frame_is_written, write_calibration, write_frame
from handpose_core.synth.sequence import HandSequence, View, draw_sequence, film
from handpose_core.synth.twins.worlds import world_of

_LENGTH = 2000
"""Frames of a sequence's motion, whatever is made of it; the real ones have about as many."""
_PLACE, _REACH, _SWAY = (0.0, -180.0, 0.0), (60.0, 50.0, 60.0), 0.6
"""Where the hand stays and how far it goes, mm, in a frame at the Leap Motion with y down; sway in radians."""
_LEAP = np.diag([1.0, -1.0, -1.0])
"""That frame to the Leap Motion's own, which has y up."""
_WRIST_RULE: WristRule = "ring_2.0"


class MHPTwin(Twin):
    """Makes MHP's sequences: images with the webcams' distortion, joints, boxes and calibrations."""

    def parts(self, frames: int) -> dict[str, int]:
        """All 21 sequences, of ``frames`` frames each."""
        numbers = sorted(number for split in SPLIT_SEQUENCES.values() for number in split)
        return {f"data_{number}": min(frames, _LENGTH) for number in numbers}

    def is_written(self, root: Path, part: str, number: int) -> bool:
        """See `handpose_core.synth.generate.Twin`."""
        return frame_is_written(root, _number(part), number)

    def make(self, root: Path, part: str, numbers: Sequence[int]) -> Annotations:
        """See `handpose_core.synth.generate.Twin`."""
        world, sequence, views = world_of(self.recipe, (HEIGHT, WIDTH)), *_studio(self.recipe, part)
        taken = {}
        for camera, view in views.items():
            noise = [frame_generator(self.recipe.seed, f"{part}/{camera}", number) for number in numbers]
            taken[camera] = film(world, sequence, numbers, view, noise)
        for i, number in enumerate(numbers):
            first = next(iter(views))
            in_world = _to_leap(taken[first][i].joints_3d, views[first])
            seen = {camera: _through_lens(frames[i]) for camera, frames in taken.items()}
            write_frame(root, _number(part), number, in_world, seen, _WRIST_RULE)
        return {"frame": np.array(numbers)}

    def finish(self, root: Path, part: str, annotations: Annotations) -> None:
        """Write the calibrations: joints are beside the images already."""
        for camera, view in _studio(self.recipe, part)[1].items():
            turn = Rotation.from_matrix(view.R.numpy().astype(np.float64) @ _LEAP)
            write_calibration(root, _number(part), camera, turn.as_rotvec(), view.t.numpy().astype(np.float64))

    def patterns(self, part: str) -> Sequence[str]:
        """See `handpose_core.synth.generate.Twin`."""
        return f"annotated_frames/{part}/*", f"calibrations/{part}/**/*"


def _number(part: str) -> int:
    return int(part.removeprefix("data_"))


@cache
def _studio(recipe: Recipe, part: str) -> tuple[HandSequence, Mapping[int, View]]:
    """One sequence's person and motion, and where the four webcams stand."""
    generator = frame_generator(recipe.seed, part, -1)
    world = world_of(recipe, (HEIGHT, WIDTH))
    place, reach = torch.tensor(_PLACE), torch.tensor(_REACH)
    sequence = draw_sequence(world, Side.RIGHT, _LENGTH, place, reach, _SWAY, generator)
    azimuths = torch.arange(len(CAMERAS)) * 90 + 45 + uniform(generator, -15, 15, len(CAMERAS))
    elevations = uniform(generator, -5, 50, len(CAMERAS))
    distances = uniform(generator, 380, 520, len(CAMERAS))
    around = zip(CAMERAS, azimuths.tolist(), elevations.tolist(), distances.tolist(), strict=True)
    return sequence, {camera: _look_at(np.array(_PLACE), *pose) for camera, *pose in around}


def _look_at(target: Float[ndarray, "3"], azimuth: float, elevation: float, distance: float) -> View:
    """A webcam at some degrees around and above a point, upright, that looks at it from some mm away."""
    across, up = np.deg2rad(azimuth), np.deg2rad(elevation)
    away = np.array([np.cos(up) * np.sin(across), -np.sin(up), -np.cos(up) * np.cos(across)])
    z = -away
    x = np.cross([0.0, 1.0, 0.0], z)
    x /= np.linalg.norm(x)
    R = np.stack([x, np.cross(z, x), z])
    t = -R @ (target + distance * away)
    return View(*(torch.as_tensor(array, dtype=torch.float32) for array in (K, R, t)))


def _to_leap(joints: Float[ndarray, "21 3"], view: View) -> Float[ndarray, "21 3"]:
    """Joints in a camera's frame as the Leap Motion reports them."""
    in_world = (joints.astype(np.float64) - view.t.numpy()) @ view.R.numpy()
    leap: Float[ndarray, "21 3"] = in_world @ _LEAP.T
    return leap


def _through_lens(frame: SyntheticFrame) -> MHPView:
    """What the webcam stores of a pinhole picture: its lens's distortion, and the hand's box."""
    colour = _distort(frame.colour, cv2.INTER_LINEAR)
    rows, columns = np.nonzero(_distort((frame.segments >= FIRST_BONE).astype(np.uint8), cv2.INTER_NEAREST))
    box = (columns.min(), rows.min(), columns.max(), rows.max()) if len(rows) else (0, 0, 0, 0)
    return MHPView(colour, frame.joints_3d, np.array(box, np.float64))


def _distort(picture: Shaped[ndarray, "h w *c"], interpolation: int) -> Shaped[ndarray, "h w *c"]:
    map_x, map_y = _lens()
    return cv2.remap(picture, map_x, map_y, interpolation, borderMode=cv2.BORDER_REPLICATE)


@cache
def _lens() -> tuple[Float[ndarray, "h w"], Float[ndarray, "h w"]]:
    """For each pixel of the distorted picture the place in the pinhole one that it shows."""
    grid = np.stack(np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT)), axis=-1).reshape(-1, 1, 2).astype(np.float64)
    pinhole = cv2.undistortPoints(grid, K, DISTORTION, P=K).reshape(HEIGHT, WIDTH, 2).astype(np.float32)
    return np.ascontiguousarray(pinhole[..., 0]), np.ascontiguousarray(pinhole[..., 1])

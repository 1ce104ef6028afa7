"""Smooth hand motion: poses, orientations and places that a hand passes through, one frame after another."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy.interpolate import PchipInterpolator
from scipy.spatial.transform import Rotation, Slerp
from torch import Generator, Tensor

from handpose_core.synth.draws import uniform
from handpose_core.synth.poses import PoseSampler, clamp_to_limits
from handpose_core.synth.scene import draw_viewpoint

FRAME_RATE = 30.0
"""Frames a second."""
_HOLD = (0.3, 0.9)
"""Seconds between two key poses: unhurried gestures and counting."""


@dataclass(frozen=True)
class Motion:
    """A hand's course over consecutive frames.

    Attributes:
        angles: of the finger joints, radians; free of penetration.
        rotations: of the hand's frame to the world's.
        centres: mean of the joints in mm, world frame.
    """

    angles: Float[Tensor, "frames 15 3"]
    rotations: Float[Tensor, "frames 3 3"]
    centres: Float[Tensor, "frames 3"]


def draw_motion(
    poses: PoseSampler,
    frames: int,
    centre: Float[Tensor, "3"],
    reach: Float[Tensor, "3"],
    sway: float,
    generator: Generator,
    shape: Float[Tensor, "s"] | None = None,
) -> Motion:
    """Draw a course: key poses every third to nine tenths of a second, a drifting place, a swaying orientation.

    Between keys every angle moves monotonically (PCHIP), so that no pose overshoots its joint's limits; orientations go
    the shortest way round (slerp).

    Args:
        poses: where the key poses come from.
        frames: how many, at `FRAME_RATE`.
        centre: middle of the place it stays in, mm.
        reach: how far to either side it goes, mm.
        sway: how far its orientation goes from its mean, standard deviation in radians.
        generator: of the sequence.
        shape: components of the hand that moves, standard deviations; the rig's mean shape without.
    """
    times = np.arange(frames) / FRAME_RATE
    gaps = uniform(generator, *_HOLD, int(times[-1] / _HOLD[0]) + 3).numpy()
    keys = np.concatenate([[0.0], gaps.cumsum()])
    keys = keys[: np.searchsorted(keys, times[-1]) + 2]
    drawn = poses.sample(len(keys), generator, _of_each(shape, len(keys))).numpy()
    angles = clamp_to_limits(torch.as_tensor(PchipInterpolator(keys, drawn)(times), dtype=torch.float32))
    mean = Rotation.from_matrix(draw_viewpoint(generator).numpy())
    turns = mean * Rotation.from_rotvec(sway * torch.randn(len(keys), 3, generator=generator).numpy())
    places = (centre + reach * (2 * torch.rand(len(keys), 3, generator=generator) - 1)).numpy()
    return Motion(
        angles=poses.separate(angles, _of_each(shape, frames)),
        rotations=torch.as_tensor(Slerp(keys, turns)(times).as_matrix(), dtype=torch.float32),
        centres=torch.as_tensor(PchipInterpolator(keys, places)(times), dtype=torch.float32),
    )


def _of_each(shape: Float[Tensor, "s"] | None, count: int) -> Float[Tensor, "count s"] | None:
    return None if shape is None else shape.expand(count, -1)

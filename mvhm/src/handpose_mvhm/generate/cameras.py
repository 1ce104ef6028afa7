"""Cameras around a hand."""

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from handpose_core.rig.skinning import rotation_about
from handpose_core.synth.draws import uniform
from handpose_core.synth.sequence import View

_AROUND, _ABOVE, _ROLL, _MISS = 10.0, 10.0, 15.0, 10.0
"""Degrees that azimuth, elevation and roll vary by, and mm by which the middle of the palm is missed."""
_ELEVATION = 20.0
_HAND = 190.0
"""mm; about the span of an open hand."""


def draw_cameras(count: int, palm: Float[Tensor, "3"], size: int, generator: Generator) -> list[View]:
    """Cameras evenly around the vertical (y down), looking at the palm from alternately above and below.

    Azimuth every 360/count degrees ± 10, elevation by turns 20 ± 10 and -20 ± 10, aim at the palm ± 1 cm, roll ± 15.
    Lenses differ; an open hand seen flat spans half to three quarters of the picture.

    Args:
        count: how many.
        palm: its middle in the world, mm.
        size: side of the pictures, px.
        generator: the group's own.
    """
    spin = uniform(generator, 0, 360 / count, 1)
    azimuth = (torch.arange(count) * 360 / count + spin + uniform(generator, -_AROUND, _AROUND, count)).deg2rad()
    sign = torch.where(torch.arange(count) % 2 == 0, 1.0, -1.0)
    elevation = (_ELEVATION * sign + uniform(generator, -_ABOVE, _ABOVE, count)).deg2rad()
    roll = uniform(generator, -_ROLL, _ROLL, count).deg2rad()
    target = palm + uniform(generator, -_MISS, _MISS, count, 3)
    focal = uniform(generator, 1.5, 2.2, count) * size
    distance = focal * _HAND / (uniform(generator, 0.5, 0.75, count) * size)
    # upright at azimuth 0 the camera's axes are the world's; it climbs by turning about its own x, rolls about its z
    R = rotation_about(2, roll) @ rotation_about(0, elevation) @ rotation_about(1, azimuth)
    t = -(R @ target[..., None]).squeeze(-1)
    t[:, 2] += distance
    K = torch.eye(3).repeat(count, 1, 1)
    K[:, 0, 0] = K[:, 1, 1] = focal
    K[:, :2, 2] = (size - 1) / 2
    return [View(*camera) for camera in zip(K, R, t, strict=True)]

"""Turning bones' frames (columns: hinge x, along y, palm-wards z), batched.

Column by column: a product of small matrices costs several times as much.
"""

import torch
from jaxtyping import Float
from torch import Tensor

_OPPOSITE = 1e-6
"""1 + cosine below which two directions count as opposite."""


def about_own(
    axis: int, frame: Float[Tensor, "*batch 3 3"], angle: Float[Tensor, "*batch"]
) -> Float[Tensor, "*batch 3 3"]:
    """The frame turned about its own x (0), y (1) or z (2) by an angle in radians, right-handed."""
    first, second = ((1, 2), (2, 0), (0, 1))[axis]
    cosine, sine = angle.cos()[..., None], angle.sin()[..., None]
    columns = list(frame.unbind(-1))
    a, b = columns[first], columns[second]
    columns[first], columns[second] = cosine * a + sine * b, cosine * b - sine * a
    return torch.stack(columns, dim=-1)


def swing_to(frame: Float[Tensor, "*batch 3 3"], direction: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3 3"]:
    """The frame by the least turn that lays its y along a unit direction.

    The turn from u to v is ``I + [w]x + [w]x² / (1 + c)`` with w = u × v, c = u · v; where they are opposite it is half
    a turn about the hinge.
    """
    x, y, _ = frame.unbind(-1)
    w = torch.linalg.cross(y, direction)
    nearness = 1 + (y * direction).sum(-1, keepdim=True)
    opposite = nearness < _OPPOSITE
    sideways = torch.linalg.cross(w, x)
    moved = x + sideways + torch.linalg.cross(w, sideways) / torch.where(opposite, 1.0, nearness)
    moved = torch.where(opposite, x, moved)
    return torch.stack([moved, direction, torch.linalg.cross(moved, direction)], dim=-1)


def in_frame(frame: Float[Tensor, "*batch 3 3"], vector: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3"]:
    """A vector's components along the frame's axes."""
    return (frame * vector[..., None]).sum(-2)


def across(axis: Float[Tensor, "*batch 3"], vectors: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3"]:
    """What of the vectors is perpendicular to a unit axis."""
    return vectors - (vectors * axis).sum(-1, keepdim=True) * axis


def signed_angle(
    start: Float[Tensor, "*batch 3"], end: Float[Tensor, "*batch 3"], axis: Float[Tensor, "*batch 3"]
) -> Float[Tensor, "*batch"]:
    """Angle from ``start`` to ``end``, both perpendicular to ``axis``, about it; radians, 0 where one has no length."""
    return torch.atan2((axis * torch.linalg.cross(start, end)).sum(-1), (start * end).sum(-1))

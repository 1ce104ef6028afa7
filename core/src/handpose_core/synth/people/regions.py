"""Where on a body hair, beard, brows, eyes and clothes can be; found once, on its template."""

from itertools import pairwise

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from handpose_core.synth.people.body import POSED, SIDES, Body

_HAIRLINE = torch.tensor([[-160.0, -800], [-115, -785], [-75, -745], [-35, -725], [0, -690], [40, -645], [90, -640]])
"""z from the front of the head to its back, and the y of the edge of the hair there, mm."""
_BROW = torch.tensor([[13.0, -747], [25, -750], [38, -751], [48, -748], [56, -741]])
"""x and y along an eyebrow, mm."""
_RUDDY = ((0.0, -697.0, 14.0), (42.0, -690.0, 20.0))
"""x, y and radius (mm) of the tip of the nose and of a cheek."""
_ARM = ("upperarm01", "lowerarm01", "lowerarm02", "wrist")
_LEG = ("upperleg01", "lowerleg01", "foot")


class Regions:
    """Parts of a body's surface, each a value of every vertex.

    Attributes:
        head: 0..1, with the neck, without eyes, hair and the inside of the mouth.
        above_hairline: mm.
        from_brow: mm to the middle of an eyebrow; far away everywhere but on the brows' side of the head.
        beard: how thick one grows there, 0..1.
        ruddy: nose, cheeks and ears, 0..1.
        on_arm: whether an arm moves it.
        on_leg: whether a leg does.
        on_torso: whether neither does, nor the head; with the neck.
        along_arm: 0 at the shoulder, 1 at the elbow, 2 at the wrist.
        along_leg: 0 at the hip, 1 at the knee, 2 at the ankle.
        from_gaze: degrees from where the eye looks, on the eyeballs; 180 elsewhere.
    """

    def __init__(self, body: Body) -> None:
        x, y, z = body.template.unbind(1)
        outside = ~body.hair & ~body.eyes & (body.masks["inside-mouth"] < 0.5)
        skull = _moved_by(body, ("head", "jaw"))
        self.head = (skull + _moved_by(body, ("neck01",))).clamp(0, 1) * outside
        self.above_hairline = _height(z, _HAIRLINE) - y
        front = outside & (z < -105)
        self.from_brow = torch.where(front, _distance(torch.stack([x.abs(), y], dim=1), _BROW), torch.inf)
        self.beard = self._find_beard(body)
        spots = [torch.exp(-((x.abs() - a) ** 2 + (y - b) ** 2) / radius**2) for a, b, radius in _RUDDY]
        self.ruddy = torch.maximum(torch.stack(spots).amax(0) * self.head * front, body.masks["ears"])
        self.on_arm = _moved_by(body, _sided(_ARM)) > 0.5
        self.on_leg = _moved_by(body, _sided(_LEG)) > 0.5
        self.on_torso = outside & (skull < 0.3) & ~self.on_arm & ~self.on_leg
        self.along_arm = _along(body, ("upperarm01", "lowerarm01", "wrist"))
        self.along_leg = _along(body, ("upperleg01", "lowerleg01", "foot"))
        self.from_gaze = _gaze_angles(body)

    def _find_beard(self, body: Body) -> Float[Tensor, "v"]:
        """Chin, cheeks and upper lip: over the throat, and below a line that rises from the nose to the ears."""
        _, y, z = body.template.unbind(1)
        over_throat = ((-y - 600) / 15).clamp(0, 1)
        below_nose = ((y + 698 - 0.45 * (z + 130).clamp(0, 60)) / 12).clamp(0, 1)
        before_ears = ((-25 - z) / 25).clamp(0, 1)
        bare = (1 - body.masks["lips"]) * (1 - body.masks["ears"])
        return over_throat * below_nose * before_ears * bare * self.head


def _sided(bones: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{bone}.{side}" for bone in bones for side in SIDES)


def _moved_by(body: Body, bones: tuple[str, ...]) -> Float[Tensor, "v"]:
    """What share of each vertex these bones move."""
    return body.weights[:, [POSED.index(bone) for bone in bones]].sum(1)


def _along(body: Body, bones: tuple[str, str, str]) -> Float[Tensor, "v"]:
    """How far down its side's limb each vertex lies: 0, 1 and 2 where these bones begin."""
    where = torch.zeros(len(body.template))
    for side, here in zip(SIDES, (body.template[:, 0] > 0, body.template[:, 0] <= 0), strict=True):
        joints = body.heads[[POSED.index(f"{bone}.{side}") for bone in bones]]
        upper, lower = ((body.template - a) @ (b - a) / (b - a).square().sum() for a, b in pairwise(joints))
        where = torch.where(here, upper.clamp(-1, 1) + lower.clamp(0, 2), where)
    return where


def _gaze_angles(body: Body) -> Float[Tensor, "v"]:
    """See `Regions.from_gaze`."""
    angles = torch.full((len(body.template),), 180.0)
    for side in SIDES:
        own: Bool[Tensor, v] = body.eyes & (_moved_by(body, (f"eye.{side}",)) > 0.5)
        out = functional.normalize(body.template[own] - body.template[own].mean(0), dim=1)
        angles[own] = torch.rad2deg((-out[:, 2]).clamp(-1, 1).acos())
    return angles


def _height(at: Float[Tensor, "v"], knots: Float[Tensor, "k 2"]) -> Float[Tensor, "v"]:
    """The height of a line of straight pieces at each place; level beyond its ends."""
    right = torch.searchsorted(knots[:, 0].contiguous(), at.contiguous()).clamp(1, len(knots) - 1)
    (x0, y0), (x1, y1) = knots[right - 1].unbind(1), knots[right].unbind(1)
    return torch.lerp(y0, y1, ((at - x0) / (x1 - x0)).clamp(0, 1))


def _distance(points: Float[Tensor, "v 2"], line: Float[Tensor, "k 2"]) -> Float[Tensor, "v"]:
    """From each point to the nearest of a line's straight pieces."""
    start, step = line[:-1], line.diff(dim=0)
    share = ((points[:, None] - start) * step).sum(-1) / step.square().sum(-1)
    nearest = start + share.clamp(0, 1)[..., None] * step
    return torch.linalg.vector_norm(points[:, None] - nearest, dim=-1).amin(1)

"""The fingers of the spin match: a universal joint, one spin a finger, and minimal swings after it."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from handpose_core.rig import JOINT_LIMITS
from handpose_mvhm.matching.frames import about_own, across, in_frame, signed_angle, swing_to

_PRIOR_SPREAD = torch.tensor([12.0, 6.0, 6.0, 6.0, 6.0], dtype=torch.float64).deg2rad()
"""How far a finger spins off its universal joint, s0: the thumb further."""
_FADED_BELOW = 0.35
"""Cosine of flexion (70 degrees) below which abduction fades: at 90 degrees no direction tells it."""
_LEAST_BEND = 1e-9
_SPIN_STEPS = 3
_ABDUCTION = JOINT_LIMITS[::3, 1].double()


@dataclass(frozen=True)
class Fingers:
    """What is known of five fingers, thumb first, three bones each.

    Attributes:
        frames: orientation of the bones at rest; of one hand, if it is all samples'.
        directions: unit, where each bone shall point.
        length: mean of each finger's bones, mm.
        noise: of a joint's position along one axis, mm.
    """

    frames: Float[Tensor, "_ 5 3 3 3"]
    directions: Float[Tensor, "batch 5 3 3"]
    length: Float[Tensor, "batch 5"]
    noise: float

    def pose(self, root: Float[Tensor, "batch 3 3"]) -> Float[Tensor, "batch 5 3 3 3"]:
        """World orientation of each bone's frame, its y along ``directions`` exactly.

        Args:
            root: the palm's turn since rest.
        """
        carry = self.frames[:, :, :-1].mT @ self.frames[:, :, 1:]
        first = universal(root[:, None] @ self.frames[:, :, 0], self.directions[:, :, 0])
        spin = torch.zeros_like(self.length)
        for _ in range(_SPIN_STEPS):
            spin = spin + self._missing_spin(about_own(1, first, spin), carry)
        bones = [about_own(1, first, self._gate() * spin)]
        for bone in (1, 2):
            bones.append(swing_to(bones[-1] @ carry[:, :, bone - 1], self.directions[:, :, bone]))
        return torch.stack(bones, dim=2)

    def _missing_spin(
        self, first: Float[Tensor, "batch 5 3 3"], carry: Float[Tensor, "_ 5 2 3 3"]
    ) -> Float[Tensor, "batch 5"]:
        """Angle about v1 from how pure hinges would bend to how the finger is bent.

        A hinge that is not quite perpendicular to its bones bends out of their plane. So what is compared with
        ``n = v1 × v2 + v2 × v3`` is the same sum of the rig's own finger, bent about its hinges as far as seen; were
        they perpendicular, that would be the hinge axis x itself.
        """
        v = self.directions
        bent, model = first, [v[:, :, 0]]
        for bone in (1, 2):
            straight = bent @ carry[:, :, bone - 1]
            _, along, inward = in_frame(straight, v[:, :, bone]).unbind(-1)
            bent = about_own(0, straight, torch.atan2(inward, along))
            model.append(bent[..., 1])
        normal = _bend(v[:, :, 0], v[:, :, 1], v[:, :, 2])
        return signed_angle(across(v[:, :, 0], _bend(*model)), across(v[:, :, 0], normal), v[:, :, 0])

    def _gate(self) -> Float[Tensor, "batch 5"]:
        """Share of the spin to believe: ``s0² / (s0² + σ²)``, σ = √2 noise / (bone |n|); none of a straight finger."""
        v = self.directions
        bend = torch.linalg.vector_norm(_bend(v[:, :, 0], v[:, :, 1], v[:, :, 2]), dim=-1)
        doubt = 2**0.5 * self.noise / (self.length * bend).clamp_min(_LEAST_BEND)
        believed = _PRIOR_SPREAD.to(doubt).square()
        return torch.where(bend > _LEAST_BEND, believed / (believed + doubt.square()), 0)


def universal(
    base: Float[Tensor, "batch 5 3 3"], direction: Float[Tensor, "batch 5 3"]
) -> Float[Tensor, "batch 5 3 3"]:
    """A bone's frame turned by flexion and abduction alone until it points that way.

    Abduction fades near 90 degrees of flexion and is held to its limits; what is left is a swing.
    """
    x, y, z = in_frame(base, direction).unbind(-1)
    forward = torch.where(y < 0, -1.0, 1.0)
    flat = torch.hypot(x, y)
    flexion = torch.atan2(z, forward * flat)
    limits = _ABDUCTION.to(x)
    abduction = torch.atan2(-x * forward, y.abs()) * (flat / _FADED_BELOW).clamp_max(1)
    abduction = torch.maximum(torch.minimum(abduction, limits[:, 1]), limits[:, 0])
    return swing_to(about_own(0, about_own(2, base, abduction), flexion), direction)


def bone_directions(
    bones: Float[Tensor, "batch 5 3 3"], known: Bool[Tensor, "batch 5 3"], resting: Float[Tensor, "batch 5 3"]
) -> Float[Tensor, "batch 5 3 3"]:
    """Unit directions; an unknown bone has that of the bone before, a finger's first one that of the rest pose."""
    units = bones / torch.linalg.vector_norm(bones, dim=-1, keepdim=True)
    directions = [torch.where(known[:, :, :1], units[:, :, 0], resting)]
    for bone in (1, 2):
        directions.append(torch.where(known[:, :, bone, None], units[:, :, bone], directions[-1]))
    return torch.stack(directions, dim=2)


def _bend(first: Tensor, second: Tensor, third: Tensor) -> Float[Tensor, "batch 5 3"]:
    return torch.linalg.cross(first, second) + torch.linalg.cross(second, third)

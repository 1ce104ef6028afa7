"""A forearm, bare or in a sleeve, that grows from the hand's wrist: geometry only."""

from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float, Int
from torch import Tensor

from handpose_core.rig import HandRig, PosedHand
from handpose_core.rig.skinning import rotation_about

_RINGS = 9
_BENDING_RINGS = 4


@dataclass(frozen=True)
class Forearm:
    """How a batch of forearms is shaped.

    Attributes:
        length: mm from the wrist to the cut.
        flexion: angle at the wrist about the hand's x axis, radians.
        deviation: sideways angle at the wrist, radians.
        sleeve_start: mm from the wrist to the cuff; beyond ``length`` there is no sleeve.
        sleeve_width: the sleeve's thickness as a factor of the arm's, > 1.
    """

    length: Float[Tensor, "batch"]
    flexion: Float[Tensor, "batch"]
    deviation: Float[Tensor, "batch"]
    sleeve_start: Float[Tensor, "batch"]
    sleeve_width: Float[Tensor, "batch"]


def arm_faces(rig: HandRig) -> Int[Tensor, "f 3"]:
    """Faces of the arm and of the sleeve around it; indices go on from the rig's own vertices."""
    loop = torch.as_tensor(rig.data.wrist_loop, device=rig.faces.device)
    width = len(loop)
    first = len(rig.vertices)
    rings = [loop] + [first + k * width + torch.arange(width, device=loop.device) for k in range(2 * _RINGS + 1)]
    arm, sleeve = rings[: _RINGS + 1], rings[_RINGS + 1 :]
    bands = [_band(a, b) for a, b in pairwise(arm)]
    bands += [_band(a, b) for a, b in pairwise(sleeve)]
    return torch.cat([*bands, _lid(arm[-1]), _lid(sleeve[-1])])


def arm_vertices(rig: HandRig, hand: PosedHand, forearm: Forearm) -> Float[Tensor, "batch a 3"]:
    """Vertices (mm) of the arm's rings and the sleeve's, in the order `arm_faces` counts them."""
    loop = hand.vertices[:, torch.as_tensor(rig.data.wrist_loop)]
    to_wrist = hand.rotations[:, 0]
    arm_at = torch.linspace(0, 1, _RINGS + 1)[1:] * forearm.length[:, None]
    sleeved = (forearm.sleeve_start < forearm.length)[:, None]
    # without a sleeve its rings shrink into the arm, where nobody sees them
    cuff = torch.where(sleeved, forearm.sleeve_start[:, None], 0.3 * forearm.length[:, None])
    end = torch.where(sleeved, forearm.length[:, None] + 2, 0.6 * forearm.length[:, None])
    sleeve_at = torch.cat([cuff, cuff + torch.linspace(0, 1, _RINGS) * (end - cuff)], dim=1)
    flare = 1 + 0.12 * torch.linspace(0, 1, _RINGS)
    width = torch.cat([torch.full_like(cuff, 0.96), forearm.sleeve_width[:, None] * flare], dim=1)
    width = torch.where(sleeved, width, 0.2)
    arm = _rings(loop, to_wrist, forearm, arm_at, torch.ones_like(arm_at))
    sleeve = _rings(loop, to_wrist, forearm, sleeve_at, width)
    return torch.cat([arm, sleeve], dim=1).flatten(1, 2)


def sleeve_rings() -> tuple[int, int]:
    """How many rings `arm_vertices` has of the bare arm, and then of the sleeve."""
    return _RINGS, _RINGS + 1


def _rings(
    loop: Float[Tensor, "batch w 3"],
    to_wrist: Float[Tensor, "batch 3 3"],
    forearm: Forearm,
    distance: Float[Tensor, "batch rings"],
    width: Float[Tensor, "batch rings"],
) -> Float[Tensor, "batch rings w 3"]:
    """The wrist's loop carried along the arm's axis, which bends over the first part of its length."""
    centre = loop.mean(1, keepdim=True)
    local = (loop - centre) @ to_wrist
    bend_over = 0.3 * forearm.length[:, None]
    share = (distance / bend_over).clamp(0, 1)
    turn = rotation_about(0, forearm.flexion[:, None] * share) @ rotation_about(2, forearm.deviation[:, None] * share)
    # the axis is an arc up to the end of the bend, then straight: its chord halves the angle
    half = rotation_about(0, forearm.flexion[:, None] * share / 2) @ rotation_about(
        2, forearm.deviation[:, None] * share / 2
    )
    back = distance.new_tensor([0.0, -1.0, 0.0])
    along = half @ (back * torch.minimum(distance, bend_over)[..., None])[..., None]
    along = along + turn @ (back * (distance - bend_over).clamp_min(0)[..., None])[..., None]
    grown = local[:, None] * (width * (1 + 0.0016 * distance))[..., None, None]
    placed = (turn[:, :, None] @ grown[..., None]).squeeze(-1) + along.transpose(-1, -2)
    return placed @ to_wrist.transpose(-1, -2)[:, None] + centre[:, None]


def _band(near: Int[Tensor, "w"], far: Int[Tensor, "w"]) -> Int[Tensor, "f 3"]:
    """The faces between two rings; ``near`` is on the hand's side."""
    next_near, next_far = near.roll(-1), far.roll(-1)
    return torch.cat([torch.stack([next_near, near, far], 1), torch.stack([next_near, far, next_far], 1)])


def _lid(ring: Int[Tensor, "w"]) -> Int[Tensor, "f 3"]:
    """The faces that close the cut end, as a fan from the ring's first vertex."""
    return torch.stack([ring[2:], ring[1:-1], ring[:1].expand(len(ring) - 2)], dim=1)

"""Spin match: from any 21 joints to the rig's pose, batched; nothing is stretched, every bone points as its target's.

Joints tell where bones point but not how they spin. Scale and root come from a fit, a finger's base from a universal
joint, its spin from the plane it is bent in as far as that can be told from noise, the rest from minimal swings. The
posed rig's own joints and vertices are the labels, so these are exact whatever the residual.
"""

from dataclasses import dataclass
from enum import IntEnum

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from handpose_core.hand import FINGER_JOINTS
from handpose_core.rig import JOINT_LIMITS, HandRig, rest_flexion
from handpose_mvhm.matching.fingers import Fingers, bone_directions
from handpose_mvhm.matching.frames import in_frame
from handpose_mvhm.matching.palm import PALM, PalmFit, finger_scale, fit_palm

_CHAINS = [list(chain) for chain in FINGER_JOINTS.values()]
_SHORTEST = 1e-3
"""mm; a shorter bone has no direction."""


class Reason(IntEnum):
    """Why a sample was rejected; the first one that holds."""

    FITS = 0
    PALM_UNKNOWN = 1
    FINGERS_UNKNOWN = 2
    PALM_DEGENERATE = 3
    PALM_MISFIT = 4
    BEYOND_LIMITS = 5

    @property
    def words(self) -> str:
        """As a manifest tells it."""
        return _WORDS[self]


_WORDS = {
    Reason.FITS: "fits",
    Reason.PALM_UNKNOWN: "a joint of the palm is not a number",
    Reason.FINGERS_UNKNOWN: "no finger bone has a length",
    Reason.PALM_DEGENERATE: "the palm's joints lie on a line",
    Reason.PALM_MISFIT: "the palm is not shaped as the rig's",
    Reason.BEYOND_LIMITS: "a finger is bent beyond a joint's limits",
}


@dataclass(frozen=True)
class Tolerance:
    """How much noise to expect, and how bad a sample may be.

    Attributes:
        noise: of a joint's position along one axis, mm.
        residual: largest weighted root mean square distance of the palm, mm.
        spread: least second over first singular value of the palm.
        limits: how far flexion and abduction may be beyond `handpose_core.rig.JOINT_LIMITS`, degrees.
    """

    noise: float = 1.0
    residual: float = 8.0
    spread: float = 0.02
    limits: float = 25.0


@dataclass(frozen=True)
class SpinMatch:
    """The rig posed as the targets are: ``scale * rig(pose, shape, rotation, translation)`` lies on them.

    Rejected samples have finite numbers too, without meaning.

    Attributes:
        pose: turn of each finger joint, as `HandRig` takes it.
        rotation: of the wrist.
        translation: mm of the rig.
        scale: the target's size over the rig's.
        joints: the posed rig's, mm of the rig.
        rotations: world orientation of each bone's frame, as in `handpose_core.rig.PosedHand`.
        palm_residual: weighted root mean square distance of the palm, mm of the target.
        joint_error: distance of every joint to its target, mm of the target; not-a-number where that is.
        reason: a `Reason` each.
    """

    pose: Float[Tensor, "batch 15 3 3"]
    rotation: Float[Tensor, "batch 3 3"]
    translation: Float[Tensor, "batch 3"]
    scale: Float[Tensor, "batch"]
    joints: Float[Tensor, "batch 21 3"]
    rotations: Float[Tensor, "batch 16 3 3"]
    palm_residual: Float[Tensor, "batch"]
    joint_error: Float[Tensor, "batch 21"]
    reason: Int[Tensor, "batch"]

    @property
    def fits(self) -> Bool[Tensor, "batch"]:
        """Samples that were not rejected."""
        return self.reason == Reason.FITS

    def rejects(self) -> dict[str, int]:
        """How many samples were rejected for each reason."""
        counts = {reason.words: int((self.reason == reason).sum()) for reason in Reason if reason != Reason.FITS}
        return {words: count for words, count in counts.items() if count}


@torch.no_grad()
def spin_match(
    rig: HandRig,
    joints: Float[Tensor, "batch 21 3"],
    shape: Float[Tensor, "batch s"] | None = None,
    tolerance: Tolerance | None = None,
) -> SpinMatch:
    """Pose the rig as right hands' joints are; mirror left hands first (`handpose_core.rig.mirror`).

    No sample raises: one that cannot be matched has a `Reason`. Finger joints may be missing (not-a-number): a bone
    without a direction takes that of the bone before it.

    Args:
        rig: the hand.
        joints: canonical, mm or any other unit with ``tolerance`` in the same, in any frame that is not mirrored.
        shape: of the rig, for each sample; its mean shape if absent.
        tolerance: what to expect and to accept.
    """
    tolerance = tolerance or Tolerance()
    target = joints.double()
    rest = (rig.joints[None] if shape is None else rig.rest(shape)[1]).double()
    frames = rig.rest_frames(rest)[:, 1:].unflatten(1, (5, 3))
    bones = target[:, _CHAINS].diff(dim=2)
    lengths = torch.linalg.vector_norm(bones, dim=-1)
    known = lengths > _SHORTEST  # false for not-a-number
    rest_lengths = torch.linalg.vector_norm(rest[:, _CHAINS].diff(dim=2), dim=-1)
    scale = finger_scale(rest_lengths.expand_as(lengths), lengths, known)
    reason = torch.where(target[:, PALM].isfinite().all((1, 2)), Reason.FITS, Reason.PALM_UNKNOWN)
    reason = _first(reason, ~known.any(2).any(1), Reason.FINGERS_UNKNOWN)
    usable = reason == Reason.FITS
    scale = torch.where(usable, scale, 1)
    aim = torch.where(usable[:, None, None], target[:, PALM], rest[:, PALM])
    palm = fit_palm(scale[:, None, None] * rest[:, PALM], aim)
    reason = _first(reason, palm.spread < tolerance.spread, Reason.PALM_DEGENERATE)
    reason = _first(reason, palm.residual > tolerance.residual, Reason.PALM_MISFIT)
    resting = (palm.rotation[:, None] @ frames[:, :, 0])[..., 1]
    directions = bone_directions(bones, known, resting)
    mean_length = (torch.where(known, lengths, 0).sum(-1) / known.sum(-1).clamp_min(1)).clamp_min(_SHORTEST)
    fingers = Fingers(frames, directions, mean_length, tolerance.noise)
    posed = fingers.pose(palm.rotation)
    pose = _local(palm.rotation, frames, posed)
    reason = _first(reason, _beyond_limits(rig, pose, tolerance.limits), Reason.BEYOND_LIMITS)
    matched = _joints(rest, frames, palm, scale, posed)
    error = torch.linalg.vector_norm(scale[:, None, None] * matched - target, dim=-1)
    kind = rig.joints.dtype
    return SpinMatch(
        pose=pose.flatten(1, 2).to(kind),
        rotation=palm.rotation.to(kind),
        translation=(palm.translation / scale[:, None]).to(kind),
        scale=scale.to(kind),
        joints=matched.to(kind),
        rotations=torch.cat([palm.rotation[:, None], posed.flatten(1, 2)], dim=1).to(kind),
        palm_residual=palm.residual.to(kind),
        joint_error=error.to(kind),
        reason=reason,
    )


def _first(reason: Int[Tensor, "batch"], holds: Bool[Tensor, "batch"], then: Reason) -> Int[Tensor, "batch"]:
    return torch.where((reason == Reason.FITS) & holds, then, reason)


def _local(
    root: Float[Tensor, "batch 3 3"], frames: Float[Tensor, "_ 5 3 3 3"], posed: Float[Tensor, "batch 5 3 3 3"]
) -> Float[Tensor, "batch 5 3 3 3"]:
    """Each joint's turn in its bone's rest frame."""
    turns = posed @ frames.mT
    parents = torch.cat([root[:, None, None].expand(-1, 5, -1, -1, -1), turns[:, :, :2]], dim=2)
    return (parents @ frames).mT @ posed


def _joints(
    rest: Float[Tensor, "_ 21 3"],
    frames: Float[Tensor, "_ 5 3 3 3"],
    palm: PalmFit,
    scale: Float[Tensor, "batch"],
    posed: Float[Tensor, "batch 5 3 3 3"],
) -> Float[Tensor, "batch 21 3"]:
    """The posed rig's joints: the palm's by the fit, the fingers' bone by bone."""
    joints = rest.new_empty(len(posed), *rest.shape[1:])
    joints[:, PALM] = rest[:, PALM] @ palm.rotation.mT + (palm.translation / scale[:, None])[:, None]
    arms = rest[:, _CHAINS].diff(dim=2)
    steps = (posed * in_frame(frames, arms)[..., None, :]).sum(-1).cumsum(2)
    for finger, chain in enumerate(_CHAINS):
        joints[:, chain[1:]] = joints[:, chain[:1]] + steps[:, finger]
    return joints


def _beyond_limits(rig: HandRig, pose: Float[Tensor, "batch 5 3 3 3"], slack: float) -> Bool[Tensor, "batch"]:
    """Whether a joint's flexion, or the abduction of a finger's first joint, is beyond its limits and the slack."""
    x, y, z = pose[..., 1].unbind(-1)
    flexion = torch.atan2(z, torch.where(y < 0, -1.0, 1.0) * torch.hypot(x, y))
    flexion = flexion + rest_flexion(rig).to(flexion).unflatten(0, (5, 3))
    abduction = torch.atan2(-x, torch.hypot(y, z))[:, :, 0]
    allowed = JOINT_LIMITS.to(flexion).unflatten(0, (5, 3))
    slack = slack * torch.pi / 180
    over = torch.maximum(flexion - allowed[..., 0, 1], allowed[..., 0, 0] - flexion) > slack
    wide = torch.maximum(abduction - allowed[:, 0, 1, 1], allowed[:, 0, 1, 0] - abduction) > slack
    return over.flatten(1).any(1) | wide.any(1)

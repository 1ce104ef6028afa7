"""Select the poses that can be shown: by any hand, and by a hand of a given shape."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Float64, Int
from numpy import ndarray
from torch import Tensor

from handpose_core.errors import HandposeError
from handpose_core.rig import HandRig
from handpose_core.synth.poses import PoseSampler
from handpose_mvhm.generate.sources import PoseSet
from handpose_mvhm.spin_match import SpinMatch, spin_match

_BATCH = 2048
_PENETRATES = "fingers run through each other"


@dataclass(frozen=True)
class Accepted:
    """The poses that can be shown, and what became of the others.

    Attributes:
        ids: their numbers in the source.
        joints: theirs, as given.
        blocks: theirs.
        given: how many the source has.
        rejects: how many were left out for each reason.
    """

    ids: Int[ndarray, " poses"]
    joints: Float64[ndarray, "poses 21 3"]
    blocks: Int[ndarray, " poses"]
    given: int
    rejects: dict[str, int]


@dataclass(frozen=True)
class Matched:
    """Poses of hands of given shapes.

    Attributes:
        match: of the rig to the joints.
        penetrates: fingers of the matched hand run through each other.
    """

    match: SpinMatch
    penetrates: Bool[Tensor, "batch"]

    @property
    def accepted(self) -> Bool[Tensor, "batch"]:
        """Hands that fit and whose fingers do not run through each other."""
        return self.match.fits & ~self.penetrates


def match_hands(
    sampler: PoseSampler, joints: Float[Tensor, "batch 21 3"], shape: Float[Tensor, "batch s"] | None = None
) -> Matched:
    """Match joints with hands of the given shapes, and judge penetration at these shapes.

    Args:
        sampler: judges penetration; its rig is matched.
        joints: mm, right hands.
        shape: components of each hand, standard deviations; the mean shape without.

    Returns:
        The matches, and which hands can be shown.
    """
    match = spin_match(sampler.rig, joints, shape)
    return Matched(match, match.fits & sampler.overlap(match.joints, shape))


def accept(poses: PoseSet, rig: HandRig) -> Accepted:
    """Match all poses with the rig's mean shape, and sort out those that do not fit or whose fingers penetrate.

    What is left can be shown by the mean shape. The shape that shows a pose is drawn, and judged, by `work`.

    Args:
        poses: of right hands.
        rig: the hand.

    Returns:
        The poses that are left, and counts of the others.

    Raises:
        HandposeError: none is left.
    """
    sampler, kept, rejects = PoseSampler(rig), [], dict[str, int]()
    for joints in torch.from_numpy(poses.joints).split(_BATCH):
        matched = match_hands(sampler, joints)
        kept.append(matched.accepted)
        for reason, count in (*matched.match.rejects().items(), (_PENETRATES, int(matched.penetrates.sum()))):
            if count:
                rejects[reason] = rejects.get(reason, 0) + count
    ids = torch.cat(kept).nonzero().squeeze(-1).numpy()
    if not len(ids):
        told = ", ".join(f"{count}: {reason}" for reason, count in rejects.items())
        raise HandposeError(
            f"--poses, {poses.name}", f"none of {len(poses.joints)} poses fits ({told})", "poses of hands",
            "Check the joints' order, unit and side: `handpose data check` does it for a whole dataset.",
        )  # fmt: skip
    return Accepted(ids, poses.joints[ids], poses.blocks[ids], len(poses.joints), rejects)

"""Which of the given poses can be shown."""

from dataclasses import dataclass

import torch
from jaxtyping import Float64, Int
from numpy import ndarray

from handpose_core.errors import HandposeError
from handpose_core.rig import HandRig
from handpose_core.synth.poses import PoseSampler
from handpose_mvhm.generate.sources import PoseSet
from handpose_mvhm.spin_match import spin_match

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


def accept(poses: PoseSet, rig: HandRig) -> Accepted:
    """Match all poses with the rig's mean shape, and sort out those that do not fit or whose fingers penetrate.

    Raises:
        HandposeError: none is left.
    """
    sampler, kept, rejects = PoseSampler(rig), [], dict[str, int]()
    for joints in torch.from_numpy(poses.joints).split(_BATCH):
        match = spin_match(rig, joints)
        through = match.fits & sampler.overlap(match.joints)
        kept.append(match.fits & ~through)
        for reason, count in (*match.rejects().items(), (_PENETRATES, int(through.sum()))):
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

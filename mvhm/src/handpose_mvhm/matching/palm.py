"""The root of the spin match: the rig's size and where its palm lies."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from handpose_core.hand import FINGER_JOINTS, WRIST

PALM: tuple[int, ...] = (WRIST, *(chain[0] for chain in FINGER_JOINTS.values()))
"""The wrist, the thumb's CMC and the four MCPs."""
_WEIGHTS = torch.tensor([2.0, 0.5, 1.0, 1.0, 1.0, 1.0], dtype=torch.float64)


@dataclass(frozen=True)
class PalmFit:
    """A weighted rigid fit of one palm to another.

    Attributes:
        rotation: of the first palm.
        translation: after it, mm.
        residual: weighted root mean square distance, mm.
        spread: second over first singular value; 0 for points on a line.
    """

    rotation: Float[Tensor, "batch 3 3"]
    translation: Float[Tensor, "batch 3"]
    residual: Float[Tensor, "batch"]
    spread: Float[Tensor, "batch"]


def finger_scale(
    rest_lengths: Float[Tensor, "batch 5 3"], lengths: Float[Tensor, "batch 5 3"], known: Bool[Tensor, "batch 5 3"]
) -> Float[Tensor, "batch"]:
    """Ratio of the summed finger bones that are known; the palm is unreliable where the wrist was extrapolated."""
    return torch.where(known, lengths, 0).sum((1, 2)) / torch.where(known, rest_lengths, 0).sum((1, 2))


def fit_palm(rest: Float[Tensor, "batch 6 3"], target: Float[Tensor, "batch 6 3"]) -> PalmFit:
    """Weighted rigid fit (Kabsch 1976; Umeyama 1991 for the sign): wrist 2, the MCPs 1, thumb CMC 0.5.

    Args:
        rest: the palm's joints as `PALM` lists them, in the target's scale.
        target: where they should lie, finite.
    """
    weights = (_WEIGHTS / _WEIGHTS.sum()).to(rest)[:, None]
    middle, aim = (weights * rest).sum(1, keepdim=True), (weights * target).sum(1, keepdim=True)
    covariance = (weights * (target - aim)).mT @ (rest - middle)
    U, S, Vh = torch.linalg.svd(covariance)
    sign = torch.ones_like(S)
    sign[:, 2] = torch.linalg.det(U @ Vh).sign()
    rotation = (U * sign[:, None]) @ Vh
    moved = (rest - middle) @ rotation.mT
    residual = (weights * (moved - (target - aim)).square()).sum((1, 2)).sqrt()
    translation = (aim - middle @ rotation.mT).squeeze(1)
    return PalmFit(rotation, translation, residual, S[:, 1] / S[:, 0].clamp_min(1e-12))

"""Millimetres for a hand that is known up to its place and its scale."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from handpose_core.camera import back_project, reference_length
from handpose_core.datasets.sample import Sample
from handpose_core.hand import WRIST
from handpose_core.training.prediction import Estimate


@dataclass(frozen=True)
class PlacedEstimate(Estimate):
    """An `Estimate` with its joints in space.

    Args:
        xyz: root-relative, in lengths of the reference bone; camera frame.
    """

    xyz: Float[Tensor, "batch 21 3"]


def at_true_root(estimate: PlacedEstimate, batch: Sample) -> Float[Tensor, "batch 21 3"]:
    """``true_root_and_scale``: joints (mm) with the true reference bone, put on the true wrist.

    The wrist is given in all three coordinates: these networks say where the joints are about it, and nothing else.
    """
    truth = batch["joints_3d"]
    return estimate.xyz * reference_length(truth)[:, None, None] + truth[:, [WRIST]]


def at_fitted_root(
    estimate: PlacedEstimate, K: Float[Tensor, "batch 3 3"], scale: Float[Tensor, "*scale"]
) -> Float[Tensor, "batch 21 3"]:
    """Put joints where they fit the estimated pixels best (``predicted``).

    Args:
        estimate: Joints in lengths of the reference bone.
        K: Intrinsics, px.
        scale: Length of the reference bone, mm: one, or one for each hand (batch 1 1).

    Returns:
        Joints, mm, camera frame.
    """
    hand = estimate.xyz * scale
    return hand + fit_translation(hand, estimate.joints_2d, K)[:, None]


def fit_translation(
    points: Float[Tensor, "batch n 3"], pixels: Float[Tensor, "batch n 2"], K: Float[Tensor, "batch 3 3"]
) -> Float[Tensor, "batch 3"]:
    """The t for which ``points + t`` lie nearest to the rays of ``pixels``: x + t_x = a (z + t_z), and so for y.

    Linear least squares in closed form; the rays (a, b, 1) are `back_project`'s at depth 1.
    """
    rays = back_project(pixels, torch.ones_like(pixels[..., 0]), K)[..., :2]
    offsets = rays * points[..., 2:] - points[..., :2]
    centred = rays - rays.mean(dim=1, keepdim=True)
    z = -(centred * offsets).sum((1, 2)) / centred.square().sum((1, 2)).clamp_min(1e-12)
    xy = offsets.mean(dim=1) + rays.mean(dim=1) * z[:, None]
    return torch.cat([xy, z[:, None]], dim=1)

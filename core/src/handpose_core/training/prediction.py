"""What a method predicts, and how millimetres come back from pixels and relative depth."""

from dataclasses import dataclass
from typing import Literal, get_args

from jaxtyping import Float
from torch import Tensor

from handpose_core.camera import recover_joints, reference_length, solve_root_depth
from handpose_core.datasets.sample import Sample
from handpose_core.hand import WRIST

Recover = Literal["true_root_and_scale", "predicted"]
"""Where root depth and scale come from: the truth, as in the thesis's figures, or the prediction alone."""
RECOVERIES: tuple[Recover, ...] = get_args(Recover)


@dataclass(frozen=True)
class Estimate:
    """A method's answer in crop coordinates, before any millimetres.

    Args:
        joints_2d: px of the crop.
        z_rel: depth relative to the wrist, in lengths of the reference bone.
        scores: confidence of each joint, the higher the surer.
    """

    joints_2d: Float[Tensor, "batch 21 2"]
    z_rel: Float[Tensor, "batch 21"]
    scores: Float[Tensor, "batch 21"]


@dataclass(frozen=True)
class Prediction(Estimate):
    """An `Estimate` with its joints in mm, camera frame."""

    joints_3d: Float[Tensor, "batch 21 3"]


def recover_with_truth(estimate: Estimate, batch: Sample) -> Float[Tensor, "batch 21 3"]:
    """``true_root_and_scale``: joints (mm) with the true root depth and the true reference bone."""
    truth = batch["joints_3d"]
    return recover_joints(estimate.joints_2d, estimate.z_rel, batch["K"], truth[:, WRIST, 2], reference_length(truth))


def recover_without_truth(estimate: Estimate, batch: Sample, scale: Float[Tensor, ""]) -> Float[Tensor, "batch 21 3"]:
    """``predicted``: joints (mm) with one ``scale`` (mm) for every hand and the root depth that fits it."""
    scales = scale.expand(len(estimate.z_rel))
    root = solve_root_depth(estimate.joints_2d, estimate.z_rel, batch["K"], scales)
    return recover_joints(estimate.joints_2d, estimate.z_rel, batch["K"], root, scales)


def with_joints(estimate: Estimate, joints_3d: Float[Tensor, "batch 21 3"]) -> Prediction:
    """The estimate with its joints in mm."""
    return Prediction(estimate.joints_2d, estimate.z_rel, estimate.scores, joints_3d)

"""What a module remembers of its training labels; it belongs to the checkpoint."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from handpose_core.camera import reference_length
from handpose_core.datasets.sample import Sample, labelled
from handpose_core.errors import HandposeError
from handpose_core.hand import N_JOINTS, REFERENCE_BONE, WRIST


class LabelMeans(nn.Module):
    """Running means over the training labels: the reference bone's length and the root-relative pose."""

    bone_sum: Tensor
    bone_count: Tensor
    pose_sum: Tensor
    pose_count: Tensor

    def __init__(self) -> None:
        super().__init__()
        # single precision has 24 bits: sums of millions of labels need more
        self.register_buffer("bone_sum", torch.zeros((), dtype=torch.float64))
        self.register_buffer("bone_count", torch.zeros((), dtype=torch.long))
        self.register_buffer("pose_sum", torch.zeros(N_JOINTS, 3, dtype=torch.float64))
        self.register_buffer("pose_count", torch.zeros(N_JOINTS, 1, dtype=torch.long))

    def update(self, batch: Sample) -> None:
        """Add a training batch; joints without annotation do not count, nor samples without 3D joints."""
        if "joints_3d" not in batch:
            return
        joints, annotated = batch["joints_3d"], batch["annotated"] & labelled(batch, "joints_3d")[..., None]
        known = annotated[:, list(REFERENCE_BONE)].all(dim=1)
        self.bone_sum += reference_length(joints)[known].sum()
        self.bone_count += known.sum()
        counted = (annotated & annotated[:, [WRIST]])[..., None]
        self.pose_sum += torch.where(counted, joints - joints[:, [WRIST]], 0).sum(dim=0)
        self.pose_count += counted.sum(dim=0)

    @property
    def bone(self) -> Float[Tensor, ""]:
        """Mean length (mm) of the reference bone.

        Raises:
            HandposeError: no training labels were seen.
        """
        self._require(self.bone_count, "the length of the reference bone", "Set scale_mm (about 45 for an adult), or")
        return (self.bone_sum / self.bone_count).float()

    @property
    def knows_pose(self) -> bool:
        """Whether every joint was seen."""
        return bool(self.pose_count.min())

    @property
    def pose(self) -> Float[Tensor, "21 3"]:
        """Mean pose (mm), the wrist at the origin.

        Raises:
            HandposeError: no training labels were seen.
        """
        self._require(self.pose_count.min(), "the mean pose", "Leave the baseline out, or")
        return (self.pose_sum / self.pose_count).float()

    @staticmethod
    def _require(count: Tensor, what: str, fix: str) -> None:
        if not count:
            raise HandposeError(
                what, "no training labels to learn it from", "a trained module", f"{fix} load a trained checkpoint."
            )

from typing import Any, ClassVar

import torch
from pytorch_lightning.cli import OptimizerCallable
from torch import Tensor, nn

from handpose_core.camera import relative_depth
from handpose_core.datasets.sample import Sample
from handpose_core.training.module import HandPoseModule
from handpose_core.training.prediction import Estimate
from handpose_core.training.schedules import Schedule


def _sgd(parameters: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=0.01)


class LearntPose(nn.Module):
    """The same pose for every image."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.pose = nn.Parameter(torch.rand(21, width))

    def forward(self, image: Tensor) -> Tensor:
        return self.pose.expand(len(image), -1, -1)


class TinyModule(HandPoseModule):
    """Predicts one learnt pose, whatever the image.

    Args:
        width: a size that the checkpoint has to bring back.
        optimizer: see `HandPoseModule`.
        schedule: see `HandPoseModule`.
        scale_mm: see `HandPoseModule`.
    """

    display_name: ClassVar[str] = "tiny"

    def __init__(
        self,
        width: int = 3,
        optimizer: OptimizerCallable = _sgd,
        schedule: Schedule | None = None,
        scale_mm: float | None = None,
    ) -> None:
        super().__init__(optimizer, schedule, scale_mm)
        self.width = width
        self.network = self.build_network()
        self.save_sizes()

    def build_network(self) -> nn.Module:
        return LearntPose(self.width)

    def forward(self, image: Tensor) -> Tensor:
        output: Tensor = self.network(image)
        return output

    def losses(self, output: Tensor, batch: Sample) -> dict[str, Tensor]:
        size = batch["image"].shape[-1]
        flat = (output[..., :2] - batch["joints_2d"] / size).abs().mean()
        depth = (output[..., 2] - relative_depth(batch["joints_3d"])).abs().mean()
        return {"loss": flat + depth, "loss_2d": flat, "loss_z": depth}

    def decode(self, output: Tensor, image_size: int) -> Estimate:
        return Estimate(output[..., :2] * image_size, output[..., 2], torch.ones_like(output[..., 2]))


class OtherModule(TinyModule):
    """Another method with the same arguments."""

    display_name: ClassVar[str] = "other"

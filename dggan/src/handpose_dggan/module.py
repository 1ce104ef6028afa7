"""DGGAN's LightningModule. So far: the row "Regression" of Table 3.1, trained on RGB images alone."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.optim import RMSprop

from handpose_core.camera import relative_depth
from handpose_core.datasets.sample import Sample
from handpose_core.hand import N_JOINTS, REFERENCE_BONE, WRIST
from handpose_core.nn.cpm import PAPER_CPM, CPMSize
from handpose_core.nn.heatmaps import Argmax, Decoder, SoftArgmax, add_background, gaussian_heatmaps
from handpose_core.training.module import HandPoseModule
from handpose_core.training.prediction import Estimate
from handpose_core.training.schedules import OptimizerCallable, Schedule
from handpose_dggan.losses import depth_loss, heatmap_loss
from handpose_dggan.networks import PAPER_DEPTH_HEAD, DepthHeadSize, PoseRegressor

Output = tuple[list[Tensor], Tensor]
"""Heatmaps of every stage, and relative depths."""

ARGMAX = Argmax()

# so that a checkpoint that holds them loads
torch.serialization.add_safe_globals([CPMSize, DepthHeadSize, Argmax, SoftArgmax])


class DGGANModule(HandPoseModule):
    """Pose regression with the loss λ_2D L_2D + λ_z L_z, (3.7) without its depth regulariser.

    Args:
        cpm: size of the 2D pose machine.
        depth_head: size of the depth head.
        sigma: standard deviation of the target Gaussians, px of the image.
        loss_size: side of the maps on which L_2D is taken.
        lambda_2d: weight of the heatmap loss.
        lambda_z: weight of the depth loss.
        decoder: how joints are read off the last stage's maps.
        optimizer: builds the optimiser; the thesis's by default.
        schedule: the learning rate's schedule; None keeps it constant.
        scale_mm: see `HandPoseModule`.
    """

    display_name = "DGGAN, regression"

    def __init__(
        self,
        cpm: CPMSize = PAPER_CPM,
        depth_head: DepthHeadSize = PAPER_DEPTH_HEAD,
        sigma: float = 8.0,
        loss_size: int = 256,
        lambda_2d: float = 1.0,
        lambda_z: float = 0.1,
        decoder: Decoder = ARGMAX,
        optimizer: OptimizerCallable = lambda parameters: RMSprop(parameters, lr=2.5e-5),
        schedule: Schedule | None = None,
        scale_mm: float | None = None,
    ) -> None:
        super().__init__(optimizer, schedule, scale_mm)
        self.cpm, self.depth_head = cpm, depth_head
        self.network = self.build_network()
        self.sigma, self.loss_size = sigma, loss_size
        self.lambda_2d, self.lambda_z = lambda_2d, lambda_z
        self.decoder = decoder
        self.save_sizes()

    def build_network(self) -> PoseRegressor:
        """See `HandPoseModule.build_network`."""
        network = PoseRegressor(self.cpm, self.depth_head)
        return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]

    def forward(self, image: Float[Tensor, "batch 3 height width"]) -> Output:
        """See `PoseRegressor`."""
        output: Output = self.network(image.contiguous(memory_format=torch.channels_last))
        return output

    def losses(self, output: Output, batch: Sample) -> dict[str, Float[Tensor, ""]]:
        """``loss_2d`` (3.3), ``loss_z`` (3.4) and their weighted sum ``loss`` (3.7).

        A joint without annotation counts in neither; the background map counts where all joints are
        annotated, relative depths where the wrist and the reference bone are.
        """
        stages, z_rel = output
        annotated = batch["annotated"]
        target = add_background(
            gaussian_heatmaps(batch["joints_2d"], self.sigma, batch["image"].shape[-1], self.loss_size)
        )
        counted = torch.cat([annotated, annotated.all(dim=1, keepdim=True)], dim=1)
        anchored = annotated[:, [WRIST, *REFERENCE_BONE]].all(dim=1, keepdim=True)
        loss_2d = heatmap_loss(stages, target, counted)
        loss_z = depth_loss(z_rel, relative_depth(batch["joints_3d"]), annotated & anchored)
        return {"loss": self.lambda_2d * loss_2d + self.lambda_z * loss_z, "loss_2d": loss_2d, "loss_z": loss_z}

    def decode(self, output: Output, image_size: int) -> Estimate:
        """The last stage's maps as the decoder reads them, and the depths."""
        stages, z_rel = output
        joints_2d, scores = self.decoder(stages[-1][:, :N_JOINTS], image_size)
        return Estimate(joints_2d, z_rel.float(), scores)

"""MVHM's LightningModule: one view or several; the objective chooses what learns."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.optim import Adam
from torchmetrics import MeanMetric

from handpose_core.camera import reference_length
from handpose_core.datasets.sample import Sample, labelled
from handpose_core.hand import WRIST
from handpose_core.metrics import HandMeshScore
from handpose_core.metrics.functional import mpvpe
from handpose_core.nn.backbones import WEIGHTS, freeze_backbones, load_weights_of
from handpose_core.nn.heatmaps import Argmax, Decoder, SoftArgmax
from handpose_core.nn.hourglass import HourglassSize
from handpose_core.rig import load_rig
from handpose_core.training.callbacks_meshes import MeshEstimate
from handpose_core.training.experiment.needs import Need, Split, needs_of, restricted
from handpose_core.training.module import HandPoseModule
from handpose_core.training.prediction import Estimate, Prediction, Recover, recover_with_truth, with_joints
from handpose_core.training.results import ScoreSheet
from handpose_core.training.schedules import OptimizerCallable, Schedule
from handpose_mvhm.meshes import mesh_needs, mesh_pixels, metric_mesh, require_vertices
from handpose_mvhm.networks import (
    PAPER_SINGLE_VIEW,
    Concatenation,
    DepthHeadSize,
    Fusion,
    GraphUNetSize,
    Mean,
    MeshSize,
    RefinedTriangulation,
    SingleView,
    SingleViewNetwork,
    SingleViewSize,
    Triangulation,
)
from handpose_mvhm.objectives import (
    DepthWithBothFixed,
    EndToEnd,
    FusionOnly,
    Heatmaps,
    MeshWithFixed2D,
    MultiViewEndToEnd,
    Objective,
    Values,
)
from handpose_mvhm.view_counts import ViewCountScore
from handpose_mvhm.views import anchored, as_rows, to_cameras, usable_truth, view_poses

OPTIMIZER = partial(Adam, lr=1e-3)
ARGMAX = Argmax()
HEATMAPS = Heatmaps()

# so that a checkpoint that holds them loads
_IN_CHECKPOINTS: list[Any] = [
    *(SingleViewSize, HourglassSize, MeshSize, DepthHeadSize, GraphUNetSize, Argmax, SoftArgmax),
    *(Mean, Concatenation, Triangulation, RefinedTriangulation),
    *(Heatmaps, MeshWithFixed2D, DepthWithBothFixed, EndToEnd, FusionOnly, MultiViewEndToEnd),
]
torch.serialization.add_safe_globals(_IN_CHECKPOINTS)


class MVHMModule(HandPoseModule):
    """Heatmaps, a mesh and depths of each view; with a fusion, one hand of all views.

    Single views and fused hands are scored alike: every view is a row, in its camera's frame. Fused joints come from
    the views as they were recovered, by the truth or without it. 2D joints and meshes are each view's own.

    Args:
        size: of the single-view network.
        fusion: how views are fused; None takes each for itself, also of groups.
        objective: what is trained, and by which losses.
        sigma: standard deviation of the target Gaussians, px of the image.
        decoder: how joints are read off the last hourglass's maps.
        optimizer: see `HandPoseModule`.
        schedule: see `HandPoseModule`.
        scale_mm: see `HandPoseModule`.
        backbone_weights: what an EfficientNet-Lite backbone begins with, see `load_weights`; None for random weights.
            Of no account where a checkpoint is loaded.
    """

    display_name = "MVHM"
    network: SingleViewNetwork

    def __init__(
        self,
        size: SingleViewSize = PAPER_SINGLE_VIEW,
        fusion: Fusion | None = None,
        objective: Objective = HEATMAPS,
        sigma: float = 8.0,
        decoder: Decoder = ARGMAX,
        optimizer: OptimizerCallable = OPTIMIZER,
        schedule: Schedule | None = None,
        scale_mm: float | None = None,
        backbone_weights: WEIGHTS | None = None,
    ) -> None:
        super().__init__(optimizer, schedule, scale_mm)
        self.size, self.sigma, self.decoder, self.objective = size, sigma, decoder, objective
        self.network = self.build_network()
        load_weights_of(self.network, backbone_weights)
        self.initial_weights = backbone_weights
        self.fusion = fusion.build() if fusion else None
        self.requires_grad_(False)
        for trained in self.objective.trained(self).values():
            trained.requires_grad_(True)
        for unused in self.objective.unused(self):
            unused.requires_grad_(False)
        freeze_backbones(self)
        self.mesh_errors = MeanMetric()
        self.mesh_score, self.mesh_score_procrustes = HandMeshScore("none"), HandMeshScore("procrustes")
        self.view_counts = ViewCountScore()
        self.train()
        self.save_sizes()

    def build_network(self) -> SingleViewNetwork:
        """See `HandPoseModule.build_network`."""
        network = SingleViewNetwork(self.size)
        return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]

    def forward(self, image: Float[Tensor, "batch 3 height width"]) -> SingleView:
        """See `SingleViewNetwork`."""
        output: SingleView = self.network(image.contiguous(memory_format=torch.channels_last))
        return output

    def train(self, mode: bool = True) -> "MVHMModule":
        """Training mode for what is trained alone: the statistics of a fixed network's normalisation are fixed, too."""
        super().train(mode)
        self.network.eval()
        for trained in self.objective.trained(self).values():
            trained.train(mode)
        return self

    def needs(self, split: Split) -> Sequence[Need]:
        """See `HandPoseModule.needs`; those of the objective, of the fusion and, where there are any, of meshes."""
        vertices = len(load_rig(self.size.mesh.rig, self.size.mesh.vertices).vertices)
        learnt = self.objective.needs(vertices) if split in ("train", "val") else ()
        fused = needs_of("model.fusion", "R", "t") if self.fusion is not None and split != "train" else ()
        scored = restricted(mesh_needs(vertices), "vertices", "joints_3d") if split in ("val", "test") else ()
        return (*super().needs(split), *learnt, *fused, *scored)

    def describe(self) -> dict[str, str]:
        """The objective, and how views are fused."""
        return {"objective": str(self.objective), "fusion": type(self.fusion).__name__ if self.fusion else "none"}

    def frames(self, batch: Sample) -> Sample:
        """See `HandPoseModule.frames`: every view of a group is one."""
        return as_rows(batch)

    def inputs(self, batch: Sample) -> tuple[Tensor, ...]:
        """See `HandPoseModule.inputs`: all views' images."""
        return (as_rows(batch)["image"],)

    def training_step(self, batch: Sample, batch_idx: int) -> Tensor | None:
        """One step of the objective."""
        return super().training_step(self.objective.vary(as_rows(batch)), batch_idx)

    def losses(self, output: SingleView, batch: Sample) -> Values:
        """Those of the objective."""
        return self.objective.losses(self, output, as_rows(batch))

    def decode(self, output: SingleView, image_size: int) -> Estimate:
        """The last hourglass's maps as the decoder reads them, and the depths."""
        joints_2d, scores = self.decoder(output.stages[-1], image_size)
        return Estimate(joints_2d, output.z_rel.float(), scores)

    def decode_mesh(self, output: SingleView, image_size: int) -> MeshEstimate:
        """Each view's own."""
        mesh = output.mesh.float()
        faces = torch.as_tensor(load_rig(self.size.mesh.rig, self.size.mesh.vertices).faces)
        return MeshEstimate(mesh_pixels(mesh, image_size), mesh[..., 2], faces)

    def recover(self, estimate: Estimate, batch: Sample, recover: Recover) -> Prediction:
        """Millimetres for an estimate; with a fusion, the fused hand before each view's camera."""
        alone = super().recover(estimate, batch, recover)
        if self.fusion is None:
            return alone
        truly = recover == "true_root_and_scale"
        scale = reference_length(batch["joints_3d"]) if truly else self.bone_mm.expand(len(estimate.z_rel))
        fused = self.fusion(view_poses(alone.joints_3d, estimate.scores, scale, batch))
        return with_joints(estimate, to_cameras(fused, batch))

    def fused_truly(self, output: SingleView, batch: Sample) -> Float[Tensor, "groups 21 3"]:
        """See `Networks`."""
        assert self.fusion is not None  # the objective has seen to it
        truth = usable_truth(batch)
        estimate = self.decode(output, batch["image"].shape[-1])
        joints = recover_with_truth(estimate, {**batch, "joints_3d": truth})
        fused: Tensor = self.fusion(view_poses(joints, estimate.scores, reference_length(truth), batch))
        return fused

    def on_validation_epoch_end(self) -> None:
        """Log the pose's figures, and ``val/mpvpe`` (mm, root-aligned) where there were meshes."""
        super().on_validation_epoch_end()
        if self.mesh_errors.update_called:
            self.log("val/mpvpe", self.mesh_errors.compute())
            self.mesh_errors.reset()

    def on_test_epoch_end(self) -> None:
        """The pose's rows; meshes' errors and F-scores, where there were any; with a fusion ``test/views/N/epe``."""
        super().on_test_epoch_end()
        if self.view_counts.update_called:
            self.log_dict({f"test/views/{count}/epe": epe for count, epe in self.view_counts.compute().items()})
            self.view_counts.reset()
        for alignment, score in self._mesh_scores().items():
            if score.update_called:
                figures = score.compute()
                prefix = f"test/true_root_and_scale/{alignment}"
                self.log_dict({f"{prefix}/{name}": getattr(figures, name) for name in ("mpvpe", "f_5", "f_15")})
                score.reset()

    def _score(self, sheet: ScoreSheet, output: SingleView, batch: Sample) -> None:
        super()._score(sheet, output, batch)
        if self.fusion is not None and sheet is self.test_scores:
            self.view_counts.update(lambda rows: self.fused_truly(output, rows), self.frames(batch))
        if not labelled(batch, "vertices").any():
            return
        predicted, truth = self._rooted_meshes(output, self.frames(batch))
        if sheet is self.val_scores:
            self.mesh_errors.update(mpvpe(predicted, truth))
        else:
            for score in self._mesh_scores().values():
                score.update(predicted, truth)

    def _mesh_scores(self) -> dict[str, HandMeshScore]:
        """By alignment; the first takes meshes whose wrists lie on each other."""
        return {"root": self.mesh_score, "procrustes": self.mesh_score_procrustes}

    def _rooted_meshes(
        self, output: SingleView, batch: Sample
    ) -> tuple[Float[Tensor, "n vertices 3"], Float[Tensor, "n vertices 3"]]:
        """Return predicted and true meshes of anchored hands, mm from the wrists; true root depth and scale."""
        require_vertices(batch, output.mesh.shape[1])
        truth, known = usable_truth(batch), anchored(batch) & labelled(batch, "vertices")
        mesh = metric_mesh(output.mesh, batch, truth[:, WRIST, 2], reference_length(truth))
        joints = recover_with_truth(self.decode(output, batch["image"].shape[-1]), {**batch, "joints_3d": truth})
        return (mesh - joints[:, [WRIST]])[known], (batch["vertices"] - truth[:, [WRIST]])[known]

"""TASSN's LightningModule: clips read forward and backward; the objective chooses what is learnt from them."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from jaxtyping import Bool, Float
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.optim import Adam

from handpose_core.datasets.sample import Sample
from handpose_core.nn.backbones import WEIGHTS, load_weights_of
from handpose_core.nn.heatmaps import Argmax, Decoder, SoftArgmax
from handpose_core.nn.hourglass import STRIDE
from handpose_core.training.callbacks_meshes import MeshEstimate
from handpose_core.training.experiment.needs import Need, Split
from handpose_core.training.fixed import LeavesFixed
from handpose_core.training.module import HandPoseModule
from handpose_core.training.prediction import Estimate
from handpose_core.training.schedules import OptimizerCallable, Schedule, build_optimizer
from handpose_tassn import objectives, terms
from handpose_tassn.clips import Passes, as_clips, as_frames, both_directions, forward_flow, in_clip_order, pixels
from handpose_tassn.flow import DISFlow, Flow, NetworkFlow
from handpose_tassn.networks import (
    PAPER_HEATMAPS,
    PAPER_MESH,
    PAPER_POSE,
    ClipOutput,
    HeatmapSize,
    MeshSize,
    PoseAndMesh,
    PoseSize,
)
from handpose_tassn.objectives import END_TO_END, PARTS, Objective, Values
from handpose_tassn.rehearsal import Rehearsal
from handpose_tassn.reversal import AsTheyAre, Reversal, Turned
from handpose_tassn.veil import Veil

LEARNT_FROM = "learnt_from"
"""In a chapter of the history: which labels of its data a training looked at."""
OPTIMIZER = partial(Adam, lr=1e-5)
ARGMAX = Argmax()


class Places(ABC):
    """Where the estimated joints lie in the crop: the network says so twice."""

    @abstractmethod
    def read(
        self, output: ClipOutput, image_size: int
    ) -> tuple[Float[Tensor, "frames 21 2"], Float[Tensor, "frames 21"]]:
        """Joints (px of the crop) of all frames, clip after clip, and their scores."""


@dataclass(frozen=True)
class OfPose(Places):
    """The pose head's own u and v, as in the thesis; scores are the heatmaps' peaks."""

    def read(
        self, output: ClipOutput, image_size: int
    ) -> tuple[Float[Tensor, "frames 21 2"], Float[Tensor, "frames 21"]]:
        """See `Places`."""
        scores = output.stages[-1].float().flatten(-2).amax(-1).flatten(0, 1)
        return pixels(output.joints[..., :2].float(), image_size).flatten(0, 1), scores


@dataclass(frozen=True)
class OfHeatmaps(Places):
    """The heatmaps' peaks, which have labels; depths alone are the pose head's (Ge et al. 2019).

    Args:
        decoder: how joints are read off the maps.
    """

    decoder: Decoder = ARGMAX

    def read(
        self, output: ClipOutput, image_size: int
    ) -> tuple[Float[Tensor, "frames 21 2"], Float[Tensor, "frames 21"]]:
        """See `Places`."""
        return self.decoder(output.stages[-1].flatten(0, 1), image_size)


OF_POSE = OfPose()
DIS = DISFlow()
AS_THEY_ARE = AsTheyAre()

# so that a checkpoint that holds them loads
_IN_CHECKPOINTS: list[Any] = [
    *(HeatmapSize, MeshSize, PoseSize, OfPose, OfHeatmaps, Argmax, SoftArgmax, DISFlow, NetworkFlow),
    *(AsTheyAre, Turned, Veil),
    *(objectives.MeshPretraining, objectives.HeatmapObjective, objectives.SilhouetteMesh, objectives.EndToEnd),
    *(terms.Heatmaps, terms.SilhouetteTerm, terms.SoftSilhouetteTerm, terms.PoseConsistency, terms.MeshConsistency),
    *(terms.BoneConstancy, terms.OneHand, terms.Plausibility, terms.Projection, terms.TrueMesh, terms.TruePose),
]
torch.serialization.add_safe_globals(_IN_CHECKPOINTS)


class TASSNModule(LeavesFixed, HandPoseModule):
    """Pose and mesh from clips, learnt from what their two directions must agree on.

    Batches are clips, ``(batch, time, ...)``; single images are clips of one frame. Estimates are those of the forward
    direction. Of 3D labels nothing is used in training but by an objective that says so.

    Args:
        heatmaps: size of the hourglass.
        mesh: which mesh, and size of its head.
        pose: size of the pose head.
        flow: estimates optical flow.
        objective: what is trained, and by which losses.
        drop: how often a frame in training sees neither its flow nor the maps of the frame before.
        reversal: how clips are seen in training when they run backward.
        veil: which frames show less than they should in training; None leaves all as they are, as the thesis does.
        rehearsal: generated hands that are learnt from beside the clips; the thesis has none.
        places: where joints lie in the crop.
        optimizer: builds the optimiser; the thesis's rate by default.
        schedule: the learning rate's schedule; None keeps it constant.
        scale_mm: see `HandPoseModule`; None takes the mean of the data that were learnt from with 3D labels.
        backbone_weights: what an EfficientNet-Lite backbone begins with, see `load_weights`; None for random weights.
            Of no account where a checkpoint is loaded.
    """

    display_name = "TASSN"
    network: PoseAndMesh

    def __init__(
        self,
        heatmaps: HeatmapSize = PAPER_HEATMAPS,
        mesh: MeshSize = PAPER_MESH,
        pose: PoseSize = PAPER_POSE,
        flow: Flow = DIS,
        objective: Objective = END_TO_END,
        drop: float = 0.3,
        reversal: Reversal = AS_THEY_ARE,
        veil: Veil | None = None,
        rehearsal: Rehearsal | None = None,
        places: Places = OF_POSE,
        optimizer: OptimizerCallable = OPTIMIZER,
        schedule: Schedule | None = None,
        scale_mm: float | None = None,
        backbone_weights: WEIGHTS | None = None,
    ) -> None:
        super().__init__(optimizer, schedule, scale_mm)
        self.sizes = heatmaps, mesh, pose
        self.network = self.build_network()
        load_weights_of(self.network, backbone_weights)
        self.initial_weights = backbone_weights
        self.flow, self.objective, self.drop, self.places = flow, objective, drop, places
        self.reversal, self.veil, self.rehearsal = reversal, veil, rehearsal
        self._rehearsed: Iterator[Sample] | None = None
        self.save_sizes()
        if rehearsal is not None and not isinstance(self.hparams.get("rehearsal"), dict):
            self.hparams.pop("rehearsal", None)  # data are no part of a model

    def build_network(self) -> PoseAndMesh:
        """See `HandPoseModule.build_network`."""
        network = PoseAndMesh(*self.sizes)
        return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]

    def forward(
        self, images: Float[Tensor, "n t 3 s s"], flow: Float[Tensor, "n t 2 s s"], heeded: Bool[Tensor, "n t"]
    ) -> ClipOutput:
        """See `PoseAndMesh`."""
        output: ClipOutput = self.network(images, flow, heeded)
        return output

    def needs(self, split: Split) -> Sequence[Need]:
        """See `HandPoseModule.needs`; those of the objective's terms."""
        learnt = self.objective.needs(self.network.vertex_count) if split in ("train", "val") else ()
        return (*super().needs(split), *learnt)

    def check_resources(self, subcommand: str) -> None:
        """See `HandPoseModule.check_resources`: the hands that are rehearsed."""
        if subcommand == "fit" and self.rehearsal is not None:
            self.rehearsal.check(self.network.vertex_count)

    def describe(self) -> dict[str, str]:
        """The objective, the parts it trains, and which labels it looks at."""
        return {
            "objective": str(self.objective),
            "reversal": str(self.reversal),
            **({"veil": str(self.veil)} if self.veil else {}),
            "trained": ", ".join(self.objective.trains),
            LEARNT_FROM: self.objective.labels,
            **(self.rehearsal.describe() if self.rehearsal else {}),
        }

    def on_fit_start(self) -> None:
        """Get the hands that are rehearsed, too, then as every training."""
        if self.rehearsal is not None:
            self._rehearsed = self.rehearsal.batches(self.trainer, self.device)
        super().on_fit_start()

    def on_fit_end(self) -> None:
        """Let go of the loaders."""
        self._rehearsed = None

    def inputs(self, batch: Sample) -> tuple[Tensor, ...]:
        """The clips forward, with their flow; all of it is to be heeded."""
        images = as_clips(batch)["image"]
        return images, forward_flow(images, self.flow), _all(images)

    def frames(self, batch: Sample) -> Sample:
        """See `HandPoseModule.frames`."""
        return as_frames(batch)

    def measure(self, images: Float[Tensor, "n t 3 s s"], drop: float, reversal: Reversal = AS_THEY_ARE) -> Passes:
        """Both directions of clips: reversed temporal measurement (section 4.3.3).

        Args:
            images: in the order of time.
            drop: how often a frame sees neither its flow nor the maps of the frame before.
            reversal: how they are seen reversed.
        """
        if images.shape[1] == 1:  # a single frame has no past in either direction
            once = self(images, forward_flow(images, self.flow), _all(images))
            return Passes(once, once, self.network.faces)
        reverse = reversal.see(images)
        both, flow = both_directions(images, reverse, self.flow)
        heeded = torch.rand(both.shape[:2], device=both.device) >= drop
        return in_clip_order(self(both, flow, heeded), reverse, self.network.faces)

    def losses(self, output: Any, batch: Sample) -> Values:
        """Those of the objective, of `Passes` and their clips."""
        return self.objective.losses(output, as_clips(batch))

    def decode(self, output: Any, image_size: int) -> Estimate:
        """All frames' joints, clip after clip."""
        joints_2d, scores = self.places.read(output, image_size)
        return Estimate(joints_2d, output.joints[..., 2].float().flatten(0, 1), scores)

    def decode_mesh(self, output: Any, image_size: int) -> MeshEstimate:
        """All frames' meshes, clip after clip."""
        vertices = output.vertices.float().flatten(0, 1)
        return MeshEstimate(pixels(vertices[..., :2], image_size), vertices[..., 2], self.network.faces)

    @property
    def image_size(self) -> int:
        """Side (px) of the crops that the networks' sizes are made for."""
        _, mesh, _ = self.sizes
        return STRIDE * 2**mesh.poolings * mesh.grid

    def retrain(self, objective: Objective, optimizer: OptimizerCallable) -> None:
        """Learn something else from now on, at a constant rate; checkpoints record the new objective.

        Args:
            objective: What is trained, and by which losses.
            optimizer: Builds the optimiser; checkpoints do not hold it.
        """
        self.objective, self._build_optimizer, self._schedule = objective, optimizer, None
        self.hparams["objective"] = objective
        for name in ("optimizer", "schedule"):
            self.hparams.pop(name, None)

    def untrained(self) -> list[nn.Module]:
        """The parts that the objective leaves as they are."""
        return [self.network.get_submodule(part) for part in sorted(set(PARTS) - set(self.objective.trains))]

    def training_step(self, batch: Sample, batch_idx: int) -> Tensor:
        """One step on clips in both directions."""
        if self.objective.supervised:
            self.label_means.update(as_frames(batch))
        images = as_clips(batch)["image"]
        images = images if self.veil is None else self.veil.over(images)
        values = self.losses(self.measure(images, self.drop, self.reversal), batch)
        if self.rehearsal is not None and self._rehearsed is not None:
            values = self._rehearse(values, self.rehearsal, as_clips(next(self._rehearsed)))
        size = len(batch["image"])
        self.log_dict({f"train/{name}": value for name, value in values.items()}, prog_bar=True, batch_size=size)
        return values["loss"]

    def _rehearse(self, values: Values, rehearsal: Rehearsal, batch: Sample) -> Values:
        """The losses of clips with those of generated hands."""
        own = rehearsal.objective.losses(self.measure(batch["image"], self.drop), batch)["loss"]
        return {**values, "loss": values["loss"] + rehearsal.weight * own, "loss_rehearsal": own}

    def validation_step(self, batch: Sample, batch_idx: int) -> None:
        """Losses of both directions, scores of the forward one, and what the past adds."""
        passes = self.measure(as_clips(batch)["image"], drop=0.0)
        self._record_validation(passes.forward, self.losses(passes, batch), batch)
        self._record_past(passes.forward, batch, "val")

    def test_step(self, batch: Sample, batch_idx: int) -> None:
        """Scores in every recovery and alignment, and what the past adds."""
        output = self(*self.inputs(batch))
        self._score(self.test_scores, output, batch)
        self._record_past(output, batch, "test")

    def moved_by_past(
        self, output: ClipOutput, batch: Sample
    ) -> tuple[Float[Tensor, " frames"], Float[Tensor, " frames"]]:
        """How far each frame's estimate moves once flow and earlier maps are zeroed: 0 says that time is ignored.

        Where it is, both directions agree by themselves, and consistency teaches nothing.

        Args:
            output: of the clips, with their past.
            batch: the clips.

        Returns:
            Means over the joints, of the distance in the crop (px) and of the change in relative depth.
        """
        images, flow, heeded = self.inputs(batch)
        side = images.shape[-1]
        seeing, blind = (self.decode(one, side) for one in (output, self(images, flow, torch.zeros_like(heeded))))
        px = (seeing.joints_2d - blind.joints_2d).norm(dim=-1).mean(-1)
        return px, (seeing.z_rel - blind.z_rel).abs().mean(-1)

    def _record_past(self, output: ClipOutput, batch: Sample, stage: str) -> None:
        px, depth = (moved.mean() for moved in self.moved_by_past(output, batch))
        self.log_dict(
            {f"{stage}/past_px": px, f"{stage}/past_depth": depth}, batch_size=len(batch["image"]), sync_dist=True
        )

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """The recipe's optimiser and schedule for what the objective trains."""
        learning = [p for name in self.objective.trains for p in self.network.get_submodule(name).parameters()]
        optimizer = build_optimizer(self._build_optimizer, learning)
        if self._schedule is None:
            return optimizer
        return {"optimizer": optimizer, "lr_scheduler": self._schedule.build(optimizer, self.trainer)}


def _all(images: Tensor) -> Bool[Tensor, "n t"]:
    return torch.ones(images.shape[:2], dtype=torch.bool, device=images.device)

"""The LightningModule of Zimmermann & Brox 2017; the objective chooses which of its networks learns."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.optim import Adam

from handpose_core.camera import transform_pixels
from handpose_core.datasets.sample import Sample
from handpose_core.errors import HandposeError
from handpose_core.estimators.hand3d.objectives import Keypoints, LiftToSpace, Objective, Segmentation, Values
from handpose_core.estimators.hand3d.recovery import PlacedEstimate, at_fitted_root, at_true_root
from handpose_core.nn.cpm import CPMSize
from handpose_core.nn.hand3d import PAPER_HAND3D, SEGMENTED_HAND, BranchSize, Hand3D, Hand3DSize, Output
from handpose_core.nn.heatmaps import Argmax, Decoder, SoftArgmax
from handpose_core.nn.localise import GivenCrop, Localiser, SegmentedHand
from handpose_core.training.experiment.needs import Need, Split, needs_of
from handpose_core.training.module import HandPoseModule
from handpose_core.training.prediction import Estimate, Prediction, Recover, with_joints
from handpose_core.training.schedules import OptimizerCallable, Schedule

OPTIMIZER = partial(Adam, lr=1e-4)
ARGMAX = Argmax()
KEYPOINTS = Keypoints()

# so that a checkpoint that holds them loads
_IN_CHECKPOINTS: list[Any] = [
    *(Hand3DSize, CPMSize, BranchSize, Argmax, SoftArgmax, GivenCrop, SegmentedHand),
    *(Segmentation, Keypoints, LiftToSpace),
]
torch.serialization.add_safe_globals(_IN_CHECKPOINTS)


class Hand3DModule(HandPoseModule):
    """Heatmaps by PoseNet, of the part of the image that HandSegNet finds; of these alone a hand in space.

    It is told each hand's side, and estimates joints relative to the wrist, in lengths of the reference bone. With
    ``recover=true_root_and_scale`` they are put on the true wrist, where others take its depth alone.

    Args:
        size: the networks' sizes.
        localiser: which part of the image PoseNet sees.
        objective: which network is trained, and by which losses; the others stay as they are.
        decoder: how joints are read off PoseNet's last maps.
        optimizer: see `HandPoseModule`.
        schedule: see `HandPoseModule`.
        scale_mm: see `HandPoseModule`.
    """

    display_name = "Zimmermann & Brox"
    network: Hand3D

    def __init__(
        self,
        size: Hand3DSize = PAPER_HAND3D,
        localiser: Localiser = SEGMENTED_HAND,
        objective: Objective = KEYPOINTS,
        decoder: Decoder = ARGMAX,
        optimizer: OptimizerCallable = OPTIMIZER,
        schedule: Schedule | None = None,
        scale_mm: float | None = None,
    ) -> None:
        super().__init__(optimizer, schedule, scale_mm)
        self.size, self.localiser = size, localiser
        self.objective, self.decoder = objective, decoder
        self.network = self.build_network()
        self.network.requires_grad_(False)
        self.objective.trained(self.network).requires_grad_(True)
        self.train()
        self.save_sizes()

    def build_network(self) -> Hand3D:
        """See `HandPoseModule.build_network`."""
        return Hand3D(self.size, self.localiser).to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]

    def train(self, mode: bool = True) -> "Hand3DModule":
        """Training mode for what is trained alone: the statistics of a fixed network's normalisation are fixed, too."""
        super().train(mode)
        self.network.eval()
        self.objective.trained(self.network).train(mode)
        return self

    def needs(self, split: Split) -> Sequence[Need]:
        """See `HandPoseModule.needs`; those of the objective, and the side."""
        learnt = self.objective.needs() if split in ("train", "val") else ()
        return (*super().needs(split), *needs_of("Zimmermann & Brox's network", "side"), *learnt)

    def describe(self) -> dict[str, str]:
        """The objective, and where the hand is looked for."""
        return {"objective": str(self.objective), "localiser": str(self.localiser)}

    def inputs(self, batch: Sample) -> tuple[Tensor, ...]:
        """Image and side.

        Raises:
            HandposeError: the batch does not say of which side its hands are.
        """
        if "side" not in batch:
            raise HandposeError(
                "batch, side",
                "nothing",
                "whether each hand is a left or a right one: this method is told",
                "Take a dataset that says so; for a folder of images set --data.side left or right.",
            )
        return batch["image"], batch["side"]

    def forward(self, image: Tensor, side: Tensor) -> Output:
        """See `Hand3D`."""
        output: Output = self.network(image, side)
        return output

    def losses(self, output: Output, batch: Sample) -> Values:
        """Those of the objective."""
        return self.objective.losses(self.network, batch)

    def training_step(self, batch: Sample, batch_idx: int) -> Tensor:
        """One step of the objective, without the networks that it does not need."""
        self.label_means.update(batch)
        losses = self.objective.losses(self.network, batch)
        size = len(batch["image"])
        self.log_dict({f"train/{name}": value for name, value in losses.items()}, prog_bar=True, batch_size=size)
        return losses["loss"]

    def decode(self, output: Output, image_size: int) -> Estimate:
        """Joints as the decoder reads the last maps, and in space."""
        in_crop, scores = self.decoder(output.stages[-1], image_size)
        joints_2d = transform_pixels(in_crop, torch.linalg.inv(output.crop))
        xyz = output.placed.xyz
        return PlacedEstimate(joints_2d, xyz[..., 2], scores, xyz)

    def recover(self, estimate: Estimate, batch: Sample, recover: Recover) -> Prediction:
        """Millimetres for an estimate; see `handpose_core.estimators.hand3d.recovery`."""
        assert isinstance(estimate, PlacedEstimate)  # decode makes no other
        if recover == "true_root_and_scale":
            return with_joints(estimate, at_true_root(estimate, batch))
        return with_joints(estimate, at_fitted_root(estimate, batch["K"], self.bone_mm.to(estimate.xyz)))

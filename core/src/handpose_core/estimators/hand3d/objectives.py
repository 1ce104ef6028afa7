"""What a stage trains, and by which losses: the recipe chooses one of these objects.

``Segmentation`` → ``Keypoints`` → ``LiftToSpace``, each with the networks of the others as they are.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from handpose_core.camera import transform_pixels
from handpose_core.datasets.sample import Sample, labelled
from handpose_core.errors import HandposeError
from handpose_core.estimators.hand3d.losses import canonical_loss, mask_loss, overlap, rotation_loss
from handpose_core.hand import MIDDLE_MCP, REFERENCE_BONE, WRIST
from handpose_core.nn.hand3d import LITTLE_MCP, Hand3D, canonical_frame
from handpose_core.nn.heatmaps import gaussian_heatmaps
from handpose_core.nn.losses import heatmap_loss
from handpose_core.training.experiment.needs import Need, needs_of

Values = dict[str, Float[Tensor, ""]]
"""Losses by name; ``loss`` is the one to minimise."""
_ANCHORS = sorted({WRIST, *REFERENCE_BONE, MIDDLE_MCP, LITTLE_MCP})
"""What the canonical frame is made of."""
_NO_MASK = (
    "Train this stage on one (in a recipe: --segmentation:data RHD --segmentation:data.root PATH), or "
    "leave it out with --model.localiser GivenCrop in the others."
)


class Objective(ABC):
    """What a stage trains."""

    @abstractmethod
    def trained(self, network: Hand3D) -> nn.Module:
        """The part of the network that learns."""

    @abstractmethod
    def needs(self) -> tuple[Need, ...]:
        """Return the keys of samples that the losses read."""

    @abstractmethod
    def losses(self, network: Hand3D, batch: Sample) -> Values:
        """The losses of a batch."""


@dataclass(frozen=True)
class Segmentation(Objective):
    """HandSegNet, by the hand's mask."""

    def trained(self, network: Hand3D) -> nn.Module:
        """See `Objective`."""
        return network.segmentation

    def needs(self) -> tuple[Need, ...]:
        """See `Objective`."""
        return (Need(("mask",), "Segmentation", fix=_NO_MASK),)

    def losses(self, network: Hand3D, batch: Sample) -> Values:
        """See `Objective`; ``iou`` is told, and not minimised.

        Raises:
            HandposeError: the dataset has no masks.
        """
        if "mask" not in batch:
            raise HandposeError(
                "model.objective, Segmentation",
                "samples without a mask",
                "a dataset with masks, such as RHD",
                _NO_MASK,
            )
        logits = network.segmentation(batch["image"])
        known = labelled(batch, "mask")
        loss = mask_loss(logits, batch["mask"], known)
        return {"loss": loss, "loss_mask": loss, "iou": overlap(logits.detach()[known], batch["mask"][known])}


@dataclass(frozen=True)
class Keypoints(Objective):
    """PoseNet, by Gaussians on its maps; joints without annotation do not count.

    Args:
        sigma: standard deviation of the Gaussians, px of the crop.
        loss_size: side of the maps on which the loss is taken.
    """

    sigma: float = 5.0
    loss_size: int = 256

    def trained(self, network: Hand3D) -> nn.Module:
        """See `Objective`."""
        return network.posenet

    def needs(self) -> tuple[Need, ...]:
        """See `Objective`."""
        return needs_of("Keypoints", "joints_2d", "annotated")

    def losses(self, network: Hand3D, batch: Sample) -> Values:
        """See `Objective`."""
        A, stages = network.locate(batch["image"])
        joints = transform_pixels(batch["joints_2d"], A)
        target = gaussian_heatmaps(joints, self.sigma, batch["image"].shape[-1], self.loss_size)
        loss = heatmap_loss(stages, target, batch["annotated"])
        return {"loss": loss, "loss_2d": loss}


@dataclass(frozen=True)
class LiftToSpace(Objective):
    """PosePrior and ViewPoint, on PoseNet's own maps: the canonical hand and its rotation.

    Hands count where the canonical frame's joints and the reference bone are annotated.

    Args:
        lambda_canonical: weight of the hand's shape in its frame.
        lambda_rotation: weight of the frame's rotation.
    """

    lambda_canonical: float = 1.0
    lambda_rotation: float = 1.0

    def trained(self, network: Hand3D) -> nn.Module:
        """See `Objective`."""
        return network.lifting

    def needs(self) -> tuple[Need, ...]:
        """See `Objective`."""
        return needs_of("LiftToSpace", "joints_3d", "annotated", "side")

    def losses(self, network: Hand3D, batch: Sample) -> Values:
        """See `Objective`."""
        annotated, side = batch["annotated"], batch["side"]
        _, stages = network.locate(batch["image"])
        placed = network.lifting(stages[-1], side)
        truth = canonical_frame(batch["joints_3d"], annotated)
        anchored = annotated[:, _ANCHORS].all(dim=1) & labelled(batch, "joints_3d") & labelled(batch, "side")
        canonical = canonical_loss(placed.canonical, truth.canonical, annotated & anchored[:, None])
        rotation = rotation_loss(placed.rotation, truth.rotation, anchored)
        loss = self.lambda_canonical * canonical + self.lambda_rotation * rotation
        return {"loss": loss, "loss_canonical": canonical, "loss_rotation": rotation}

"""The LightningModule that trains and tests `HandEstimator`.

The detector predicts an oriented box from the crop, the pose network reads the canonical crop, and the presence head,
trained last, predicts whether there was a hand. In training the pose network is given the right-handed view of each
hand, and now and then the other one, from which handedness alone is learned.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.optim import AdamW

from handpose_core.datasets.mirroring import mirror_pixel_rows, mirror_rows
from handpose_core.datasets.sample import Sample, batch_sides, labelled
from handpose_core.estimators.hand3d.recovery import PlacedEstimate, at_fitted_root, at_true_root
from handpose_core.estimators.onehand.canonical_crop import OrientedBox, label_boxes
from handpose_core.estimators.onehand.detector_sampling import draw_detector_samples
from handpose_core.estimators.onehand.estimator import HandEstimator, HandViews, choose_rows, choose_views
from handpose_core.estimators.onehand.hand_detector import Detection, HandDetectorConfig, detector_loss
from handpose_core.estimators.onehand.losses import (
    handedness_loss,
    heatmap_entropy_loss,
    joints_2d_loss,
    joints_3d_loss,
    orientation_loss,
)
from handpose_core.estimators.onehand.negatives import NegativeImages
from handpose_core.estimators.onehand.network import OneHandConfig, PosePrediction
from handpose_core.estimators.onehand.occlusion_augmentation import OcclusionAugmentation
from handpose_core.estimators.onehand.outputs import HandEstimate
from handpose_core.estimators.onehand.parts import TrainPart, check_trained
from handpose_core.estimators.onehand.presence_head import presence_loss
from handpose_core.estimators.onehand.virtual_camera import virtual_camera_rotation
from handpose_core.hand import FINGER_JOINTS, WRIST, Side
from handpose_core.nn.backbones import WEIGHTS, load_weights_of
from handpose_core.precision import single_precision
from handpose_core.training.experiment.needs import Need, Split, needs_of
from handpose_core.training.fixed import LeavesFixed
from handpose_core.training.module import HandPoseModule
from handpose_core.training.prediction import Estimate, Prediction, Recover, with_joints
from handpose_core.training.schedules import OptimizerCallable, Schedule

OPTIMIZER = partial(AdamW, lr=2e-3)
DEFAULT_SIZE = OneHandConfig()
NO_OCCLUSIONS = OcclusionAugmentation(0.0, 0.0, 0.0, 0.0)

# so that a checkpoint that holds them loads
_IN_CHECKPOINTS: list[Any] = [OneHandConfig, HandDetectorConfig, OcclusionAugmentation]
torch.serialization.add_safe_globals(_IN_CHECKPOINTS)


@dataclass(frozen=True)
class Weights:
    """Weights of the losses.

    Args:
        heatmaps: Of `heatmap_entropy_loss`.
        joints_2d: Of 1 px of the canonical crop, for the heatmaps' means and for the refined joints.
        joints_3d: Of 1 mm.
        orientation: Of `orientation_loss`.
        handedness: Of `handedness_loss`.
        shape: Of the squared shape components, which keeps what an image does not show near the mean hand.
        detector: Of `detector_loss`.
        presence: Of `presence_loss`.
    """

    heatmaps: float = 1.0
    joints_2d: float = 0.08
    joints_3d: float = 0.2
    orientation: float = 2.0
    handedness: float = 1.0
    shape: float = 0.01
    detector: float = 1.0
    presence: float = 1.0


torch.serialization.add_safe_globals([Weights])
DEFAULT_WEIGHTS = Weights()


class OneHandModule(LeavesFixed, HandPoseModule):
    """Train `HandEstimator`: joints, mesh, handedness and presence of the hand in a crop.

    Args:
        size: Sizes of the networks.
        rig: The hand model: a packaged one's name, or a path.
        weights: Of the losses.
        sigma: Standard deviation of the heatmaps' Gaussians, px of the canonical crop.
        occlusions: Augmentation of training batches.
        flip_prob: Share of training images given as left hands, from which handedness alone is learned.
        detector_crop_prob: Share of training images cut by the detector's box; the others are cut by jittered labels.
        train_part: Part that is trained; the others are frozen. ``all`` is the detector and the pose network, which
            share no weights. The presence head depends on both and is trained after them.
        backbone_weights: Initial weights of an EfficientNet-Lite, see `load_weights`; None for random ones. Not used
            where a checkpoint is loaded.
        backbone_lr: Learning rate of the backbone over that of the rest.
        negatives: Folder of images without hands, such as ``handpose data people`` and ``data things`` make, for the
            detector, the presence head and as backgrounds.
        optimizer: See `HandPoseModule`.
        schedule: See `HandPoseModule`.
        scale_mm: See `HandPoseModule`.
    """

    display_name = "onehand"
    takes_right_hands = False  # both views of each crop are estimated, and handedness is learned
    earlier_options = frozenset({"clutter", "handless", "learns", "left_shown", "own_glance"})
    network: HandEstimator
    _negatives: NegativeImages | None

    def __init__(
        self,
        size: OneHandConfig = DEFAULT_SIZE,
        rig: str = "anny",
        weights: Weights = DEFAULT_WEIGHTS,
        sigma: float = 4.0,
        occlusions: OcclusionAugmentation = NO_OCCLUSIONS,
        flip_prob: float = 0.1,
        detector_crop_prob: float = 0.5,
        train_part: TrainPart = "all",
        backbone_weights: WEIGHTS | None = None,
        backbone_lr: float = 0.3,
        negatives: str | None = None,
        optimizer: OptimizerCallable = OPTIMIZER,
        schedule: Schedule | None = None,
        scale_mm: float | None = None,
    ) -> None:
        super().__init__(optimizer, schedule, scale_mm)
        self.size, self._rig = size, rig
        self.weights, self.sigma = weights, sigma
        self.occlusions, self.flip_prob = occlusions, flip_prob
        self.detector_crop_prob, self.train_part = detector_crop_prob, train_part
        self._negatives_folder, self._negatives = negatives, None
        self.network = self.build_network()
        load_weights_of(self.network, backbone_weights)
        self.initial_weights = backbone_weights
        self._backbone_lr = backbone_lr
        self.save_sizes()

    def build_network(self) -> HandEstimator:
        """See `HandPoseModule.build_network`."""
        network = HandEstimator(self.size, self._rig)
        return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]

    def parameter_groups(self) -> Iterable[dict[str, Any]]:
        """See `HandPoseModule.parameter_groups`."""
        backbone = {id(parameter) for parameter in self.network.pose_network.backbone.parameters()}
        trained = [parameter for parameter in self.parameters() if parameter.requires_grad]
        return [
            {"params": [p for p in trained if id(p) in backbone], "lr_factor": self._backbone_lr},
            {"params": [p for p in trained if id(p) not in backbone]},
        ]

    def describe(self) -> dict[str, str]:
        """Return the augmentation, the trained part, and what validation's crops are cut by."""
        negatives = {"negatives": f"{len(self._negatives)} images"} if self._negatives else {}
        crops = "labels" if self.train_part == "pose" else "detector"
        return {
            "occlusions": str(self.occlusions), "train_part": self.train_part, "validation_crops": crops, **negatives,
        }  # fmt: skip

    def forward(self, image: Tensor) -> HandViews:
        """See `HandEstimator.forward`."""
        views: HandViews = self.network(image)
        return views

    def setup(self, stage: str) -> None:
        """Open the folder of negatives, for training."""
        super().setup(stage)
        if stage == "fit" and self._negatives_folder:
            self._negatives = NegativeImages(self._negatives_folder)

    def on_test_start(self) -> None:
        """See `HandPoseModule.on_test_start`; raises what `check_trained` raises, too."""
        check_trained(self.history, "the checkpoint")
        super().on_test_start()

    def needs(self, split: Split) -> Sequence[Need]:
        """See `HandPoseModule.needs`."""
        inherited = super().needs(split)
        if split not in ("train", "val"):
            return inherited
        of_boxes = needs_of("the detector's loss", "joints_2d", "annotated")
        if split == "train" and self.train_part not in ("all", "pose"):
            return (*inherited, *of_boxes)
        return (*inherited, *of_boxes, *needs_of("the pose network's loss", "joints_3d", "K", "side"))

    def check_resources(self, subcommand: str) -> None:
        """See `HandPoseModule.check_resources`: the folder of negatives."""
        if subcommand == "fit" and self._negatives_folder:
            NegativeImages(self._negatives_folder)

    def untrained(self) -> Iterable[nn.Module]:
        """Return the parts that `train_part` leaves out."""
        network = self.network
        parts = {"detector": network.detector, "pose": network.pose_network, "presence": network.presence_head}
        trained = {"detector", "pose"} if self.train_part == "all" else {self.train_part}
        return [part for name, part in parts.items() if name not in trained]

    def training_step(self, batch: Sample, batch_idx: int) -> Tensor:
        """Augment a batch and compute the losses of the trained part.

        Args:
            batch: Crops with labels.
            batch_idx: Its number.

        Returns:
            The weighted sum of the losses.
        """
        self.label_means.update(batch)
        image = self.occlusions.apply(batch["image"], _masks(batch), self._negatives)
        losses = self._weighted_sum(self._training_losses(image, batch))
        logged, count = {f"train/{name}": value for name, value in losses.items()}, len(batch["image"])
        self.log_dict(logged, prog_bar=True, batch_size=count)
        return losses["loss"]

    def validation_step(self, batch: Sample, batch_idx: int) -> None:
        """Score the crops that training learns from.

        Where the pose network alone is trained, crops are cut by their labels: the detector may be untrained, and
        ``val/epe`` would be chance. Otherwise the network's own detector cuts them.

        Args:
            batch: Crops with labels.
            batch_idx: Its number.
        """
        if self.train_part != "pose":
            super().validation_step(batch, batch_idx)
            return
        box, left = label_boxes(batch["joints_2d"], batch["annotated"]).box, batch_sides(batch) == Side.LEFT
        views = self.network.predict_views(batch["image"], Detection(torch.zeros_like(box.side), box))
        labels = box.transform_labels(batch, self.network.crop)
        losses = self._weighted_sum(self._prediction_losses(choose_views(views, ~left), labels, torch.ones_like(left)))
        self._record_validation(views, losses, batch)

    def _training_losses(self, image: Float[Tensor, "batch 3 s s"], batch: Sample) -> dict[str, Float[Tensor, ""]]:
        if self.train_part == "presence":
            return {"presence": self._presence_loss(image, batch)}
        if self.train_part == "pose":
            return self._pose_losses(image, batch, self.network.detector(image).box)
        loss, boxes = self._detector_loss(image, batch)
        return {"detector": loss, **(self._pose_losses(image, batch, boxes) if self.train_part == "all" else {})}

    def _presence_loss(self, image: Float[Tensor, "batch 3 s s"], batch: Sample) -> Float[Tensor, ""]:
        """Compute the presence head's loss on every other crop, and on detector samples."""
        samples = draw_detector_samples(image, batch["joints_2d"], _masks(batch), self._negatives)
        near = image[::2]
        with torch.no_grad():
            views = self(torch.cat([near, samples.image]))
        yes = torch.ones(len(near), dtype=torch.bool, device=image.device)
        chosen = choose_views(views, views.as_is.right >= views.mirrored.right)
        logits = self.network.presence_logits(views, chosen)
        return presence_loss(logits, torch.cat([yes, samples.presence]), torch.cat([yes, samples.known]))

    def _detector_loss(
        self, image: Float[Tensor, "batch 3 s s"], batch: Sample
    ) -> tuple[Float[Tensor, ""], OrientedBox]:
        """Compute the detector's loss on the crops and on half as many detector samples.

        Returns:
            loss: A scalar.
            boxes: Predicted boxes of the crops.
        """
        joints_2d, annotated, count = batch["joints_2d"], batch["annotated"], len(image)
        half, mask = slice(None, (count + 1) // 2), _masks(batch)
        samples = draw_detector_samples(
            image[half], joints_2d[half], None if mask is None else mask[half], self._negatives
        )  # fmt: skip
        predicted: Detection = self.network.detector(torch.cat([image, samples.image]))
        near = torch.ones(count, dtype=torch.bool, device=image.device)
        presence, known = torch.cat([near, samples.presence]), torch.cat([near, samples.known])
        labels = label_boxes(torch.cat([joints_2d, samples.joints_2d]), torch.cat([annotated, annotated[half]]))
        boxes = OrientedBox(*(values[:count] for values in predicted.box))
        return detector_loss(predicted, labels, presence, known), boxes

    def _pose_losses(
        self, image: Float[Tensor, "batch 3 s s"], batch: Sample, detected: OrientedBox
    ) -> dict[str, Float[Tensor, ""]]:
        """Compute the pose network's losses on crops cut by jittered labels or by the detector."""
        jittered, size = label_boxes(batch["joints_2d"], batch["annotated"]).box.jittered(), self.network.crop
        own = torch.rand(len(image), device=image.device) < self.detector_crop_prob
        boxes = OrientedBox(*(choose_rows(own, a.detach(), b) for a, b in zip(detected, jittered, strict=True)))
        crop, left = boxes.crop(image, size), batch_sides(batch) == Side.LEFT
        flipped = torch.rand(len(left), device=left.device) < self.flip_prob
        mirrored = (left ^ flipped)[:, None, None, None]
        prediction = self.network.pose_network(torch.where(mirrored, crop.flip(-1), crop))
        return self._prediction_losses(prediction, boxes.transform_labels(batch, size), ~flipped)

    def losses(self, output: HandViews, batch: Sample) -> dict[str, Float[Tensor, ""]]:
        """Compute the losses on the right-handed view of each crop.

        Args:
            output: Both views of the crops.
            batch: Crops with labels; all show a hand.

        Returns:
            The weighted sum ``loss``, and each loss.
        """
        left = batch_sides(batch) == Side.LEFT
        yes = torch.ones_like(left)
        detector = detector_loss(output.detection, label_boxes(batch["joints_2d"], batch["annotated"]), yes, yes)
        labels = output.detection.box.transform_labels(batch, self.network.crop)
        prediction = choose_views(output, ~left)
        presence = presence_loss(self.network.presence_logits(output, prediction), yes, yes)
        of_pose = self._prediction_losses(prediction, labels, yes)
        return self._weighted_sum({"detector": detector, "presence": presence, **of_pose})

    def _weighted_sum(self, losses: dict[str, Float[Tensor, ""]]) -> dict[str, Float[Tensor, ""]]:
        total = torch.stack([getattr(self.weights, name) * value for name, value in losses.items()]).sum()
        return {"loss": total, **{f"loss_{name}": value for name, value in losses.items()}}

    @single_precision
    def _prediction_losses(
        self, prediction: PosePrediction, labels: Sample, is_right: Bool[Tensor, " batch"]
    ) -> dict[str, Float[Tensor, ""]]:
        """Compute the pose network's losses.

        Args:
            prediction: Of canonical crops, mirrored such that labelled hands are right ones.
            labels: Of the canonical crops before they were mirrored.
            is_right: Where the network was given the right-handed view; handedness is learned everywhere.

        Returns:
            Losses by the names of `Weights`.
        """
        size, counted = self.network.crop, labels["annotated"] & is_right[:, None]
        left = batch_sides(labels) == Side.LEFT
        joints_2d = mirror_pixel_rows(labels["joints_2d"], left, size)
        middle = joints_2d.new_full((len(left), 2), (size - 1) / 2)
        known = labelled(labels, "joints_3d") & labelled(labels, "K")
        # any camera where there is none: not-a-number must reach no gradient
        K = torch.where(known[:, None, None], labels["K"], torch.eye(3).to(labels["K"]))
        joints = mirror_rows(labels["joints_3d"] @ virtual_camera_rotation(K, middle).transpose(-1, -2), left)
        within = joints_2d.clamp(0, size - 1)
        posed, in_space = self.network.pose_hand(prediction).joints, counted & known[:, None]
        means, refined = (joints_2d_loss(xy, within, counted) for xy in (prediction.means, prediction.joints_2d))
        return {
            "heatmaps": heatmap_entropy_loss(prediction.maps, joints_2d, counted, self.sigma, size),
            "joints_2d": means + refined,
            "joints_3d": joints_3d_loss(posed, joints, in_space),
            "orientation": orientation_loss(posed, joints, in_space),
            "handedness": handedness_loss(prediction.right, is_right),
            "shape": prediction.parameters.shape.square().mean(),
        }

    def decode(self, output: HandViews, image_size: int) -> HandEstimate:
        """See `HandEstimator.decode`."""
        return self.network.decode(output)

    def decode_with_handedness(self, output: HandViews, sides: Int[Tensor, " batch"]) -> HandEstimate:
        """See `HandEstimator.decode_with_handedness`."""
        return self.network.decode_with_handedness(output, sides)

    @single_precision
    def recover(self, estimate: Estimate, batch: Sample, recover: Recover) -> Prediction:
        """Recover millimetres, and turn the estimate from the virtual camera's frame to the camera's.

        Args:
            estimate: From `decode`.
            batch: With K.
            recover: From what root and scale.

        Returns:
            The prediction.
        """
        assert isinstance(estimate, HandEstimate)  # decode makes no other
        frame = virtual_camera_rotation(batch["K"], estimate.middle)
        xyz = estimate.xyz.to(frame) @ frame
        turned = PlacedEstimate(estimate.joints_2d, xyz[..., 2], estimate.scores, xyz)
        if recover == "true_root_and_scale":
            return with_joints(turned, at_true_root(turned, batch))
        return with_joints(turned, at_fitted_root(turned, batch["K"], self.hand_mm / _hand_length(xyz)[:, None, None]))

    @property
    def hand_mm(self) -> float:
        """Length of the hand model's mean hand, mm: an image does not show sizes."""
        return float(_hand_length(self.network.rig.joints))


def _hand_length(joints: Float[Tensor, "*batch 21 3"]) -> Float[Tensor, "*batch"]:
    """Return the length from the wrist to the middle finger's tip along the bones, in the unit of ``joints``."""
    chain = joints[..., [WRIST, *FINGER_JOINTS["middle"]], :]
    return torch.linalg.vector_norm(chain.diff(dim=-2), dim=-1).sum(-1)


def _masks(batch: Sample) -> Bool[Tensor, "batch 1 s s"] | None:
    """Return the hands' masks, all ones where a sample of a mixture has none: the hand may be anywhere."""
    return batch["mask"] | ~labelled(batch, "mask")[:, None, None, None] if "mask" in batch else None

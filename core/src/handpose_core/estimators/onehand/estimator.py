"""The estimator: detector, canonical crop, pose network of both views, hand model and presence head; torch alone.

The pose network knows right hands only. Each canonical crop is given as it is and mirrored; the view that looks more
like a right hand is chosen and, if it is the mirrored one, its estimate is mirrored back. All weights thus serve both
hands, and a hand and its mirror image get mirrored estimates. Nothing of Lightning or of training is imported here.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from handpose_core.camera import reference_length
from handpose_core.datasets.mirroring import mirror_pixel_rows, mirror_rows
from handpose_core.estimators.onehand.canonical_crop import OrientedBox
from handpose_core.estimators.onehand.hand_detector import Detection, HandDetector
from handpose_core.estimators.onehand.network import OneHandConfig, PoseNetwork, PosePrediction
from handpose_core.estimators.onehand.outputs import HandEstimate
from handpose_core.estimators.onehand.presence_head import PresenceHead, presence_features
from handpose_core.estimators.onehand.virtual_camera import align_weak_perspective
from handpose_core.hand import WRIST, Side
from handpose_core.rig import HandRig, PosedHand, pose_from_angles

#: Minimum joint weight in the alignment of the hand model with the joints in the image.
_LEAST_SCORE = 0.02
_TENSORS = [name for name in PosePrediction._fields if name != "parameters"]


class HandViews(NamedTuple):
    """Output of the networks for a batch.

    Attributes:
        detection: Presence and oriented box.
        as_is: Pose prediction of the canonical crops.
        mirrored: Pose prediction of their mirror images.
    """

    detection: Detection
    as_is: PosePrediction
    mirrored: PosePrediction


class HandEstimator(nn.Module):
    """Estimate joints, mesh, handedness and presence of the hand in a crop, without knowing the camera.

    Args:
        config: Sizes of the networks.
        rig: The hand model: a packaged one's name, or a path.
    """

    def __init__(self, config: OneHandConfig, rig: str) -> None:
        super().__init__()
        self.config, self.rig_name = config, rig
        self.rig = HandRig(rig)
        self.detector = HandDetector(config.detector)
        self.pose_network = PoseNetwork(config, self.rig.n_shapes)
        self.presence_head = PresenceHead()

    @property
    def crop(self) -> int:
        """Side of the canonical crops, px."""
        return self.config.crop

    def forward(self, image: Float[Tensor, "batch 3 s s"]) -> HandViews:
        """Detect the hand in each crop and its mirror image, and predict the pose in both views.

        Args:
            image: RGB in [0, 1], square.

        Returns:
            The detection, a mean over crop and mirror image, and both views' predictions.
        """
        count = image.shape[0]  # not len(): an exported graph takes any number
        detection: Detection = self.detector(torch.cat([image, image.flip(-1)]))
        as_is, mirrored = _detection_rows(detection, slice(None, count)), _detection_rows(detection, slice(count, None))
        return self.predict_views(image, _mean_detection(as_is, mirrored, image.shape[-1]))

    def predict_views(self, image: Float[Tensor, "batch 3 s s"], detection: Detection) -> HandViews:
        """Predict the pose in the canonical crops of given boxes, and in their mirror images.

        Args:
            image: RGB in [0, 1], square.
            detection: With the boxes, px of the image.

        Returns:
            The detection and both views' predictions.
        """
        count = image.shape[0]
        crop = detection.box.crop(image, self.crop)
        prediction: PosePrediction = self.pose_network(torch.cat([crop, crop.flip(-1)]))
        as_is, mirrored = (_prediction_rows(prediction, rows) for rows in (slice(None, count), slice(count, None)))
        return HandViews(detection, as_is, mirrored)

    def presence_logits(self, views: HandViews, prediction: PosePrediction) -> Float[Tensor, " batch"]:
        """Compute logits of presence.

        Args:
            views: Of the crops.
            prediction: Of the chosen view of each.

        Returns:
            Logits.
        """
        rights, presence = torch.stack([views.as_is.right, views.mirrored.right], dim=1), views.detection.presence
        features = presence_features(
            prediction.means, prediction.joints_2d, prediction.scores, rights, presence, self.crop
        )  # fmt: skip
        logits: Tensor = self.presence_head(features, presence)
        return logits

    def pose_hand(self, prediction: PosePrediction) -> PosedHand:
        """Pose the hand model as a right hand.

        Args:
            prediction: With its parameters.

        Returns:
            Joints and vertices, mm, in the virtual camera's frame, about the wrist.
        """
        angles, rotation, shape = prediction.parameters
        hand: PosedHand = self.rig(pose_from_angles(self.rig, angles), shape, rotation)
        return hand

    def decode(self, views: HandViews) -> HandEstimate:
        """Decode the view of each crop that looks more like a right hand.

        Args:
            views: Of the crops.

        Returns:
            The estimates, px of the crops.
        """
        return self.decode_as(views, views.as_is.right >= views.mirrored.right)

    def decode_with_handedness(self, views: HandViews, sides: Int[Tensor, " batch"]) -> HandEstimate:
        """Decode hands of known handedness.

        Args:
            views: Of the crops.
            sides: A `Side`; negative where it is unknown, which decodes as `decode`.

        Returns:
            The estimates, px of the crops.
        """
        looks_right = views.as_is.right >= views.mirrored.right
        # no torch.where: ONNX Runtime has none for booleans
        return self.decode_as(views, (sides == Side.RIGHT) | ((sides < 0) & looks_right))

    def decode_as(self, views: HandViews, is_right: Bool[Tensor, " batch"]) -> HandEstimate:
        """Decode the view of each crop that shows a right hand.

        Args:
            views: Of the crops.
            is_right: Whether the crop itself shows a right hand.

        Returns:
            The estimates, px of the crops.
        """
        prediction, box, size = choose_views(views, is_right), views.detection.box, self.crop
        presence = self.presence_logits(views, prediction).sigmoid()
        hand = self.pose_hand(prediction)
        bone = reference_length(hand.joints)[:, None, None]
        root = hand.joints[:, [WRIST]]
        xyz, vertices = (
            box.to_image_axes(mirror_rows((points - root) / bone, ~is_right)) for points in (hand.joints, hand.vertices)
        )
        joints_2d = mirror_pixel_rows(fuse_joints_2d(prediction, hand), ~is_right, size)
        return HandEstimate(
            joints_2d=box.to_image_pixels(joints_2d, size),
            z_rel=xyz[..., 2],
            scores=prediction.scores * presence[:, None],
            xyz=xyz,
            vertices=vertices,
            right=torch.sigmoid(views.as_is.right - views.mirrored.right),
            is_right=is_right,
            middle=box.centre,
            presence=presence,
        )


def fuse_joints_2d(prediction: PosePrediction, hand: PosedHand) -> Float[Tensor, "batch 21 2"]:
    """Combine predicted joints in the image with the posed hand model's, by confidence.

    The errors of the two differ. Of the weights tried on generated hands, the squared score gave the smallest error.

    Args:
        prediction: Of canonical crops.
        hand: Posed by its parameters.

    Returns:
        px of the canonical crops.
    """
    weights = prediction.scores.clamp_min(_LEAST_SCORE)
    aligned, share = align_weak_perspective(hand.joints, prediction.joints_2d, weights), prediction.scores.square()
    return aligned + share[..., None] * (prediction.joints_2d - aligned)


def choose_views(views: HandViews, as_is: Bool[Tensor, " batch"]) -> PosePrediction:
    """Choose one of two views, row by row.

    Args:
        views: Of the crops.
        as_is: Whether to take the crop itself; else its mirror image.

    Returns:
        The chosen predictions.
    """

    def one(a: Tensor, b: Tensor) -> Tensor:
        return choose_rows(as_is, a, b)

    _, first, second = views
    parameters = type(first.parameters)(*map(one, first.parameters, second.parameters))
    chosen = {name: one(getattr(first, name), getattr(second, name)) for name in _TENSORS}
    return first._replace(parameters=parameters, **chosen)


def choose_rows(rows: Bool[Tensor, " batch"], a: Tensor, b: Tensor) -> Tensor:
    """Choose between two tensors by their first axis.

    Args:
        rows: Whether to take ``a``.
        a: First choice.
        b: Second choice, of the same shape.

    Returns:
        The chosen rows.
    """
    return torch.where(rows.view(-1, *(1,) * (a.dim() - 1)), a, b)


def _prediction_rows(prediction: PosePrediction, rows: slice) -> PosePrediction:
    kept = type(prediction.parameters)(*(values[rows] for values in prediction.parameters))
    return prediction._replace(parameters=kept, **{name: getattr(prediction, name)[rows] for name in _TENSORS})


def _detection_rows(detection: Detection, rows: slice) -> Detection:
    return Detection(detection.presence[rows], OrientedBox(*(values[rows] for values in detection.box)))


def _mean_detection(as_is: Detection, mirrored: Detection, image_size: int) -> Detection:
    """Return the mean of the detections in images and in their mirror images."""
    (centre, side, up), (other, other_side, other_up) = as_is.box, mirrored.box
    back = torch.stack([image_size - 1 - other[:, 0], other[:, 1]], -1)
    direction = F.normalize(up + other_up * other_up.new_tensor([-1.0, 1.0]), dim=-1)
    box = OrientedBox((centre + back) / 2, (side * other_side).sqrt(), direction)
    return Detection((as_is.presence + mirrored.presence) / 2, box)

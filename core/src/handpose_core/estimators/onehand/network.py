"""The networks: hand detector, pose network and presence head."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from handpose_core.estimators.onehand.hand_detector import HandDetectorConfig
from handpose_core.estimators.onehand.joint_attention import JointAttention
from handpose_core.estimators.onehand.local_refinement import LocalRefinement
from handpose_core.hand import N_JOINTS
from handpose_core.nn.backbones import EfficientNetLite
from handpose_core.nn.fused import FusedBackbone, convolution
from handpose_core.nn.heatmaps import decode_softargmax
from handpose_core.nn.rotation import rotation_from_6d
from handpose_core.rig import JOINT_LIMITS

_ANGLES = JOINT_LIMITS.shape[0] * JOINT_LIMITS.shape[1]
#: Range of angles over `JOINT_LIMITS`: real hands and their labels exceed these slightly.
_SLACK = 1.1
#: Share of a heatmap within one cell of its maximum in generated images without a hand, the median.
_PEAK_WITHOUT_HAND = 0.25

_DETECTOR = HandDetectorConfig()
Backbone = Literal["fused", "lite0", "lite1", "lite2"]


@dataclass(frozen=True)
class OneHandConfig:
    """Sizes of the networks; the defaults are those of the model that comes with the suite.

    Args:
        crop: Side of the canonical crops, px.
        backbone: ``fused``, trained from random weights, or an EfficientNet-Lite, for which ImageNet weights exist.
        frozen_blocks: Blocks of an EfficientNet-Lite that are not trained, counted from the input, with the stem.
        stem: Channels at half the crop's size, of ``fused``.
        widths: Channels of the stages of ``fused``, at 1/4, 1/8, ... of the crop.
        blocks: Blocks of each stage of ``fused``.
        expansion: Channels inside a block of ``fused``, over those outside.
        heatmap_stage: Stage, from 0, at whose size heatmaps are made: 0 is a quarter of the crop.
        features: Channels in which the stages' maps are joined.
        local: Features of each joint that the hand model's parameters are regressed from.
        tokens: Width of the attention's tokens.
        layers: Layers of attention.
        hidden: Width of the layers that regress the hand model's parameters.
        detector: Sizes of the hand detector.
        refine_window: Cells of the finest stage along a side of the window that refines a joint.
        refine_channels: Channels of these windows.
    """

    crop: int = 128
    backbone: Backbone = "lite0"
    frozen_blocks: int = 5
    stem: int = 16
    widths: tuple[int, ...] = (32, 64, 128, 256)
    blocks: tuple[int, ...] = (2, 3, 4, 2)
    expansion: int = 2
    heatmap_stage: int = 1
    features: int = 64
    local: int = 16
    tokens: int = 96
    layers: int = 3
    hidden: int = 512
    detector: HandDetectorConfig = _DETECTOR
    refine_window: int = 7
    refine_channels: int = 32


class HandParameters(NamedTuple):
    """Parameters of the hand model, of the right-handed view of each hand.

    Attributes:
        angles: Of the joints, radians, as `handpose_core.rig.pose_from_angles` takes them.
        rotation: From the hand's frame to the virtual camera's.
        shape: Components, standard deviations.
    """

    angles: Float[Tensor, "batch 15 3"]
    rotation: Float[Tensor, "batch 3 3"]
    shape: Float[Tensor, "batch s"]


class PosePrediction(NamedTuple):
    """Output of the pose network for canonical crops.

    Attributes:
        maps: Logits of each joint's place.
        means: Means of the heatmaps, px of the crop.
        joints_2d: Means corrected by attention and local refinement, px of the crop.
        scores: Confidence of each joint, 0 to 1.
        parameters: Of the hand model.
        right: Logit of the crop showing a right hand.
    """

    maps: Float[Tensor, "batch 21 m m"]
    means: Float[Tensor, "batch 21 2"]
    joints_2d: Float[Tensor, "batch 21 2"]
    scores: Float[Tensor, "batch 21"]
    parameters: HandParameters
    right: Float[Tensor, " batch"]


class PoseNetwork(nn.Module):
    """Backbone, feature pyramid, heatmaps, joint attention, local refinement, and the hand model's parameters.

    Args:
        config: Sizes.
        shapes: Number of the hand model's shape components.
    """

    def __init__(self, config: OneHandConfig, shapes: int) -> None:
        super().__init__()
        self.backbone = _backbone(config)
        widths = self.backbone.widths
        self.heatmap_stage = config.heatmap_stage
        self.lateral = nn.ModuleList(nn.Conv2d(width, config.features, 1) for width in widths[config.heatmap_stage :])
        self.joined = convolution(config.features, config.features, 3)
        self.maps = nn.Conv2d(config.features, N_JOINTS, 1)
        self.coarse_stage = min(config.heatmap_stage + 1, len(widths) - 1)
        self.joint_attention = JointAttention(config.features, widths[self.coarse_stage], config.tokens, config.layers)
        self.local_refinement = LocalRefinement(
            widths[0], config.features, config.refine_channels, config.refine_window, config.tokens
        )  # fmt: skip
        self.heatmap_features = nn.Linear(config.features, config.local)
        self.attention_features = nn.Linear(config.tokens, config.local)
        self.refined_features = nn.Linear(config.tokens, config.local)
        self.splits = (_ANGLES, 6, shapes, 1)
        inputs = N_JOINTS * (config.local + 2) + widths[-1]
        last = nn.Linear(config.hidden, sum(self.splits))
        nn.init.normal_(last.weight, std=1e-3)  # begins with the hand model's rest pose
        self.head = nn.Sequential(
            nn.Linear(inputs, config.hidden), nn.ReLU(inplace=True), nn.Linear(config.hidden, config.hidden),
            nn.ReLU(inplace=True), last,
        )  # fmt: skip
        low, high = JOINT_LIMITS.unbind(-1)
        self.register_buffer("mean_angles", (low + high) / 2, persistent=False)
        self.register_buffer("half_range", (high - low) / 2 * _SLACK, persistent=False)

    def forward(self, image: Float[Tensor, "batch 3 s s"]) -> PosePrediction:
        """Predict joints and hand-model parameters.

        Args:
            image: Canonical crops, RGB in [0, 1].

        Returns:
            The prediction, px of the crops.
        """
        stages = self.backbone(image)
        joined = self._join(stages[self.heatmap_stage :])
        maps, side = self.maps(joined).float(), image.shape[-1]
        means, _ = decode_softargmax(maps, side, beta=1.0)
        share = maps.flatten(2).softmax(-1)
        pooled = share.to(joined.dtype) @ joined.flatten(2).transpose(1, 2)
        place = (2 * means + 1) / side - 1  # -1 to 1 across the crop
        tokens, offset = self.joint_attention(pooled, place, stages[self.coarse_stage])
        offset = offset.float()
        refined, further = self.local_refinement(tokens, place + offset, stages[0], joined)
        offset = offset + further.float()
        joints_2d, place = means + side / 2 * offset, place + offset
        local = self.heatmap_features(pooled) + self.attention_features(tokens) + self.refined_features(refined)
        whole = stages[-1].mean((-2, -1)).to(local.dtype)
        inputs = torch.cat([local.flatten(1), place.flatten(1).to(local.dtype), whole], dim=1)
        angles, rotation, shape, right = self.head(inputs).float().split(self.splits, dim=1)
        mean, half_range = self.get_buffer("mean_angles"), self.get_buffer("half_range")
        parameters = HandParameters(
            mean + half_range * angles.unflatten(1, half_range.shape).tanh(), rotation_from_6d(rotation), shape
        )
        scores = _peak_scores(share.unflatten(-1, maps.shape[-2:]))
        return PosePrediction(maps, means, joints_2d, scores, parameters, right[:, 0])

    def _join(self, stages: list[Tensor]) -> Float[Tensor, "batch c m m"]:
        joined = self.lateral[-1](stages[-1])
        for lateral, stage in zip(reversed(self.lateral[:-1]), reversed(stages[:-1]), strict=True):
            joined = F.interpolate(joined, size=stage.shape[-2:], mode="nearest") + lateral(stage)
        maps: Tensor = self.joined(joined)
        return maps


def _backbone(config: OneHandConfig) -> FusedBackbone | EfficientNetLite:
    if config.backbone == "fused":
        return FusedBackbone(config.stem, config.widths, config.blocks, config.expansion)
    return EfficientNetLite(config.backbone, config.frozen_blocks)


def _peak_scores(share: Float[Tensor, "batch 21 m m"]) -> Float[Tensor, "batch 21"]:
    """Score heatmaps by the share within one cell of the maximum: 0 at the median without a hand, 1 at most."""
    near = (9 * F.avg_pool2d(share, 3, 1, 1)).amax((-2, -1))
    return ((near - _PEAK_WITHOUT_HAND) / (1 - _PEAK_WITHOUT_HAND)).clamp(0, 1)

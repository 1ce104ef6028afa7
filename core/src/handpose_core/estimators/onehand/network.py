"""The network: a glance at how the hand lies; of the hand turned upright, joints, and the hand model's parameters."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from handpose_core.estimators.onehand.hand_detector import Glance, GlanceSize
from handpose_core.estimators.onehand.joint_attention import JointRefiner
from handpose_core.estimators.onehand.local_refinement import CloserLook
from handpose_core.estimators.onehand.presence_head import Verdict, signs_of
from handpose_core.hand import N_JOINTS
from handpose_core.nn.backbones import EfficientNetLite
from handpose_core.nn.fused import FusedBackbone, convolution
from handpose_core.nn.heatmaps import decode_softargmax
from handpose_core.nn.rotation import rotation_from_6d
from handpose_core.rig import JOINT_LIMITS

_ANGLES = JOINT_LIMITS.shape[0] * JOINT_LIMITS.shape[1]
_SLACK = 1.1
"""How far beyond `JOINT_LIMITS` angles reach: real hands and their labels are not all within."""
_WITHOUT_HAND = 0.25
"""How much of a map lies within one cell of its best place where there is no hand: the median on generated pictures."""


_GLANCE = GlanceSize()
Backbone = Literal["fused", "lite0", "lite1", "lite2"]


@dataclass(frozen=True)
class OneHandSize:
    """The network's size.

    Args:
        crop: side of the upright crops, px.
        backbone: ``fused``, trained from nothing, or an EfficientNet-Lite, for which ImageNet weights exist.
        frozen_blocks: blocks of an EfficientNet-Lite that are not trained, counted from the input, the stem with them.
        stem: channels at half the crop's size, of ``fused``.
        widths: of the stages of ``fused``, at 1/4, 1/8, ... of the crop.
        blocks: of each stage of ``fused``.
        expansion: channels within a block of ``fused``, over those outside.
        finest: the stage, from 0, at whose size heatmaps are made: 0 is a quarter of the crop.
        features: channels that the stages' maps are joined in.
        local: numbers taken for each joint.
        tokens: width of the tokens that joints and coarse cells attend to each other as.
        layers: of attention.
        hidden: width of the layers that the hand model's parameters come from.
        glance: the first look's.
        window: cells of the finest stage, along a side, that the closer look takes in around each joint.
        close: channels that it sees.
    """

    crop: int = 128
    backbone: Backbone = "fused"
    frozen_blocks: int = 0
    stem: int = 16
    widths: tuple[int, ...] = (32, 64, 128, 256)
    blocks: tuple[int, ...] = (2, 3, 4, 2)
    expansion: int = 2
    finest: int = 1
    features: int = 64
    local: int = 16
    tokens: int = 96
    layers: int = 3
    hidden: int = 512
    glance: GlanceSize = _GLANCE
    window: int = 7
    close: int = 32


class Parameters(NamedTuple):
    """Of the hand model, as if each hand were a right one.

    Args:
        angles: of the joints, radians, as `handpose_core.rig.pose_from_angles` takes them.
        rotation: of the hand's frame to that of a camera that looks at the crop's middle.
        shape: components, standard deviations.
    """

    angles: Float[Tensor, "batch 15 3"]
    rotation: Float[Tensor, "batch 3 3"]
    shape: Float[Tensor, "batch s"]


class Read(NamedTuple):
    """What the network reads off upright crops.

    Args:
        maps: logits of where each joint is.
        means: of the maps, px of the crop.
        joints_2d: px of the crop: the means, corrected by what the other joints say, and by a closer look.
        scores: of each joint, 0 to 1.
        parameters: of the hand model.
        right: logit of the crop showing a right hand.
    """

    maps: Float[Tensor, "batch 21 m m"]
    means: Float[Tensor, "batch 21 2"]
    joints_2d: Float[Tensor, "batch 21 2"]
    scores: Float[Tensor, "batch 21"]
    parameters: Parameters
    right: Float[Tensor, " batch"]


class OneHandNetwork(nn.Module):
    """What sees how a hand lies, what reads the upright hand, and what says whether it was one.

    Args:
        size: see `OneHandSize`.
        shapes: the hand model's shape components.
    """

    def __init__(self, size: OneHandSize, shapes: int) -> None:
        super().__init__()
        self.crop = size.crop
        self.glance = Glance(size.glance)
        self.reader = Reader(size, shapes)
        self.verdict = Verdict()

    def judge(
        self, read: Read, rights: Float[Tensor, "batch 2"], there: Float[Tensor, " batch"]
    ) -> Float[Tensor, " batch"]:
        """Logits of there being a hand.

        Args:
            read: off the upright crops.
            rights: `Read.right` of these and of their mirror images, in any order.
            there: the first look's logits.
        """
        signs = signs_of(read.means, read.joints_2d, read.scores, rights, there, self.crop)
        said: Tensor = self.verdict(signs, there)
        return said


class Reader(nn.Module):
    """Backbone, maps joined from coarse to fine, heatmaps; attention among joints, a closer look; parameters.

    Args:
        size: see `OneHandSize`.
        shapes: the hand model's shape components.
    """

    def __init__(self, size: OneHandSize, shapes: int) -> None:
        super().__init__()
        self.backbone = _backbone(size)
        widths = self.backbone.widths
        self.finest = size.finest
        self.lateral = nn.ModuleList(nn.Conv2d(width, size.features, 1) for width in widths[size.finest :])
        self.joined = convolution(size.features, size.features, 3)
        self.maps = nn.Conv2d(size.features, N_JOINTS, 1)
        self.coarse = min(size.finest + 1, len(widths) - 1)
        self.refiner = JointRefiner(size.features, widths[self.coarse], size.tokens, size.layers)
        self.closer = CloserLook(widths[0], size.features, size.close, size.window, size.tokens)
        self.local = nn.Linear(size.features, size.local)
        self.related = nn.Linear(size.tokens, size.local)
        self.closely = nn.Linear(size.tokens, size.local)
        self.splits = (_ANGLES, 6, shapes, 1)
        inputs = N_JOINTS * (size.local + 2) + widths[-1]
        last = nn.Linear(size.hidden, sum(self.splits))
        nn.init.normal_(last.weight, std=1e-3)  # begins with the open hand, as the hand model rests
        self.head = nn.Sequential(
            nn.Linear(inputs, size.hidden), nn.ReLU(inplace=True), nn.Linear(size.hidden, size.hidden),
            nn.ReLU(inplace=True), last,
        )  # fmt: skip
        low, high = JOINT_LIMITS.unbind(-1)
        self.register_buffer("middle", (low + high) / 2, persistent=False)
        self.register_buffer("reach", (high - low) / 2 * _SLACK, persistent=False)

    def forward(self, image: Float[Tensor, "batch 3 s s"]) -> Read:
        """What is read off upright crops in [0, 1], square."""
        stages = self.backbone(image)
        joined = self._join(stages[self.finest :])
        maps, side = self.maps(joined).float(), image.shape[-1]
        means, _ = decode_softargmax(maps, side, beta=1.0)
        share = maps.flatten(2).softmax(-1)
        here = share.to(joined.dtype) @ joined.flatten(2).transpose(1, 2)
        seem = (2 * means + 1) / side - 1  # -1 to 1 across the crop
        tokens, shift = self.refiner(here, seem, stages[self.coarse])
        shift = shift.float()
        looked, nearer = self.closer(tokens, seem + shift, stages[0], joined)
        shift = shift + nearer.float()
        joints_2d, place = means + side / 2 * shift, seem + shift
        local = self.local(here) + self.related(tokens) + self.closely(looked)
        whole = stages[-1].mean((-2, -1)).to(local.dtype)
        seen = torch.cat([local.flatten(1), place.flatten(1).to(local.dtype), whole], dim=1)
        angles, rotation, shape, right = self.head(seen).float().split(self.splits, dim=1)
        middle, reach = self.get_buffer("middle"), self.get_buffer("reach")
        parameters = Parameters(
            middle + reach * angles.unflatten(1, reach.shape).tanh(), rotation_from_6d(rotation), shape
        )
        return Read(maps, means, joints_2d, _peaks(share.unflatten(-1, maps.shape[-2:])), parameters, right[:, 0])

    def _join(self, stages: list[Tensor]) -> Float[Tensor, "batch c m m"]:
        joined = self.lateral[-1](stages[-1])
        for lateral, stage in zip(reversed(self.lateral[:-1]), reversed(stages[:-1]), strict=True):
            joined = F.interpolate(joined, size=stage.shape[-2:], mode="nearest") + lateral(stage)
        maps: Tensor = self.joined(joined)
        return maps


def _backbone(size: OneHandSize) -> FusedBackbone | EfficientNetLite:
    if size.backbone == "fused":
        return FusedBackbone(size.stem, size.widths, size.blocks, size.expansion)
    return EfficientNetLite(size.backbone, size.frozen_blocks)


def _peaks(share: Float[Tensor, "batch 21 m m"]) -> Float[Tensor, "batch 21"]:
    """How much of each map lies within one cell of its best place, beyond what does without a hand; 1 is no doubt."""
    near = (9 * F.avg_pool2d(share, 3, 1, 1)).amax((-2, -1))
    return ((near - _WITHOUT_HAND) / (1 - _WITHOUT_HAND)).clamp(0, 1)

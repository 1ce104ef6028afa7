"""The hand detector: presence of a hand and its oriented box, from the crop at about 64 px."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from handpose_core.estimators.onehand.canonical_crop import BoxLabels, OrientedBox
from handpose_core.nn.fused import FusedBackbone, convolution
from handpose_core.nn.heatmaps import decode_softargmax
from handpose_core.precision import single_precision

#: Limits of a predicted box's side, as a share of the image's side.
_SMALLEST, _LARGEST = 0.1, 2.0
_OUTPUTS = 6
#: Images are reduced by an integer factor to no less than this, px, and at least halved.
_INPUT_SIDE = 64


@dataclass(frozen=True)
class HandDetectorConfig:
    """Sizes of a `HandDetector`.

    Args:
        stem: Channels at half the input's size.
        widths: Channels of the backbone's stages, at 1/4, 1/8 and 1/16 of the input's size.
        blocks: Blocks of each stage.
        features: Channels in which the last two stages' maps are joined.
        hidden: Width of the layer before the outputs.
    """

    stem: int = 16
    widths: tuple[int, int, int] = (32, 64, 128)
    blocks: tuple[int, int, int] = (1, 2, 2)
    features: int = 64
    hidden: int = 128


class Detection(NamedTuple):
    """Output of a `HandDetector`.

    Attributes:
        presence: Logit of the presence of a hand.
        box: The hand's oriented box, px of the image.
    """

    presence: Float[Tensor, " batch"]
    box: OrientedBox


class HandDetector(nn.Module):
    """Predict the presence of a hand and its oriented box: a small backbone, a location map, and a regression head.

    Args:
        config: Sizes.
    """

    def __init__(self, config: HandDetectorConfig) -> None:
        super().__init__()
        self.backbone = FusedBackbone(config.stem, config.widths, config.blocks, expansion=2)
        self.lateral = nn.ModuleList(nn.Conv2d(width, config.features, 1) for width in config.widths[1:])
        self.joined = convolution(config.features, config.features, 3)
        self.location = nn.Conv2d(config.features, 1, 1)
        last = nn.Linear(config.hidden, _OUTPUTS)
        nn.init.normal_(last.weight, std=1e-2)
        self.head = nn.Sequential(
            nn.Linear(config.features + config.widths[-1], config.hidden), nn.ReLU(inplace=True), last
        )  # fmt: skip

    def forward(self, image: Float[Tensor, "batch 3 s s"]) -> Detection:
        """Detect the hand in each image.

        Args:
            image: RGB in [0, 1], square.

        Returns:
            Presence and oriented box, px of the image.
        """
        side = image.shape[-1]
        _, fine, coarse = self.backbone(F.avg_pool2d(image, max(side // _INPUT_SIDE, 2)))
        up = F.interpolate(self.lateral[1](coarse), size=fine.shape[-2:], mode="nearest")
        joined = self.joined(self.lateral[0](fine) + up)
        location = self.location(joined).float()
        mean = decode_softargmax(location, side, beta=1.0)[0][:, 0]
        weights = location.flatten(2).softmax(-1).to(joined.dtype)
        pooled = (weights @ joined.flatten(2).transpose(1, 2))[:, 0]
        outputs = self.head(torch.cat([pooled, coarse.mean((-2, -1)).to(pooled.dtype)], -1)).float()
        presence, x, y, log_side, right, down = outputs.unbind(-1)
        box_side = side * (log_side - 0.4).exp().clamp(_SMALLEST, _LARGEST)
        direction = F.normalize(torch.stack([x, y - 0.05], -1), dim=-1)
        centre = mean + box_side[:, None] * torch.stack([right, down], -1).clamp(-1, 1)
        return Detection(presence, OrientedBox(centre, box_side, direction))


@single_precision
def detector_loss(
    predicted: Detection, labels: BoxLabels, presence: Bool[Tensor, " batch"], known: Bool[Tensor, " batch"]
) -> Float[Tensor, ""]:
    """Compute cross-entropy of presence plus, over hands, errors of the box.

    The box's errors are 3 times the L1 distance of the centres over the side, the absolute logarithm of the sides'
    ratio, and 1 - cosine of the directions times the label's certainty.

    Args:
        predicted: The detector's output.
        labels: Oriented boxes; ignored where there is no hand.
        presence: Whether there is a hand.
        known: Whether that is known.

    Returns:
        The loss, a scalar.
    """
    truth, hands = labels.box, (presence & known).to(predicted.presence)
    entropy = F.binary_cross_entropy_with_logits(
        predicted.presence, presence.to(predicted.presence), reduction="none"
    )  # fmt: skip
    place = ((predicted.box.centre - truth.centre) / truth.side[:, None]).abs().sum(-1)
    size = (predicted.box.side / truth.side).log().abs()
    turn = labels.certainty * (1 - (predicted.box.direction * truth.direction).sum(-1))
    of_hands = torch.where(hands > 0, 3 * place + size + turn, 0).sum() / hands.sum().clamp_min(1)
    return of_hands + torch.where(known, entropy, 0).sum() / known.sum().clamp_min(1)

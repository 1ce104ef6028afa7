"""The convolutional pose machine: a VGG-like trunk and stages of heatmaps, at any size.

Wei et al. 2016, "Convolutional Pose Machines", in the hand version of Simon et al. 2017 that the
thesis uses (section 3.4.3). `CPMSize()` is the paper's; a smaller one is another `CPMSize`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from handpose_core.hand import N_JOINTS
from handpose_core.nn.backbones import JoinedBackbone, Variant

Norm = Literal["none", "batch"]
_MEAN, _STD = 0.5, 0.25  # of images in [0, 1]: unit variance in, so that Kaiming's scale holds from the first layer


@dataclass(frozen=True, kw_only=True)
class CPMSize:
    """The widths and depths of a `ConvolutionalPoseMachine`; the defaults are the paper's.

    Args:
        backbone: an EfficientNet-Lite in the trunk's place, its maps joined at stride 8; None for the paper's trunk.
        frozen_blocks: of the backbone, see `EfficientNetLite`.
        trunk: (channels, convolutions) of each VGG block; a 2 x 2 max pooling stands between blocks.
        stem_stride: stride of the very first convolution: 1 in the paper, 2 halves every map after it.
        features: channels F of the features that every stage sees.
        stages: number of stages; the first has two 1 x 1 convolutions.
        first_width: hidden channels of stage 1.
        width: hidden channels of the later stages.
        convolutions: k x k convolutions of a later stage, before its two 1 x 1.
        kernel: their k, odd.
        maps: heatmaps: 21 joints and the background.
        norm: normalisation after each hidden convolution; the paper has none.
    """

    backbone: Variant | None = None
    frozen_blocks: int = 0
    trunk: Sequence[tuple[int, int]] = ((64, 2), (128, 2), (256, 4), (512, 6))
    stem_stride: int = 1
    features: int = 128
    stages: int = 6
    first_width: int = 512
    width: int = 128
    convolutions: int = 5
    kernel: int = 7
    maps: int = N_JOINTS + 1
    norm: Norm = "none"

    @property
    def stride(self) -> int:
        """Image pixels per heatmap cell."""
        return BackboneTrunk.STRIDE if self.backbone else self.stem_stride * 2 ** (len(self.trunk) - 1)


PAPER_CPM = CPMSize()


def convolution(inputs: int, outputs: int, kernel: int, norm: Norm, stride: int = 1) -> nn.Sequential:
    """Convolution, optional normalisation and ReLU; the map shrinks by ``stride``, centred on its cells."""
    # a kernel of stride + 2 has its centre on the output cell's centre; an odd one would shift it half a pixel
    size = kernel if stride == 1 else stride + 2
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, size, stride, padding=(size - stride) // 2, bias=norm == "none")
    ]
    if norm == "batch":
        layers.append(nn.BatchNorm2d(outputs))
    return nn.Sequential(*layers, nn.ReLU(inplace=True))


def initialise(module: nn.Module) -> None:
    """Kaiming initialisation of every convolution in ``module``, for training from scratch; biases zero."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


class Trunk(nn.Module):
    """Image to features: VGG blocks, then one convolution to F channels at 1 / ``size.stride`` resolution."""

    def __init__(self, size: CPMSize) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 3
        for block, (channels, convolutions) in enumerate(size.trunk):
            if block:
                layers.append(nn.MaxPool2d(2))
            for i in range(convolutions):
                stride = size.stem_stride if block == i == 0 else 1
                layers.append(convolution(inputs, channels, 3, size.norm, stride))
                inputs = channels
        self.blocks = nn.Sequential(*layers)
        self.features = convolution(inputs, size.features, 3, size.norm)
        initialise(self)

    def forward(self, image: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch features h w"]:
        """Features of RGB images in [0, 1]."""
        features: Tensor = self.features(self.blocks((image - _MEAN) / _STD))
        return features


class BackboneTrunk(JoinedBackbone):
    """Image to features by an EfficientNet-Lite: its maps joined at stride 8, then one convolution.

    Args:
        backbone: which one.
        frozen_blocks: see `EfficientNetLite`.
        features: channels of the features.
        norm: of the last convolution.
    """

    STRIDE = 8

    def __init__(self, backbone: Variant, frozen_blocks: int, features: int, norm: Norm) -> None:
        super().__init__(backbone, frozen_blocks, features, finest=1)
        self.features = convolution(features, features, 3, norm)
        initialise(self.features)

    def forward(self, image: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch features h w"]:
        """Compute the features of pictures.

        Args:
            image: RGB in [0, 1].

        Returns:
            Features at stride 8.
        """
        features: Tensor = self.features(self.join(image))
        return features


class ConvStage(nn.Module):
    """One stage: k x k convolutions, then two 1 x 1, the last without activation.

    Args:
        inputs: channels in.
        outputs: channels out.
        width: hidden channels.
        convolutions: number of k x k convolutions; 0 leaves the two 1 x 1, as in stage 1.
        kernel: k, odd.
        norm: normalisation after each hidden convolution.
    """

    def __init__(self, inputs: int, outputs: int, width: int, convolutions: int, kernel: int, norm: Norm) -> None:
        super().__init__()
        hidden = [convolution(inputs if i == 0 else width, width, kernel, norm) for i in range(convolutions)]
        hidden.append(convolution(width if convolutions else inputs, width, 1, norm))
        self.hidden = nn.Sequential(*hidden)
        self.out = nn.Conv2d(width, outputs, 1)
        initialise(self)

    def forward(self, x: Float[Tensor, "batch inputs h w"]) -> Float[Tensor, "batch outputs h w"]:
        """The stage's maps."""
        maps: Tensor = self.out(self.hidden(x))
        return maps


class ConvolutionalPoseMachine(nn.Module):
    """Image to heatmaps, stage by stage: each later stage sees the previous maps and the features.

    Args:
        size: widths and depths; the paper's by default.
    """

    def __init__(self, size: CPMSize = PAPER_CPM) -> None:
        super().__init__()
        self.size = size
        self.trunk = (
            BackboneTrunk(size.backbone, size.frozen_blocks, size.features, size.norm) if size.backbone else Trunk(size)
        )
        self.stages = nn.ModuleList(
            ConvStage(size.features, size.maps, size.first_width, 0, 1, size.norm)
            if stage == 0
            else ConvStage(size.maps + size.features, size.maps, size.width, size.convolutions, size.kernel, size.norm)
            for stage in range(size.stages)
        )
        for stage in self.stages:  # first maps near their mean target, zero: ReLU gain would start them far off
            assert isinstance(stage, ConvStage)
            nn.init.normal_(stage.out.weight, std=0.01)

    def forward(
        self, image: Float[Tensor, "batch 3 height width"]
    ) -> tuple[list[Float[Tensor, "batch maps h w"]], Float[Tensor, "batch features h w"]]:
        """Every stage's maps, first to last, and the trunk's features."""
        features = self.trunk(image)
        maps = [self.stages[0](features)]
        for stage in self.stages[1:]:
            maps.append(stage(torch.cat([maps[-1], features], dim=1)))
        return maps, features

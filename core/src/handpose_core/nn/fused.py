"""A small convolutional backbone of fused inverted bottlenecks, trained from nothing (Tan & Le 2021, EfficientNetV2).

One dense 3x3 convolution widens, a 1x1 convolution narrows again: on CPUs several times as fast to train as the
depthwise convolutions that count fewer operations.
"""

from copy import deepcopy
from itertools import pairwise
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

_Module = TypeVar("_Module", bound=nn.Module)


def convolution(inputs: int, outputs: int, kernel: int, stride: int = 1, active: bool = True) -> nn.Sequential:
    """Convolution, batch normalisation and, unless it is a narrowing, ReLU; sizes are divided by ``stride``."""
    layers = [nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers, *([nn.ReLU(inplace=True)] if active else []))


def folded(module: _Module) -> _Module:
    """A copy to run, not to train or to save, whose batch norms have become part of the convolutions before them.

    Args:
        module: in evaluation; those of its parts are folded that `convolution` made, or whose class names them in
            ``normalised``.
    """
    copied = deepcopy(module)
    for part in copied.modules():
        if isinstance(part, nn.Sequential) and len(part) > 1:
            first, second = part[0], part[1]
            if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
                part[0], part[1] = fuse_conv_bn_eval(first, second), nn.Identity()
        for convolved, normed in getattr(part, "normalised", ()):
            if hasattr(part, convolved):
                setattr(part, convolved, fuse_conv_bn_eval(getattr(part, convolved), getattr(part, normed)))
                setattr(part, normed, nn.Identity())
    return copied


class FusedBlock(nn.Module):
    """A fused inverted bottleneck, with a way around it where sizes stay.

    There it begins as nothing (Goyal et al. 2017), so that a trained network can be given more blocks, and goes on.

    Args:
        inputs: channels.
        outputs: channels.
        stride: 2 halves the maps.
        expansion: how many times as wide it is within.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        within = inputs * expansion
        self.widen = convolution(inputs, within, 3, stride)
        self.narrow = convolution(within, outputs, 1, active=False)
        self.around = stride == 1 and inputs == outputs
        norm = self.narrow[1]
        if self.around and isinstance(norm, nn.BatchNorm2d):
            nn.init.zeros_(norm.weight)

    def forward(self, x: Float[Tensor, "batch c h w"]) -> Float[Tensor, "batch outputs h2 w2"]:
        """Maps from maps."""
        y: Tensor = self.narrow(self.widen(x))
        return x + y if self.around else y


class FusedBackbone(nn.Module):
    """Maps at 1/4, 1/8, 1/16, ... of the image's size, one a stage.

    Args:
        stem: channels at half the size.
        widths: channels of each stage.
        blocks: of each stage.
        expansion: see `FusedBlock`.
    """

    def __init__(self, stem: int, widths: tuple[int, ...], blocks: tuple[int, ...], expansion: int) -> None:
        super().__init__()
        self.widths = widths
        self.stem = convolution(3, stem, 3, 2)
        self.stages = nn.ModuleList(
            nn.Sequential(
                FusedBlock(inputs, outputs, 2, expansion),
                *(FusedBlock(outputs, outputs, 1, expansion) for _ in range(count - 1)),
            )
            for (inputs, outputs), count in zip(pairwise((stem, *widths)), blocks, strict=True)
        )

    def forward(self, image: Float[Tensor, "batch 3 h w"]) -> list[Tensor]:
        """The stages' maps, finest first, of an image in [0, 1]."""
        x = self.stem((image - 0.5).contiguous(memory_format=torch.channels_last))
        found = []
        for stage in self.stages:
            x = stage(x)
            found.append(x)
        return found

"""EfficientNet-Lite 0 to 2 as a backbone (Google 2020, after Tan and Le 2019): no squeeze-and-excitation, ReLU6.

Parameters have the names of the published PyTorch conversion without their leading underscores.
"""

import math
from collections.abc import Iterator
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

Variant = Literal["lite0", "lite1", "lite2"]

#: Width and depth multipliers of each variant; stem, head, and the depth of the first and last stage are not scaled.
_MULTIPLIERS: dict[str, tuple[float, float]] = {"lite0": (1.0, 1.0), "lite1": (1.0, 1.1), "lite2": (1.1, 1.2)}
#: Of each stage: blocks, kernel, stride, expansion, output channels (EfficientNet-B0).
_STAGES = (
    (1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320),
)  # fmt: skip
_STEM = 32
#: Stages whose output is the last one at strides 4, 8, 16 and 32.
_TAPPED = (1, 2, 4, 6)
#: The pre-trained weights' input is (255 x - 127) / 128 for pictures x in [0, 1].
_MEAN, _DEVIATION = 127 / 255, 128 / 255
_EPSILON, _MOMENTUM = 1e-3, 0.01


class EfficientNetLite(nn.Module):
    """EfficientNet-Lite without its classifier.

    Args:
        variant: ``lite0``, ``lite1`` or ``lite2``: 3.0, 3.7 and 4.4 million weights.
        frozen_blocks: Number of blocks, counted from the input, that are not trained, the stem with them; their batch
            norms keep their statistics in training, too. 0 trains all.

    Attributes:
        widths: Channels of the maps at strides 4, 8, 16 and 32.
        block_count: Number of blocks.
        variant: As given.
    """

    #: Convolutions and the batch norms after them, for `handpose_core.nn.fused.folded`.
    normalised: ClassVar = (("conv_stem", "bn0"),)

    def __init__(self, variant: Variant = "lite0", frozen_blocks: int = 0) -> None:
        super().__init__()
        self.variant: Variant = variant
        plans = list(_plans(*_MULTIPLIERS[variant]))
        self.conv_stem = SamePadConv2d(3, _STEM, 3, stride=2)
        self.bn0 = _norm(_STEM)
        self.blocks = nn.ModuleList(InvertedResidual(*plan[1:]) for plan in plans)
        ends = {stage: number for number, (stage, *_) in enumerate(plans)}
        self._tapped = [ends[stage] for stage in _TAPPED]
        self.widths: tuple[int, ...] = tuple(plans[number][2] for number in self._tapped)
        self.block_count, self.frozen_blocks = len(plans), frozen_blocks
        self.freeze()

    def freeze(self) -> None:
        """Exclude the frozen blocks' weights from training, again where all weights were set to be trained."""
        for part in self._frozen():
            part.requires_grad_(False)

    def forward(self, image: Float[Tensor, "batch 3 h w"]) -> list[Float[Tensor, "batch c _ _"]]:
        """Compute the maps of pictures.

        Args:
            image: RGB in [0, 1].

        Returns:
            Maps at strides 4, 8, 16 and 32, with `widths` channels.
        """
        maps, tapped = F.relu6(self.bn0(self.conv_stem((image - _MEAN) / _DEVIATION)), inplace=True), []
        for number, block in enumerate(self.blocks):
            maps = block(maps)
            if number in self._tapped:
                tapped.append(maps)
        return tapped

    def train(self, mode: bool = True) -> "EfficientNetLite":
        """Set training or evaluation; frozen parts stay in evaluation.

        Args:
            mode: True for training.

        Returns:
            The module itself.
        """
        super().train(mode)
        for part in self._frozen():
            part.eval()
        return self

    def _frozen(self) -> list[nn.Module]:
        if not self.frozen_blocks:
            return []
        return [self.conv_stem, self.bn0, *list(self.blocks)[: self.frozen_blocks]]


def freeze_backbones(network: nn.Module) -> None:
    """Freeze the frozen blocks of all backbones in a network, after its weights were set to be trained.

    Args:
        network: Any.
    """
    for part in network.modules():
        if isinstance(part, EfficientNetLite):
            part.freeze()


class InvertedResidual(nn.Module):
    """Expansion, depthwise convolution and projection, with a skip connection where sizes stay (MobileNetV2).

    Args:
        inputs: Channels.
        outputs: Channels.
        kernel: Of the depthwise convolution.
        stride: 2 halves the maps.
        expansion: Channels within, over ``inputs``; 1 leaves the expansion out.
    """

    normalised: ClassVar = (("expand_conv", "bn0"), ("depthwise_conv", "bn1"), ("project_conv", "bn2"))

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        within = inputs * expansion
        self.expands = expansion != 1
        if self.expands:
            self.expand_conv = nn.Conv2d(inputs, within, 1, bias=False)
            self.bn0 = _norm(within)
        self.depthwise_conv = SamePadConv2d(within, within, kernel, stride=stride, groups=within)
        self.bn1 = _norm(within)
        self.project_conv = nn.Conv2d(within, outputs, 1, bias=False)
        self.bn2 = _norm(outputs)
        self.skips = stride == 1 and inputs == outputs

    def forward(self, maps: Float[Tensor, "batch c h w"]) -> Float[Tensor, "batch outputs _ _"]:
        """Compute the block.

        Args:
            maps: Input maps.

        Returns:
            Output maps, ``ceil(h / stride)`` by ``ceil(w / stride)``.
        """
        within = F.relu6(self.bn0(self.expand_conv(maps)), inplace=True) if self.expands else maps
        projected: Tensor = self.bn2(self.project_conv(F.relu6(self.bn1(self.depthwise_conv(within)), inplace=True)))
        return projected + maps if self.skips else projected


class SamePadConv2d(nn.Conv2d):
    """Convolution with TensorFlow's "same" padding: the odd pixel of padding lies to the right and below.

    Args:
        inputs: Channels.
        outputs: Channels.
        kernel: Odd.
        stride: Outputs are ``ceil(size / stride)`` large.
        groups: As of `torch.nn.Conv2d`.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride, kernel // 2 if stride == 1 else 0, groups=groups, bias=False)

    def forward(self, maps: Float[Tensor, "batch c h w"]) -> Float[Tensor, "batch outputs _ _"]:
        """Convolve.

        Args:
            maps: Input maps.

        Returns:
            Output maps.
        """
        if self.stride[0] > 1:
            (above, below), (left, right) = (self._padding(int(size)) for size in maps.shape[-2:])
            maps = F.pad(maps, (left, right, above, below))
        if self.groups > 1 and self.training and maps.device.type == "cpu" and torch.is_autocast_enabled("cpu"):
            convolved: Tensor = _DepthwiseOnCPU.apply(  # type: ignore[no-untyped-call]
                maps, self.weight, self.stride[0], int(self.padding[0])
            )
            return convolved
        return super().forward(maps)

    def _padding(self, size: int) -> tuple[int, int]:
        kernel, stride = self.kernel_size[0], self.stride[0]
        total = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
        return total // 2, total - total // 2


class _DepthwiseOnCPU(torch.autograd.Function):
    """Depthwise convolution whose gradients are computed in single precision.

    On CPUs oneDNN's bfloat16 gradients of depthwise convolutions take 3 to 20 times as long, which made up half of a
    training step (torch 2.13: 672 channels, 5x5, stride 2: 136 ms against 6 ms).
    """

    @staticmethod
    def forward(ctx: Any, maps: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
        ctx.save_for_backward(maps, weight)
        ctx.stride, ctx.padding = stride, padding
        return F.conv2d(maps, weight, None, stride, padding, groups=weight.shape[0])

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        maps, weight = ctx.saved_tensors
        gradient, own = (t.float().contiguous(memory_format=torch.channels_last) for t in (gradient, maps))
        stride, padding = [ctx.stride] * 2, [ctx.padding] * 2
        of_maps, of_weight, _ = torch.ops.aten.convolution_backward(
            gradient, own, weight.float(), None, stride, padding, [1, 1], False, [0, 0], weight.shape[0],
            [ctx.needs_input_grad[0], ctx.needs_input_grad[1], False],
        )  # fmt: skip
        cast = None if of_maps is None else of_maps.to(maps.dtype)
        return cast, None if of_weight is None else of_weight.to(weight.dtype), None, None


def _plans(width: float, depth: float) -> Iterator[tuple[int, int, int, int, int, int]]:
    """Yield stage, inputs, outputs, kernel, stride and expansion of every block."""
    inputs = _STEM
    for stage, (repeats, kernel, stride, expansion, channels) in enumerate(_STAGES):
        outputs = _rounded(channels * width)
        scaled = repeats if stage in (0, len(_STAGES) - 1) else math.ceil(repeats * depth)
        for repeat in range(scaled):
            yield stage, inputs, outputs, kernel, stride if repeat == 0 else 1, expansion
            inputs = outputs


def _rounded(channels: float) -> int:
    """Round to a multiple of 8, by no more than 10 % down."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=_EPSILON, momentum=_MOMENTUM)

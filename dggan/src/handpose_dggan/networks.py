"""The networks of DGGAN (thesis, sections 3.4.2 and 3.4.3), pure PyTorch."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from handpose_core.hand import N_JOINTS
from handpose_core.nn.cpm import PAPER_CPM, ConvolutionalPoseMachine, ConvStage, CPMSize
from handpose_core.nn.gan import (
    PAPER_DISCRIMINATOR,
    PAPER_GENERATOR,
    DiscriminatorSize,
    GeneratorSize,
    PatchDiscriminator,
    ResNetGenerator,
)
from handpose_core.nn.heatmaps import decode_softargmax


@dataclass(frozen=True, kw_only=True)
class DepthHeadSize:
    """The widths of a `DepthHead`; the defaults are the paper's.

    Args:
        sees_features: the stage sees the trunk's features beside the maps, as in the author's code;
            the thesis's text has the maps alone.
        width: hidden channels of the stage.
        convolutions: its k x k convolutions.
        kernel: their k, odd.
        maps: channels the stage hands to the fully connected layers.
        grid: side of the map that is flattened; a map of another size is average-pooled to it. 32 is
            the size a 256 px image gives at the paper's stride of 8.
        hidden: width of the two hidden fully connected layers.
    """

    sees_features: bool = True
    width: int = 128
    convolutions: int = 5
    kernel: int = 7
    maps: int = N_JOINTS + 1
    grid: int = 32
    hidden: int = 512


PAPER_DEPTH_HEAD = DepthHeadSize()


class DepthHead(nn.Module):
    """Heatmaps (and features) to the 21 relative depths: a mini-CPM of one stage, then three linear layers.

    No activation stands between the linear layers: so the author's code, and the thesis names none.

    Args:
        cpm: the size of the pose machine whose maps come in.
        size: widths; the paper's by default.
    """

    def __init__(self, cpm: CPMSize, size: DepthHeadSize = PAPER_DEPTH_HEAD) -> None:
        super().__init__()
        self.size = size
        inputs = cpm.maps + (cpm.features if size.sees_features else 0)
        self.stage = ConvStage(inputs, size.maps, size.width, size.convolutions, size.kernel, cpm.norm)
        self.regress = nn.Sequential(
            nn.Linear(size.maps * size.grid**2, size.hidden),
            nn.Linear(size.hidden, size.hidden),
            nn.Linear(size.hidden, N_JOINTS),
        )

    def forward(
        self, heatmaps: Float[Tensor, "batch maps h w"], features: Float[Tensor, "batch features h w"]
    ) -> Float[Tensor, "batch 21"]:
        """Depth of each joint relative to the wrist, in lengths of the reference bone."""
        seen = torch.cat([heatmaps, features], dim=1) if self.size.sees_features else heatmaps
        grid = F.adaptive_avg_pool2d(self.stage(seen), self.size.grid)
        depths: Tensor = self.regress(grid.flatten(1))
        return depths


class PoseRegressor(nn.Module):
    """RGB image to heatmaps of every stage and relative depths: Table 3.1's "Regression" network.

    Args:
        cpm: size of the 2D pose machine; the paper's by default.
        depth_head: size of the depth head; the paper's by default.
    """

    def __init__(self, cpm: CPMSize = PAPER_CPM, depth_head: DepthHeadSize = PAPER_DEPTH_HEAD) -> None:
        super().__init__()
        self.pose_machine = ConvolutionalPoseMachine(cpm)
        self.depth_head = DepthHead(self.pose_machine.size, depth_head)

    def forward(
        self, image: Float[Tensor, "batch 3 height width"]
    ) -> tuple[list[Float[Tensor, "batch maps h w"]], Float[Tensor, "batch 21"]]:
        """Heatmaps of each stage (21 joints, then background), first to last, and relative depths.

        Args:
            image: RGB in [0, 1], sides divisible by the pose machine's stride.
        """
        stages, features = self.pose_machine(image)
        return stages, self.depth_head(stages[-1], features)


class JointInput(ABC):
    """What a depth regulariser sees of the joints."""

    channels: int

    @abstractmethod
    def __call__(
        self, places: Float[Tensor, "batch 21 2"], z_rel: Float[Tensor, "batch 21"]
    ) -> Float[Tensor, "batch channels"]:
        """The joints as channels, differentiable; places run from -1 to 1 over the crop."""


@dataclass(frozen=True)
class RelativeDepths(JointInput):
    """The 21 relative depths: the thesis's text, "K x 1 x 1"."""

    channels = N_JOINTS

    def __call__(
        self, places: Float[Tensor, "batch 21 2"], z_rel: Float[Tensor, "batch 21"]
    ) -> Float[Tensor, "batch channels"]:
        """See `JointInput`."""
        return z_rel


@dataclass(frozen=True)
class PlacedDepths(JointInput):
    """(u, v, z) of each joint, 63 in all: the author's code."""

    channels = 3 * N_JOINTS

    def __call__(
        self, places: Float[Tensor, "batch 21 2"], z_rel: Float[Tensor, "batch 21"]
    ) -> Float[Tensor, "batch channels"]:
        """See `JointInput`."""
        return torch.cat([places, z_rel[..., None].to(places)], dim=-1).flatten(1)


PLACED_DEPTHS = PlacedDepths()
_BETA = 20.0


def read_places(heatmaps: Float[Tensor, "batch maps cells cells"]) -> Float[Tensor, "batch 21 2"]:
    """U and v of each joint, from -1 to 1 over the crop, by a soft-argmax: their gradient reaches the heatmaps."""
    pixels, _ = decode_softargmax(heatmaps[:, :N_JOINTS], heatmaps.shape[-1], _BETA)
    return as_places(pixels, heatmaps.shape[-1])


def as_places(pixels: Float[Tensor, "batch 21 2"], size: int) -> Float[Tensor, "batch 21 2"]:
    """Pixels of a square image of side ``size``, as a regulariser sees them."""
    return (pixels + 0.5) * (2 / size) - 1


@dataclass(frozen=True, kw_only=True)
class RegulariserSize:
    """The form of a `DepthRegulariser`; the defaults are the paper's.

    Args:
        joints: what it sees.
        widths: channels after each transposed convolution but the last: the first makes 4 x 4 cells, every further
            one, and the last, twice as many. Five make maps of 128 x 128.
        norm: normalisation after each but the last; the paper has none.
    """

    joints: JointInput = PLACED_DEPTHS
    widths: Sequence[int] = (512, 512, 256, 128, 64)
    norm: Literal["none", "batch"] = "none"

    @property
    def side(self) -> int:
        """Side of the depth maps, cells."""
        return int(4 * 2 ** len(self.widths))


class DepthRegulariser(nn.Module):
    """Estimated joints to a normalised depth map: transposed convolutions from 1 x 1 up (section 3.4.3).

    A ReLU follows each, the last one too. That one's bias starts at 1, which is the background's depth: at 0 half
    of the map would be born dead.

    Args:
        size: its form; the paper's by default.
    """

    def __init__(self, size: RegulariserSize) -> None:
        super().__init__()
        self.size = size
        layers: list[nn.Module] = []
        inputs, kernel = size.joints.channels, 4
        for width in size.widths:
            layers.append(nn.ConvTranspose2d(inputs, width, kernel, stride=kernel, bias=size.norm == "none"))
            layers += [nn.BatchNorm2d(width)] if size.norm == "batch" else []
            layers.append(nn.ReLU(inplace=True))
            inputs, kernel = width, 2
        last = nn.ConvTranspose2d(inputs, 1, 2, stride=2)
        self.layers = nn.Sequential(*layers, last, nn.ReLU())
        for layer in self.layers:
            if isinstance(layer, nn.ConvTranspose2d):
                # each cell of the output has one tap of each input channel: stride = kernel
                nn.init.normal_(layer.weight, 0.0, (2 / layer.in_channels) ** 0.5)
        nn.init.normal_(last.weight, 0.0, 0.1 * (1 / last.in_channels) ** 0.5)
        nn.init.ones_(last.bias)  # type: ignore[arg-type]

    def forward(
        self, places: Float[Tensor, "batch 21 2"], z_rel: Float[Tensor, "batch 21"]
    ) -> Float[Tensor, "batch 1 side side"]:
        """The depth map D of (3.5) that fits the joints."""
        maps: Tensor = self.layers(self.size.joints(places, z_rel)[..., None, None])
        return maps


@dataclass(frozen=True, kw_only=True)
class GANSize:
    """The form of the depth-map reconstruction module (section 3.4.2); the defaults are the paper's.

    Args:
        generator: RGB to depth.
        discriminator: of the depth map ALONE: RGB and depth are unpaired in (3.2).
        side: of the images that are translated and of the maps that are judged, px.
        pool: earlier generated maps that the discriminator goes on seeing.
    """

    generator: GeneratorSize = PAPER_GENERATOR
    discriminator: DiscriminatorSize = PAPER_DISCRIMINATOR
    side: int = 256
    pool: int = 50


class DepthGenerator(nn.Module):
    """RGB image to normalised depth map, G of (3.2).

    Args:
        size: its form.
    """

    def __init__(self, size: GANSize) -> None:
        super().__init__()
        self.side = size.side
        self.translate = ResNetGenerator(3, 1, size.generator)

    def forward(self, image: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch 1 side side"]:
        """Depth in [0, 1]: 0 the hand's nearest point, 1 its farthest and the background.

        Args:
            image: RGB in [0, 1], of any size: resized to the generator's.
        """
        resized = F.interpolate(image, size=(self.side, self.side), mode="bilinear", antialias=True)
        translated: Tensor = self.translate(2 * resized - 1)
        return (translated.float() + 1) / 2


class DepthDiscriminator(nn.Module):
    """Judges normalised depth maps, D of (3.2).

    Args:
        size: its form.
    """

    def __init__(self, size: GANSize) -> None:
        super().__init__()
        self.judge = PatchDiscriminator(1, size.discriminator)

    def forward(self, maps: Float[Tensor, "batch 1 side side"]) -> Float[Tensor, "batch 1 _ _"]:
        """A logit for each patch, high where it looks real."""
        logits: Tensor = self.judge(2 * maps - 1)
        return logits

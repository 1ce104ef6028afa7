"""The stacked hourglass: image to heatmaps, block after block, at any size and with any input channels.

Newell, Yang, Deng 2016, "Stacked hourglass networks for human pose estimation". `HourglassSize()` is theirs with the
two blocks and 21 maps of the thesis; a smaller one is another `HourglassSize`.
"""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from handpose_core.errors import HandposeError
from handpose_core.hand import N_JOINTS
from handpose_core.nn.backbones import JoinedBackbone, Variant

STRIDE = 4
"""Image pixels per heatmap cell."""
RGB = 3


@dataclass(frozen=True, kw_only=True)
class HourglassSize:
    """The widths and depths of a `StackedHourglass`; the defaults are the paper's.

    Args:
        inputs: channels that come in: 3 of an image, more with flow and earlier maps.
        stem: channels after the first convolution; twice as many follow, as far as ``features`` goes.
        features: channels inside the hourglasses.
        stacks: hourglasses one after the other, each with maps of its own.
        depth: how often an hourglass halves its maps.
        maps: heatmaps.
        backbone: an EfficientNet-Lite in the stem's place, see `BackboneStem`; None for the paper's stem.
        frozen_blocks: of the backbone, see `EfficientNetLite`.
    """

    inputs: int = 3
    stem: int = 64
    features: int = 256
    stacks: int = 2
    depth: int = 4
    maps: int = N_JOINTS
    backbone: Variant | None = None
    frozen_blocks: int = 0


PAPER_HOURGLASS = HourglassSize()


class Residual(nn.Module):
    """Bottleneck of 1 x 1, 3 x 3 and 1 x 1 convolutions, each after normalisation and ReLU, added to its input.

    Args:
        inputs: channels that come in.
        outputs: channels that go out.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        middle = max(outputs // 2, 1)
        self.bottleneck = nn.Sequential(
            *(nn.BatchNorm2d(inputs), nn.ReLU(), nn.Conv2d(inputs, middle, 1, bias=False)),
            *(nn.BatchNorm2d(middle), nn.ReLU(), nn.Conv2d(middle, middle, 3, padding=1, bias=False)),
            *(nn.BatchNorm2d(middle), nn.ReLU(), nn.Conv2d(middle, outputs, 1)),
        )
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, features: Float[Tensor, "batch inputs h w"]) -> Float[Tensor, "batch outputs h w"]:
        """The block's features, of the same height and width."""
        out: Tensor = self.skip(features) + self.bottleneck(features)
        return out


class Hourglass(nn.Module):
    """Halves the maps down to the lowest resolution and doubles them up again, with a skip at every resolution.

    Args:
        features: channels throughout.
        depth: how often the maps are halved.
    """

    def __init__(self, features: int, depth: int) -> None:
        super().__init__()
        self.skip, self.down, self.up = (Residual(features, features) for _ in range(3))
        self.inner = Hourglass(features, depth - 1) if depth > 1 else Residual(features, features)

    def forward(self, features: Float[Tensor, "batch features h w"]) -> Float[Tensor, "batch features h w"]:
        """Features that have seen the whole map."""
        low = self.up(self.inner(self.down(F.max_pool2d(features, 2))))
        return self.skip(features) + F.interpolate(low, scale_factor=2.0, mode="nearest")


class BackboneStem(JoinedBackbone):
    """Input to features at stride 4: RGB by an EfficientNet-Lite, further channels by a convolution of their own.

    Args:
        size: with a ``backbone``.
    """

    def __init__(self, size: HourglassSize) -> None:
        assert size.backbone is not None  # else the paper's stem is built
        super().__init__(size.backbone, size.frozen_blocks, size.features, finest=0)
        further = size.inputs - RGB
        # an even kernel's centre is the centre of the output cell
        self.further = nn.Conv2d(further, size.features, 8, STRIDE, padding=2, bias=False) if further else None
        self.mixed = Residual(size.features, size.features)

    def forward(self, image: Float[Tensor, "batch inputs height width"]) -> Float[Tensor, "batch features h w"]:
        """Compute features.

        Args:
            image: RGB in [0, 1], then the further channels.

        Returns:
            Features at stride 4.
        """
        features = self.join(image[:, :RGB])
        if self.further is not None:
            features = features + self.further(image[:, RGB:])
        mixed: Tensor = self.mixed(features)
        return mixed


class StackedHourglass(nn.Module):
    """Input to the heatmaps of every hourglass, and to features for what comes after.

    Args:
        size: widths and depths; the paper's by default.
    """

    def __init__(self, size: HourglassSize = PAPER_HOURGLASS) -> None:
        super().__init__()
        if min(size.stacks, size.depth) < 1:
            raise HandposeError(
                "hourglass", f"{size.stacks} stacks of depth {size.depth}", "1 or more of each",
                "Correct the network's size.",
            )  # fmt: skip
        self.size = size
        wide, features = min(2 * size.stem, size.features), size.features
        self.stem = (
            BackboneStem(size)
            if size.backbone
            else nn.Sequential(
                # 8 where Newell et al. have 7: an even kernel's centre is the centre of the output cell
                nn.Conv2d(size.inputs, size.stem, 8, 2, padding=3, bias=False),
                *(nn.BatchNorm2d(size.stem), nn.ReLU(inplace=True), Residual(size.stem, wide)),
                *(nn.MaxPool2d(2), Residual(wide, wide), Residual(wide, features)),
            )
        )
        self.hourglasses = nn.ModuleList(Hourglass(features, size.depth) for _ in range(size.stacks))
        self.heads = nn.ModuleList(
            nn.Sequential(
                *(Residual(features, features), nn.Conv2d(features, features, 1, bias=False)),
                *(nn.BatchNorm2d(features), nn.ReLU(inplace=True)),
            )
            for _ in range(size.stacks)
        )
        self.to_maps = nn.ModuleList(nn.Conv2d(features, size.maps, 1) for _ in range(size.stacks))
        self.from_head = nn.ModuleList(nn.Conv2d(features, features, 1) for _ in range(size.stacks))
        self.from_maps = nn.ModuleList(nn.Conv2d(size.maps, features, 1) for _ in range(size.stacks))
        for layer in self.to_maps:  # first maps near their mean target, zero
            assert isinstance(layer, nn.Conv2d)
            nn.init.normal_(layer.weight, std=0.01)

    @property
    def feature_layers(self) -> tuple[nn.Module, nn.Module]:
        """The layers that the features alone are made by: maps of the last hourglass do not depend on them."""
        return self.from_head[-1], self.from_maps[-1]

    def forward(
        self, image: Float[Tensor, "batch inputs height width"]
    ) -> tuple[list[Float[Tensor, "batch maps h w"]], Float[Tensor, "batch features h w"]]:
        """Every hourglass's maps, first to last, and features: 1 x 1 of the maps + 1 x 1 of the last + previous.

        Args:
            image: RGB in [0, 1], and whatever else comes in; its sides divisible by 4 * 2^depth.

        Raises:
            HandposeError: its sides are not.
        """
        multiple = STRIDE * 2**self.size.depth
        if image.shape[-1] % multiple or image.shape[-2] % multiple:
            raise HandposeError(
                "hourglass, image", f"{image.shape[-1]} x {image.shape[-2]} px", f"sides divisible by {multiple}",
                "Choose another image_size, or a hourglass of less depth.",
            )  # fmt: skip
        features: Tensor = self.stem(image)
        stages = []
        for hourglass, head, maps_of, *back in zip(
            self.hourglasses, self.heads, self.to_maps, self.from_head, self.from_maps, strict=True
        ):
            last = head(hourglass(features))
            stages.append(maps_of(last))
            features = features + back[0](last) + back[1](stages[-1])
        return stages, features


def pooled_blocks(channels: int, blocks: int) -> nn.Sequential:
    """``blocks`` times two residual blocks and a halving: the encoder behind an hourglass's features."""
    layers: list[nn.Module] = []
    for _ in range(blocks):
        layers += [Residual(channels, channels), Residual(channels, channels), nn.MaxPool2d(2)]
    return nn.Sequential(*layers)

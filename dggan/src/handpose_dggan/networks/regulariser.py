"""The depth regulariser: from joints to a depth map (thesis, section 3.4.3)."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from handpose_core.hand import N_JOINTS
from handpose_core.nn.heatmaps import decode_softargmax, gaussian_heatmaps
from handpose_core.nn.unet import UNetGenerator, UNetSize


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


class RegulariserForm(ABC):
    """What a depth regulariser is made of: an object that the recipe chooses."""

    @property
    @abstractmethod
    def side(self) -> int:
        """Side of the depth maps, cells."""

    @abstractmethod
    def build(self) -> nn.Module:
        """A network from places (B 21 2) and relative depths (B 21) to depth maps (B 1 side side)."""


@dataclass(frozen=True, kw_only=True)
class RegulariserSize(RegulariserForm):
    """Transposed convolutions from 1 x 1 up (section 3.4.3); the defaults are the paper's.

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
        """See `RegulariserForm`."""
        return int(4 * 2 ** len(self.widths))

    def build(self) -> nn.Module:
        """See `RegulariserForm`."""
        return _TransposedConvolutions(self)


SMALL_UNET = UNetSize(width=32, downs=4, norm="instance", dropout=0.0)


@dataclass(frozen=True, kw_only=True)
class DrawnRegulariser(RegulariserForm):
    """Joints drawn as Gaussians on the depth map's own grid, and a U-Net that makes a hand of them.

    Not the thesis's: there, all that is known of a joint's place must go through one cell, and after short trainings
    the maps are blobs without fingers. On the hands of a world that it has not seen, joints as labelled, the mean error
    over the hand was 0.15 of the hand's depth against 0.24 of transposed convolutions trained as long.

    Args:
        cells: side of the depth maps.
        sigma: standard deviation of the Gaussians, cells.
        unet: widths of the network.
    """

    cells: int = 32
    sigma: float = 1.2
    unet: UNetSize = SMALL_UNET

    @property
    def side(self) -> int:
        """See `RegulariserForm`."""
        return self.cells

    def build(self) -> nn.Module:
        """See `RegulariserForm`."""
        return _DrawnJoints(self)


class _TransposedConvolutions(nn.Module):
    """A ReLU follows each, the last one too.

    That one's bias starts at 1, which is the background's depth: at 0 half of the map would be born dead.
    """

    def __init__(self, size: RegulariserSize) -> None:
        super().__init__()
        self.joints = size.joints
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
        maps: Tensor = self.layers(self.joints(places, z_rel)[..., None, None])
        return maps


class _DrawnJoints(nn.Module):
    """Each joint is two channels: where it is, and how deep."""

    def __init__(self, form: DrawnRegulariser) -> None:
        super().__init__()
        self.cells, self.sigma = form.cells, form.sigma
        self.make_hand = UNetGenerator(2 * N_JOINTS, 1, form.unet)

    def forward(
        self, places: Float[Tensor, "batch 21 2"], z_rel: Float[Tensor, "batch 21"]
    ) -> Float[Tensor, "batch 1 side side"]:
        drawn = gaussian_heatmaps((places.float() + 1) * (self.cells / 2) - 0.5, self.sigma, self.cells, self.cells)
        made: Tensor = self.make_hand(torch.cat([drawn, drawn * z_rel.float()[..., None, None]], dim=1))
        return (made.float() + 1) / 2


class DepthRegulariser(nn.Module):
    """Estimated joints to a normalised depth map.

    Args:
        form: what it is made of.
    """

    def __init__(self, form: RegulariserForm) -> None:
        super().__init__()
        self.side = form.side
        self.network = form.build()

    def forward(
        self, places: Float[Tensor, "batch 21 2"], z_rel: Float[Tensor, "batch 21"]
    ) -> Float[Tensor, "batch 1 side side"]:
        """The depth map D of (3.5) that fits the joints.

        Args:
            places: of the joints, from -1 to 1 over the crop.
            z_rel: depths relative to the wrist, in lengths of the reference bone.
        """
        maps: Tensor = self.network(places, z_rel)
        return maps

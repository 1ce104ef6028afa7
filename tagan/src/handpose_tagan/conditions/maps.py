"""The conditions of TAGAN's networks: the shape map x_s, edges, and the colour map x_b, an average-filtered image."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import NamedTuple

import kornia
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from handpose_core.errors import HandposeError
from handpose_core.precision import single_precision
from handpose_tagan.conditions.hed import HEDNetwork

_weights_follow: ContextVar[bool] = ContextVar("weights_follow", default=False)


@contextmanager
def weights_follow() -> Iterator[None]:
    """Build edge detectors without opening their files: a checkpoint that holds their weights is read next.

    Yields:
        Nothing.
    """
    token = _weights_follow.set(True)
    try:
        yield
    finally:
        _weights_follow.reset(token)


class Conditions(NamedTuple):
    """Both maps of a batch of images, in [0, 1]."""

    shape: Float[Tensor, "batch 1 h w"]
    colour: Float[Tensor, "batch 3 h w"]


class Edges(ABC):
    """Which edge detector makes shape maps."""

    @abstractmethod
    def build(self) -> nn.Module:
        """It, from images (batch, 3, h, w) in [0, 1] to each pixel's share of an edge (batch, 1, h, w)."""


@dataclass(frozen=True)
class HED(Edges):
    """The thesis's detector, see `handpose_tagan.conditions.hed.HEDNetwork`.

    Args:
        weights: path of the file.
    """

    weights: str

    def build(self) -> nn.Module:
        """See `Edges`; without the file's weights where a checkpoint gives them (`weights_follow`)."""
        return HEDNetwork(None if _weights_follow.get() else self.weights)


@dataclass(frozen=True)
class Sobel(Edges):
    """Needs no weights: it stands in for HED where there are none. Soft, like HED's maps, and not of one pixel's width.

    The length of the gradient (kornia's Sobel filter) of a smoothed image, of the colour in which it is longest.

    Args:
        sigma: of the Gaussian that takes away texture, px.
        half: the gradient, in units of white a pixel, that counts as half an edge.
    """

    sigma: float = 1.5
    half: float = 0.03

    def build(self) -> nn.Module:
        """See `Edges`."""
        return _SobelFilter(self)

    def __str__(self) -> str:
        return f"Sobel (stands in for HED), sigma {self.sigma:g} px, half an edge at {self.half:g}"


SOBEL = Sobel()


class _SobelFilter(nn.Module):
    def __init__(self, settings: Sobel) -> None:
        super().__init__()
        self.settings = settings

    def forward(self, image: Float[Tensor, "batch 3 h w"]) -> Float[Tensor, "batch 1 h w"]:
        sigma = self.settings.sigma
        reach = 2 * max(1, round(2 * sigma)) + 1
        smooth = kornia.filters.gaussian_blur2d(image, (reach, reach), (sigma, sigma))
        gradient = kornia.filters.spatial_gradient(smooth).square().sum(2).amax(1, keepdim=True)
        return gradient / (gradient + self.settings.half**2)


class ColourMap(nn.Module):
    """The average filter; at the image's border it averages what there is.

    Args:
        kernel: side of the square that is averaged, px, odd.

    Raises:
        HandposeError: the side is even, or less than one.
    """

    def __init__(self, kernel: int = 31) -> None:
        super().__init__()
        if kernel < 1 or kernel % 2 == 0:
            raise HandposeError("colour map, kernel", str(kernel), "an odd number of px", "Take one more or less.")
        self.kernel = kernel

    def forward(self, image: Float[Tensor, "batch c h w"]) -> Float[Tensor, "batch c h w"]:
        """Average every channel."""
        return _average(_average(image, -1, self.kernel // 2), -2, self.kernel // 2)

    def __str__(self) -> str:
        return f"average of {self.kernel} x {self.kernel} px"


class ConditionMaps(nn.Module):
    """Both maps of images, on the device that the images are on; without gradient.

    Args:
        edges: makes the shape map.
        kernel: see `ColourMap`.
    """

    def __init__(self, edges: Edges = SOBEL, kernel: int = 31) -> None:
        super().__init__()
        self.chosen, self.edges, self.average = edges, edges.build(), ColourMap(kernel)

    @torch.no_grad()
    @single_precision
    def forward(self, image: Float[Tensor, "batch 3 h w"]) -> Conditions:
        """The maps of images in [0, 1]; float32 whatever the surrounding precision is."""
        return Conditions(self.edges(image), self.average(image))

    def describe(self) -> dict[str, str]:
        """What the maps are, to be recorded with what is trained on them."""
        return {"shape_map": str(self.chosen), "colour_map": str(self.average)}


def _average(image: Float[Tensor, "*b h w"], axis: int, reach: int) -> Float[Tensor, "*b h w"]:
    """Running means along an axis, by differences of running sums: as quick for any reach."""
    length = image.shape[axis]
    ends = (reach + 1, reach)  # of zeros, so that windows over the border sum what there is
    sums = F.pad(image, ends if axis == -1 else (0, 0, *ends)).cumsum(axis)
    inside = sums.narrow(axis, 2 * reach + 1, length) - sums.narrow(axis, 0, length)
    place = torch.arange(length, device=image.device)
    count = ((place + reach + 1).clamp_max(length) - (place - reach).clamp_min(0)).to(image)
    return inside / (count if axis == -1 else count[:, None])

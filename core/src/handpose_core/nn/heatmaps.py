"""Heatmaps: Gaussian targets and decoding, both in the pixel-centre convention of `handpose_core.camera`.

A map of m x m cells over an image of n x n px has cells of n / m px, and the centre of cell i lies at
``(i + 0.5) n / m - 0.5`` px: at 3.5, 11.5, ... for a map downsampled 8 times, not at 0, 8, ...
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

_FLOOR = 1e-4  # network outputs below this count as this in the logarithm of the sub-pixel step


def cell_centres(image_size: int, map_size: int, like: Tensor) -> Float[Tensor, "cells"]:
    """Pixel coordinate of each cell's centre along one axis; device and dtype of ``like``."""
    cells = torch.arange(map_size, device=like.device, dtype=like.dtype)
    return (cells + 0.5) * (image_size / map_size) - 0.5


def lattice(along: Float[Tensor, "n"]) -> Float[Tensor, "n*n 2"]:
    """Every place (u, v) of a square with these coordinates along each side, row by row."""
    v, u = torch.meshgrid(along, along, indexing="ij")
    return torch.stack([u, v], -1).flatten(0, 1)


def cells_to_pixels(cells: Float[Tensor, "*batch"], image_size: int, map_size: int) -> Float[Tensor, "*batch"]:
    """Fractional cell indices to pixels of the image: ``(i + 0.5) n / m - 0.5``."""
    return (cells + 0.5) * (image_size / map_size) - 0.5


def gaussian_heatmaps(
    pixels: Float[Tensor, "*batch joints 2"], sigma: float, image_size: int, map_size: int
) -> Float[Tensor, "*batch joints {map_size} {map_size}"]:
    """Gaussians with peak 1 around each joint, the ground truth H* of (3.3).

    Args:
        pixels: joints in px of the square image; outside it they leave at most a tail.
        sigma: standard deviation in px of the IMAGE, whatever the map's size.
        image_size: side of the image, px.
        map_size: side of the map, cells.
    """
    centres = cell_centres(image_size, map_size, pixels)
    falloff = torch.exp(-(pixels[..., None] - centres).square() / (2 * sigma**2))
    return falloff[..., 1, :, None] * falloff[..., 0, None, :]


def add_background(heatmaps: Float[Tensor, "*batch joints h w"]) -> Float[Tensor, "*batch joints+1 h w"]:
    """Append the background map ``1 - max over joints`` (Wei et al. 2016, Convolutional Pose Machines)."""
    background = 1 - heatmaps.amax(dim=-3, keepdim=True)
    return torch.cat([heatmaps, background], dim=-3)


def decode_argmax(
    heatmaps: Float[Tensor, "*batch joints cells cells"], image_size: int
) -> tuple[Float[Tensor, "*batch joints 2"], Float[Tensor, "*batch joints"]]:
    """Joints (px of the image) at each map's maximum with a sub-pixel step, and the maximum as score.

    The step is the vertex of the parabola through the logarithms of the maximum and its two
    neighbours along each axis: exact for a Gaussian of any width. No step at the map's border.
    """
    cells = heatmaps.shape[-1]
    flat = heatmaps.float().flatten(-2)
    scores, best = flat.max(dim=-1)
    logs = flat.clamp_min(_FLOOR).log()
    axes = [(best % cells, 1), (best // cells, cells)]
    steps = [_parabola_step(logs, best, position, stride, cells) for position, stride in axes]
    pixels = [cells_to_pixels(axis[0] + step, image_size, cells) for axis, step in zip(axes, steps, strict=True)]
    return torch.stack(pixels, dim=-1), scores


def _parabola_step(logs: Tensor, best: Tensor, position: Tensor, stride: int, cells: int) -> Tensor:
    """Offset in cells, within ±0.5, of the parabola's vertex along one axis."""
    inside = (position > 0) & (position < cells - 1)
    centre, before, after = (
        logs.gather(-1, (best + offset * inside)[..., None])[..., 0] for offset in (0, -stride, stride)
    )
    curvature = (2 * centre - before - after).clamp_min(1e-6)
    return (0.5 * (after - before) / curvature).clamp(-0.5, 0.5)


def decode_softargmax(
    heatmaps: Float[Tensor, "*batch joints cells cells"], image_size: int, beta: float = 20.0
) -> tuple[Float[Tensor, "*batch joints 2"], Float[Tensor, "*batch joints"]]:
    """Joints (px of the image) as the mean position under softmax(``beta`` x map), differentiable.

    The score is the map's maximum, as in `decode_argmax`. A small ``beta`` pulls joints to the
    map's centre (Sun et al. 2018, Integral Human Pose Regression).
    """
    weights = (beta * heatmaps.float().flatten(-2)).softmax(dim=-1).unflatten(-1, heatmaps.shape[-2:])
    centres = cell_centres(image_size, heatmaps.shape[-1], weights)
    pixels = torch.stack([(weights.sum(-2) * centres).sum(-1), (weights.sum(-1) * centres).sum(-1)], dim=-1)
    return pixels, heatmaps.float().flatten(-2).amax(dim=-1)


class Decoder(ABC):
    """A way from heatmaps to joints that a recipe chooses."""

    @abstractmethod
    def __call__(
        self, heatmaps: Float[Tensor, "*batch joints cells cells"], image_size: int
    ) -> tuple[Float[Tensor, "*batch joints 2"], Float[Tensor, "*batch joints"]]:
        """Joints in px of the image, and their scores."""


@dataclass(frozen=True)
class Argmax(Decoder):
    """See `decode_argmax`."""

    def __call__(
        self, heatmaps: Float[Tensor, "*batch joints cells cells"], image_size: int
    ) -> tuple[Float[Tensor, "*batch joints 2"], Float[Tensor, "*batch joints"]]:
        """See `Decoder`."""
        return decode_argmax(heatmaps, image_size)


@dataclass(frozen=True)
class SoftArgmax(Decoder):
    """See `decode_softargmax`: where a map has several peaks, a place between them, and so a smaller mean error."""

    beta: float = 20.0

    def __call__(
        self, heatmaps: Float[Tensor, "*batch joints cells cells"], image_size: int
    ) -> tuple[Float[Tensor, "*batch joints 2"], Float[Tensor, "*batch joints"]]:
        """See `Decoder`."""
        return decode_softargmax(heatmaps, image_size, self.beta)

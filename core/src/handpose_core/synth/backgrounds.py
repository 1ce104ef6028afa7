"""What stands behind a synthetic hand: made up, or taken from a folder of pictures."""

from pathlib import Path
from typing import Protocol, runtime_checkable

import cv2
import numpy as np
import torch
from jaxtyping import Float
from torch import Generator, Tensor
from torch.nn import functional

from handpose_core.datasets.folder_frames import images_below
from handpose_core.datasets.images import read_rgb
from handpose_core.synth.draws import uniform


@runtime_checkable
class Background(Protocol):
    """Anything that gives one picture for each frame's generator."""

    def draw(self, size: int, generator: Generator) -> Float[Tensor, "3 size size"]:
        """One picture, sRGB in 0..1."""
        ...


class ProceduralBackground:
    """Made-up rooms and surfaces: a gradient, noise of several sizes, and soft-edged shapes."""

    def draw(self, size: int, generator: Generator) -> Float[Tensor, "3 size size"]:
        """One picture, sRGB in 0..1."""
        # made at half size: what is behind a hand is a little out of focus, and a quarter of the work
        whole, size = size, size // 2
        corners = _muted_colour(generator) + 0.18 * torch.randn(1, 2, 2, generator=generator)
        picture = _stretch(corners + 0.05 * torch.randn(3, 2, 2, generator=generator), size)
        for cells in (5, 16, 48):
            strength = uniform(generator, 0, 0.1, 1)
            tinted = torch.randn(3, cells, cells, generator=generator)
            grey = torch.randn(1, cells, cells, generator=generator)
            picture = picture + strength * _stretch(torch.lerp(grey, tinted, uniform(generator, 0, 0.6, 1)), size)
        for _ in range(int(torch.randint(0, 7, (1,), generator=generator))):
            picture = self._add_shape(picture, generator)
        return _stretch(picture.clamp(0, 1), whole)

    def _add_shape(self, picture: Float[Tensor, "3 size size"], generator: Generator) -> Float[Tensor, "3 size size"]:
        """Lay a box, an ellipse or a set of stripes over the picture, with a soft edge."""
        size = picture.shape[-1]
        axis = torch.linspace(-1, 1, size)
        centre = uniform(generator, -1, 1, 2)
        extent = uniform(generator, 0.08, 0.8, 2)
        angle = uniform(generator, 0, 3.1416, 1)
        dx, dy = (axis - centre[0])[None], (axis - centre[1])[:, None]
        across = (dx * angle.cos() + dy * angle.sin()) / extent[0]
        along = (dy * angle.cos() - dx * angle.sin()) / extent[1]
        kind = int(torch.randint(3, (1,), generator=generator))
        if kind == 0:
            distance = torch.maximum(across.abs(), along.abs())
        elif kind == 1:
            distance = (across.square() + along.square()).sqrt()
        else:
            distance = 1 + (across * uniform(generator, 6, 20, 1)).sin() + (along.abs() - 1).clamp_min(0) * 8
        edge = uniform(generator, 0.01, 0.25, 1)
        opacity = ((1 - distance) / edge).clamp(0, 1) * uniform(generator, 0.3, 1, 1)
        return torch.lerp(picture, _muted_colour(generator).expand_as(picture), opacity.expand_as(picture))


class FolderBackground:
    """Random square cuts of the pictures in a folder and its sub-folders.

    Args:
        folder: where the pictures are; files that are none are named once.

    Raises:
        HandposeError: there is no picture in the folder.
    """

    def __init__(self, folder: str | Path) -> None:
        fix = "Give a folder of photographs, or leave the option out for made-up backgrounds."
        self.files = images_below(Path(folder), fix)

    def draw(self, size: int, generator: Generator) -> Float[Tensor, "3 size size"]:
        """One picture, sRGB in 0..1; raises a HandposeError where the picture drawn is cut off or damaged."""
        path = self.files[int(torch.randint(len(self.files), (1,), generator=generator))]
        image = read_rgb(path)
        height, width = image.shape[:2]
        side = max(1, int(min(height, width) * float(uniform(generator, 0.4, 1, 1))))
        top = int(torch.randint(height - side + 1, (1,), generator=generator))
        left = int(torch.randint(width - side + 1, (1,), generator=generator))
        cut = cv2.resize(image[top : top + side, left : left + side], (size, size), interpolation=cv2.INTER_AREA)
        return torch.from_numpy(np.ascontiguousarray(cut)).permute(2, 0, 1).float() / 255


def background_of(folder: str | Path | None) -> Background:
    """Cuts of the pictures in a folder; without one, made-up backgrounds.

    Raises:
        HandposeError: as `FolderBackground`.
    """
    return FolderBackground(folder) if folder else ProceduralBackground()


def _muted_colour(generator: Generator) -> Float[Tensor, "3 1 1"]:
    """A colour as rooms have them: mostly near grey, wood and skin tones among them, now and then vivid."""
    grey = uniform(generator, 0.05, 0.95, 1, 1, 1)
    vivid = torch.rand(3, 1, 1, generator=generator)
    return torch.lerp(grey.expand(3, 1, 1), vivid, torch.rand(1, generator=generator) ** 2)


def _stretch(picture: Float[Tensor, "c h w"], size: int) -> Float[Tensor, "c size size"]:
    return functional.interpolate(picture[None], (size, size), mode="bilinear", align_corners=False)[0]

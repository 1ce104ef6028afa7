"""How the network sees clips when they run backward: as they are, or otherwise than forward.

Both directions see the same picture of a frame, so they agree as soon as the network heeds neither flow nor earlier
maps, and consistency teaches nothing. Seen otherwise, they agree only where the estimate is right or wrong in the same
way from both, or the same for all hands: consistency needs another term beside it that holds the poses.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import radians
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from handpose_core.datamodules.augmentation import LUMA, colour_matrix
from handpose_core.datamodules.device_warp import vary_colours
from handpose_tassn.networks import ClipOutput


class Seen(NamedTuple):
    """Clips as they are shown, and how what is said of them is brought back.

    Attributes:
        images: the clips.
        angles: by which each clip is turned about the crop's middle, rad, from x to y; None where none is.
    """

    images: Float[Tensor, "n t 3 s s"]
    angles: Float[Tensor, " n"] | None

    def brought_back(self, output: ClipOutput) -> ClipOutput:
        """What is said of `images`, in the clips' own crops; depths keep their values, as the axis is that of depth."""
        if self.angles is None:
            return output
        stages = [turned(stage, -self.angles) for stage in output.stages]
        vertices, joints = (turned_places(each, -self.angles) for each in (output.vertices, output.joints))
        return ClipOutput(stages, vertices, joints)


class Reversal(ABC):
    """How clips are shown when they run backward, in training."""

    @abstractmethod
    def see(self, images: Float[Tensor, "n t 3 s s"]) -> Seen:
        """The clips as they are shown, still in their own order."""


@dataclass(frozen=True)
class AsTheyAre(Reversal):
    """The same pictures, as in the thesis."""

    def see(self, images: Float[Tensor, "n t 3 s s"]) -> Seen:
        """See `Reversal`."""
        return Seen(images, None)


@dataclass(frozen=True)
class Turned(Reversal):
    """Each clip turned about its crop's middle and in other colours, the same for all of its frames: not the thesis's.

    Args:
        rotation: largest turn, degrees.
        brightness: factors on the colours are from 1 - brightness to 1 + brightness; ``contrast`` (about the crop's
            mean) and ``saturation`` likewise.
        contrast: see there.
        saturation: see there.
    """

    rotation: float = 30.0
    brightness: float = 0.2
    contrast: float = 0.2
    saturation: float = 0.2

    def see(self, images: Float[Tensor, "n t 3 s s"]) -> Seen:
        """See `Reversal`."""
        angles = radians(self.rotation) * _between(images, len(images))
        return Seen(turned(self._coloured(images), angles), angles)

    def _coloured(self, images: Float[Tensor, "n t 3 s s"]) -> Float[Tensor, "n t 3 s s"]:
        reaches = torch.tensor([self.brightness, self.contrast, self.saturation])
        factors = 1 + reaches * _between(reaches, len(images), 3)
        matrices = np.stack([colour_matrix(b, c, s, 0.0, np.ones(3)) for b, c, s in factors.tolist()])
        return vary_colours(images, torch.from_numpy(matrices).to(images), torch.from_numpy(LUMA).to(images))


def turned(images: Float[Tensor, "n t c s s"], angles: Float[Tensor, " n"]) -> Float[Tensor, "n t c s s"]:
    """Square images turned about their middle, by one angle (rad) a clip; black where nothing was.

    Args:
        images: clips.
        angles: from x to y: clockwise as seen.
    """
    cos, sin, zero = angles.cos(), angles.sin(), torch.zeros_like(angles)
    # of each place of the result, where it is taken from: turned the other way
    back = torch.stack([torch.stack([cos, sin, zero], -1), torch.stack([-sin, cos, zero], -1)], dim=-2)
    together = images.flatten(1, 2)
    grid = F.affine_grid(back, list(together.shape), align_corners=False)
    return F.grid_sample(together, grid.to(images), align_corners=False).view_as(images)


def turned_places(places: Float[Tensor, "n t p 3"], angles: Float[Tensor, " n"]) -> Float[Tensor, "n t p 3"]:
    """Places (u, v, d) turned likewise."""
    cos, sin = (each[:, None, None].to(places) for each in (angles.cos(), angles.sin()))
    u, v, depth = (places - places.new_tensor([0.5, 0.5, 0.0])).unbind(-1)
    return torch.stack([0.5 + cos * u - sin * v, 0.5 + sin * u + cos * v, depth], dim=-1)


def _between(like: Tensor, *shape: int) -> Tensor:
    """Random numbers from -1 to 1."""
    return 2 * torch.rand(shape, device=like.device) - 1

"""Augmentation for training: where the crop lies, how it is turned, and its colours."""

import math
import os
from dataclasses import dataclass, fields

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from handpose_core.errors import HandposeError


@dataclass(frozen=True)
class Augmentation:
    """How far training samples may be varied; every amount is the largest, drawn uniformly, and 0 is off.

    Attributes:
        rotation: In the image plane, degrees to either side.
        scale: Of the crop's size: factor 1 - scale to 1 + scale.
        shift: Of the crop's centre, as a fraction of its size, in x and y to either side.
        brightness: Factor 1 - brightness to 1 + brightness; ``contrast`` and ``saturation`` likewise.
        contrast: See ``brightness``.
        saturation: See ``brightness``.
        hue: Fraction of the colour circle, to either side.
    """

    rotation: float = 30.0
    scale: float = 0.15
    shift: float = 0.1
    brightness: float = 0.2
    contrast: float = 0.2
    saturation: float = 0.2
    hue: float = 0.05

    def __post_init__(self) -> None:
        most = {"rotation": 180.0, "hue": 0.5}
        for field in fields(self):
            value, largest = getattr(self, field.name), most.get(field.name, 0.9)
            if not 0 <= value <= largest:
                raise HandposeError(
                    f"augmentation, {field.name}", str(value), f"a number from 0 to {largest}", "Change it; 0 is off."
                )


@dataclass(frozen=True)
class Placement:
    """One drawn variation of the crop.

    Attributes:
        angle: In the image plane, radians, x towards y.
        scale: Factor on the crop's size.
        shift: Of the crop's centre, as a fraction of its size.
    """

    angle: float
    scale: float
    shift: Float[Tensor, "2"]


def draw_placement(augmentation: Augmentation, generator: torch.Generator) -> Placement:
    """Draw one variation of the crop."""
    angle, scale, x, y = (2 * torch.rand(4, generator=generator) - 1).tolist()
    return Placement(
        angle=math.radians(augmentation.rotation) * angle,
        scale=1 + augmentation.scale * scale,
        shift=augmentation.shift * torch.tensor([x, y]),
    )


class ColourJitter:
    """Varies brightness, contrast, saturation and hue of an RGB image in [0, 1], by albumentations."""

    def __init__(self, augmentation: Augmentation) -> None:
        os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # it would ask its server for a newer version
        import albumentations  # here, because it takes a second that evaluation need not spend

        jitter = albumentations.ColorJitter(
            brightness=(1 - augmentation.brightness, 1 + augmentation.brightness),
            contrast=(1 - augmentation.contrast, 1 + augmentation.contrast),
            saturation=(1 - augmentation.saturation, 1 + augmentation.saturation),
            hue=(-augmentation.hue, augmentation.hue),
            p=1.0,
        )
        self._transform = albumentations.Compose([jitter])

    def __call__(self, image: Float[Tensor, "3 h w"], generator: torch.Generator) -> Float[Tensor, "3 h w"]:
        """Vary one image by the generator's next draw."""
        self._transform.set_random_seed(int(torch.randint(2**31, (), generator=generator)))
        pixels = np.ascontiguousarray(image.permute(1, 2, 0).numpy())
        varied = self._transform(image=pixels)["image"]
        return torch.from_numpy(varied).permute(2, 0, 1).contiguous().clamp(0, 1)

"""Augmentation for training: where the crop lies, how it is turned and mirrored, and its colours.

Amounts stand in `Augmentation`; what is drawn is one `Placement` and one colour matrix a sample. Brightness,
contrast, saturation and hue are linear in the colour, so that the four are one 3 x 4 matrix and one pass over
8-bit pixels: 0.03 ms for 256 x 256 px, where albumentations' four steps take 0.4 ms. Blur and noise are
albumentations'.
"""

import math
import os
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float64, UInt8
from numpy import ndarray

from handpose_core.errors import HandposeError

_LARGEST = {"rotation": 180.0, "hue": 0.5, "flip": 1.0, "blur": 10.0}
LUMA = np.array([0.299, 0.587, 0.114])
"""The brightness that an eye sees in red, green and blue."""
_YIQ = np.array([LUMA, [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])
"""RGB to luma and two colour axes (NTSC): turning these from the second to the first goes red, green, blue."""
_FROM_YIQ = np.linalg.inv(_YIQ)
_AS_THEY_ARE = (1.0, 1.0, 1.0, 0.0)
"""Arguments of `colour_matrix` that change no colour."""


class _Ranged:
    """Checks amounts when they are made.

    Not a dataclass, on purpose: where a type is nothing but dataclasses, jsonargparse takes no subclass of it.
    """

    def __post_init__(self) -> None:
        for name in _AMOUNTS:
            value, largest = getattr(self, name), _LARGEST.get(name, 0.9)
            if not 0 <= value <= largest:
                raise HandposeError(
                    f"augmentation, {name}", str(value), f"a number from 0 to {largest}", "Change it; 0 is off."
                )


@dataclass(frozen=True)
class Augmentation(_Ranged):
    """How far training samples may be varied; every amount is the largest, drawn uniformly, and 0 is off.

    The loader's workers do it; `handpose_core.datamodules.device_augmentation.OnDevice` in its place leaves it to
    the training's device.

    Attributes:
        rotation: In the image plane, degrees to either side.
        scale: Of the crop's size: factor 1 - scale to 1 + scale.
        shift: Of the crop's centre, as a fraction of its size, in x and y to either side.
        flip: Probability of a mirror image, which shows a hand of the other side.
        brightness: Factor 1 - brightness to 1 + brightness; ``contrast`` and ``saturation`` likewise.
        contrast: See ``brightness``.
        saturation: See ``brightness``.
        hue: Fraction of the colour circle, to either side.
        blur: Standard deviation of a Gaussian blur, px.
        noise: Standard deviation of Gaussian noise, of colours in [0, 1].
    """

    rotation: float = 30.0
    scale: float = 0.15
    shift: float = 0.1
    flip: float = 0.0
    brightness: float = 0.2
    contrast: float = 0.2
    saturation: float = 0.2
    hue: float = 0.05
    blur: float = 0.0
    noise: float = 0.0

    @property
    def reach(self) -> float:
        """How far from its centre a varied crop's edges lie at most, over those of the crop that is not varied."""
        angle = math.radians(min(self.rotation, 45.0))
        return (1 + self.scale) * (math.cos(angle) + math.sin(angle) + 2 * self.shift)


_AMOUNTS = tuple(field.name for field in fields(Augmentation))


@dataclass(frozen=True)
class Placement:
    """One drawn variation of the crop.

    Attributes:
        angle: In the image plane, radians, x towards y.
        scale: Factor on the crop's size.
        shift: Of the crop's centre, as a fraction of its size.
        flip: Whether the crop, once turned, is mirrored left to right.
    """

    angle: float
    scale: float
    shift: Float64[ndarray, "2"]
    flip: bool = False


AS_LABELLED = Placement(angle=0.0, scale=1.0, shift=np.zeros(2))
"""The crop that is not varied."""


def draw_placement(augmentation: Augmentation, rng: np.random.Generator) -> Placement:
    """Draw one variation of the crop."""
    angle, scale, x, y = rng.uniform(-1, 1, 4)
    return Placement(
        angle=math.radians(augmentation.rotation) * float(angle),
        scale=1 + augmentation.scale * float(scale),
        shift=augmentation.shift * np.array([x, y]),
        flip=bool(rng.random() < augmentation.flip),
    )


def draw_colours(augmentation: Augmentation, rng: np.random.Generator) -> tuple[float, float, float, float]:
    """Draw the first four arguments of `colour_matrix`."""
    amounts = (augmentation.brightness, augmentation.contrast, augmentation.saturation, augmentation.hue)
    brightness, contrast, saturation, hue = (np.array(amounts) * rng.uniform(-1, 1, 4) + (1, 1, 1, 0)).tolist()
    return brightness, contrast, saturation, hue


def colour_matrix(
    brightness: float, contrast: float, saturation: float, hue: float, mean: Float64[ndarray, "3"]
) -> Float64[ndarray, "3 4"]:
    """The affine map of RGB colours that does the four after one another, as one matrix on ``(r, g, b, 1)``.

    Args:
        brightness: Factor on the colours.
        contrast: Factor on the colours' distance from the image's mean luma.
        saturation: Factor on the colours' distance from their own luma.
        hue: Turn of the colour circle, as a fraction of it, about the luma axis (NTSC's YIQ).
        mean: The image's mean colour.
    """
    grey = np.broadcast_to(LUMA, (3, 3))
    c, s = math.cos(2 * math.pi * hue), math.sin(2 * math.pi * hue)
    turned = _FROM_YIQ @ np.array([[1, 0, 0], [0, c, s], [0, -s, c]]) @ _YIQ
    # Greys pass through saturation and hue unchanged: the contrast's offset is added last.
    colours = turned @ (saturation * np.eye(3) + (1 - saturation) * grey) * (brightness * contrast)
    offset = (1 - contrast) * brightness * float(LUMA @ mean)
    return np.column_stack([colours, np.full(3, offset)])


class ColourJitter:
    """Varies brightness, contrast, saturation and hue of an 8-bit RGB image, then its blur and noise."""

    def __init__(self, augmentation: Augmentation) -> None:
        self._augmentation = augmentation
        self._grain = _blur_and_noise(augmentation) if augmentation.blur or augmentation.noise else None

    def __call__(self, image: UInt8[ndarray, "h w 3"], rng: np.random.Generator) -> UInt8[ndarray, "h w 3"]:
        """Vary one image by the generator's next draws."""
        drawn = draw_colours(self._augmentation, rng)
        if drawn != _AS_THEY_ARE:
            image = cv2.transform(image, colour_matrix(*drawn, np.array(cv2.mean(image)[:3])))
        if self._grain:
            self._grain.set_random_seed(int(rng.integers(2**31)))
            image = self._grain(image=image)["image"]
        return image


def _blur_and_noise(augmentation: Augmentation) -> Any:
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # it would ask its server for a newer version
    import albumentations  # here, because it takes a second that most runs need not spend

    steps: list[Callable[..., Any]] = []
    if augmentation.blur:
        steps.append(albumentations.GaussianBlur(blur_limit=0, sigma_limit=(0.0, augmentation.blur), p=1.0))
    if augmentation.noise:
        steps.append(albumentations.GaussNoise(std_range=(0.0, augmentation.noise), p=1.0))
    return albumentations.Compose(steps)

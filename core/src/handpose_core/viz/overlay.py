"""Hands drawn on images: the prediction in the fingers' colours, over the truth in thin white."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from handpose_core.hand import BONES, FINGER_COLOURS, FINGER_JOINTS, WRIST_COLOUR

Colour = tuple[int, int, int]

_FRACTION_BITS = 4  # cv2 draws at 1/16 px
_DARK: Colour = (20, 20, 20)
_FINGER_OF = {joint: finger for finger, joints in FINGER_JOINTS.items() for joint in joints}


@dataclass(frozen=True)
class HandStyle:
    """How a hand is drawn; sizes are fractions of the image's shorter side.

    Args:
        colour: one colour for all of it, None for the fingers' own.
        line: width of the bones.
        joint: radius of the joints.
        outline: width of the dark rim, in px of a 384 px image, that keeps it visible on any background.
    """

    colour: Colour | None
    line: float
    joint: float
    outline: int = 1


PREDICTION = HandStyle(colour=None, line=0.006, joint=0.0085)
TRUTH = HandStyle(colour=(255, 255, 255), line=0.003, joint=0.005)


def joint_colour(joint: int) -> Colour:
    """RGB of a joint, and of the bone that ends there."""
    finger = _FINGER_OF.get(joint)
    return WRIST_COLOUR if finger is None else FINGER_COLOURS[finger]


def enlarge(image: UInt8[ndarray, "h w 3"], min_side: int = 384) -> tuple[UInt8[ndarray, "H W 3"], float]:
    """The image, scaled up so that its shorter side has at least ``min_side`` px, and the factor."""
    factor = max(1.0, min_side / min(image.shape[:2]))
    if factor == 1.0:
        return image.copy(), factor
    size = (round(image.shape[1] * factor), round(image.shape[0] * factor))
    return cv2.resize(image, size, interpolation=cv2.INTER_CUBIC).astype(np.uint8), factor


def draw_hand(
    image: UInt8[ndarray, "h w 3"], joints_2d: Float[ndarray, "21 2"], style: HandStyle = PREDICTION
) -> UInt8[ndarray, "h w 3"]:
    """The image with a hand on it; joints that are not finite, and their bones, are left out.

    Args:
        image: RGB.
        joints_2d: px of the image, (0, 0) = centre of the top-left pixel.
        style: colours and widths.
    """
    canvas = np.ascontiguousarray(image).copy()
    side = min(canvas.shape[:2])
    width = max(1, round(style.line * side))
    radius = style.joint * side
    rim = max(1, round(style.outline * side / 384)) if style.outline else 0
    for grow, dark in ((rim, True), (0, False)):
        if dark and not rim:
            continue
        for parent, child in BONES:
            colour = _DARK if dark else style.colour or joint_colour(child)
            _line(canvas, joints_2d[parent], joints_2d[child], colour, width + 2 * grow)
        for joint, point in enumerate(joints_2d):
            _disc(canvas, point, radius + grow, _DARK if dark else style.colour or joint_colour(joint))
    return canvas


def overlay(
    image: UInt8[ndarray, "h w 3"],
    prediction: Float[ndarray, "21 2"],
    truth: Float[ndarray, "21 2"] | None = None,
    min_side: int = 384,
) -> UInt8[ndarray, "H W 3"]:
    """Prediction over truth on the image, scaled up first where it is small; joints in px of ``image``."""
    canvas, factor = enlarge(image, min_side)
    for joints, style in ((truth, TRUTH), (prediction, PREDICTION)):
        if joints is not None:
            canvas = draw_hand(canvas, (joints + 0.5) * factor - 0.5, style)
    return canvas


def _line(
    canvas: UInt8[ndarray, "h w 3"], start: Float[ndarray, "2"], end: Float[ndarray, "2"], colour: Colour, width: int
) -> None:
    if (ends := _fixed_point(canvas, start, end)) is not None:
        cv2.line(canvas, ends[0], ends[1], colour, width, cv2.LINE_AA, _FRACTION_BITS)


def _disc(canvas: UInt8[ndarray, "h w 3"], centre: Float[ndarray, "2"], radius: float, colour: Colour) -> None:
    if (ends := _fixed_point(canvas, centre)) is not None:
        cv2.circle(canvas, ends[0], round(radius * 2**_FRACTION_BITS), colour, -1, cv2.LINE_AA, _FRACTION_BITS)


def _fixed_point(canvas: UInt8[ndarray, "h w 3"], *points: Float[ndarray, "2"]) -> list[tuple[int, int]] | None:
    """The points as cv2 takes them; None when one is not finite or so far outside that cv2's integers overflow."""
    limit = 20 * max(canvas.shape[:2])
    if not all(np.isfinite(point).all() and np.abs(point).max() < limit for point in points):
        return None
    return [(round(float(x) * 2**_FRACTION_BITS), round(float(y) * 2**_FRACTION_BITS)) for x, y in points]

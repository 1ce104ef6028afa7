"""Where a thing is drawn and in what colours, and the strokes and areas that it is drawn with."""

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8
from numpy import ndarray
from numpy.random import Generator as Random
from torch import Generator

from handpose_core.synth.sensor import to_srgb
from handpose_core.synth.skin import draw_tone

SHIFT = 4
"""Bits of a pixel that OpenCV's drawing takes."""

Canvas = UInt8[ndarray, "s s 3"]
Colour = Float[ndarray, "3"]
Path2D = Float[ndarray, "n 2"]


class Place:
    """Where a thing is, how large, and its colours."""

    def __init__(self, random: Random, size: int, generator: Generator) -> None:
        self.random, self._generator = random, generator
        self.extent = size * random.uniform(0.12, 0.5)
        self.middle = random.uniform(0.0, 1.0, 2) * size
        self.angle = random.uniform(0, 2 * np.pi)

    def colour(self) -> Colour:
        """Of cloth and plastic, hair, wood, metal, or skin."""
        kind = self.random.random()
        if kind < 0.25:
            return to_srgb(draw_tone(self._generator)[0]).numpy().astype(np.float64) * 255
        if kind < 0.5:  # from black over brown to blond, and grey
            dark, brown, fair = np.array([[25, 20, 18], [105, 70, 45], [225, 195, 150]], np.float64)
            light = self.random.uniform(0, 2)
            mixed = dark + (brown - dark) * min(light, 1.0) + (fair - brown) * max(light - 1, 0.0)
            return mixed + (mixed.mean() - mixed) * self.random.random() ** 2
        grey = np.full(3, self.random.uniform(10, 245))
        return grey + (self.random.uniform(0, 255, 3) - grey) * self.random.random() ** 1.5

    def path(self, points: int = 48, wild: float = 0.6) -> Path2D:
        """A smooth curve about as long as twice the extent."""
        along = np.linspace(-1, 1, points)
        bends = self.random.normal(0, wild / np.arange(1, 4) ** 1.5, 3)
        phases = self.random.uniform(0, 2 * np.pi, 3)
        waves = np.sin(np.pi / 2 * np.outer(along, np.arange(1, 4)) + phases)
        across = waves @ bends
        return self.turned(np.stack([along, across - across.mean()], 1))

    def turned(self, points: Path2D, angle: float | None = None) -> Path2D:
        """Points of the thing's own frame, -1 to 1, in px."""
        placed: Path2D = points @ turned_rows(self.angle if angle is None else angle) * self.extent + self.middle
        return placed


def turned_rows(angle: float) -> Float[ndarray, "2 2"]:
    """The matrix that turns rows of points by an angle (radians)."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, s], [-s, c]])


def fixed_point(points: Float[ndarray, "*n 2"]) -> Int[ndarray, "*n 2"]:
    """As OpenCV's drawing takes them."""
    return np.round(points * 2**SHIFT).clip(-(2**24), 2**24).astype(np.int32)


def draw_stroke(canvas: Canvas, path: Path2D, colour: Colour, width: float) -> None:
    """A line of one width and colour."""
    cv2.polylines(
        canvas, [fixed_point(path)], False, colour.clip(0, 255).tolist(), max(1, round(width)), cv2.LINE_AA, SHIFT
    )


def draw_area(canvas: Canvas, outline: Path2D, colour: Colour) -> None:
    """The inside of an outline."""
    cv2.fillPoly(canvas, [fixed_point(outline)], colour.clip(0, 255).tolist(), cv2.LINE_AA, SHIFT)


def draw_ellipse(
    canvas: Canvas, middle: Float[ndarray, "2"], axes: Float[ndarray, "2"], degrees: float, colour: Colour,
    thick: int = -1,
) -> None:  # fmt: skip
    """An ellipse, filled unless it is as thick as something else (px)."""
    paint, centre, half = colour.clip(0, 255).tolist(), fixed_point(middle).tolist(), fixed_point(axes).tolist()
    cv2.ellipse(canvas, centre, half, degrees, 0, 360, paint, thick, cv2.LINE_AA, SHIFT)


def draw_through(canvas: Canvas, mask: UInt8[ndarray, "s s"], colours: Float[ndarray, "*s_s 3"]) -> None:
    """One colour, or one a pixel, by how much of each pixel the mask says."""
    share = (mask / 255.0)[..., None]
    canvas[:] = (canvas * (1 - share) + colours.clip(0, 255) * share).astype(np.uint8)


def draw_tube(canvas: Canvas, path: Path2D, colour: Colour, width: float, gloss: float) -> None:
    """A tube: strokes from wide and dark to narrow and light, the light's side a little off the middle."""
    step = np.gradient(path, axis=0)
    normal = np.stack([-step[:, 1], step[:, 0]], 1) / np.maximum(np.linalg.norm(step, axis=1, keepdims=True), 1e-6)
    for i in range(7):
        inward = i / 6
        light = 0.55 + 0.5 * inward + gloss * max(inward - 0.7, 0)
        draw_stroke(canvas, path + 0.18 * width * inward * normal, colour * light, width * (1 - 0.85 * inward))

"""Pictures of made-up things: hair, straps, cloth, boxes, beads, twigs, leaves, print, and such."""

from functools import cache

import cv2
import numpy as np
import torch
from jaxtyping import UInt8
from numpy import ndarray
from numpy.random import Generator as Random
from torch import Generator

from handpose_core.synth.backgrounds import Background, background_of
from handpose_core.synth.sensor import draw_sensor
from handpose_core.synth.things.drawing import Canvas, Place
from handpose_core.synth.things.kinds import THINGS
from handpose_core.synth.unlabelled import UnlabelledTwin

_FINER = 2
"""Things are drawn this many times as large as the picture."""
_MOST = 9


class ThingsTwin(UnlabelledTwin):
    """Makes one folder of numbered pictures of things."""

    def picture(self, generator: Generator) -> UInt8[ndarray, "size size 3"]:
        """See `UnlabelledTwin`."""
        return things_picture(self.recipe.size, _background(self.recipe.backgrounds), generator)


def things_picture(size: int, background: Background, generator: Generator) -> UInt8[ndarray, "size size 3"]:
    """One picture, RGB.

    Args:
        size: height and width, px.
        background: where backgrounds come from.
        generator: the picture's own.
    """
    whole = _FINER * size
    behind = background.draw(size, generator).permute(1, 2, 0).numpy()
    canvas = cv2.resize((behind * 255).clip(0, 255).astype(np.uint8), (whole, whole))
    random = np.random.default_rng(int(torch.randint(2**31, (1,), generator=generator)))
    kinds = list(THINGS.values())
    for _ in range(int(random.integers(1, _MOST + 1))):
        draw = kinds[int(random.integers(len(kinds)))]
        draw(canvas, Place(random, whole, generator))
    small = cv2.resize(_lit(canvas, random), (size, size), interpolation=cv2.INTER_AREA)
    picture = torch.from_numpy(small).permute(2, 0, 1).float() / 255
    camera = draw_sensor(generator)
    noise = torch.randn(1, *picture.shape, generator=generator)
    taken: UInt8[ndarray, "size size 3"] = camera.take([camera], picture[None], noise)[0].permute(1, 2, 0).numpy()
    return taken


def _lit(canvas: Canvas, random: Random) -> Canvas:
    """The picture under light from one side, and sometimes one large shadow's edge."""
    size = canvas.shape[0]
    v, u = np.mgrid[:size, :size].astype(np.float32) / size - 0.5
    angle = random.uniform(0, 2 * np.pi)
    towards = u * np.cos(angle) + v * np.sin(angle)
    light = 1 + random.uniform(0, 0.6) * towards
    if random.random() < 0.3:
        light = light * (1 - random.uniform(0.1, 0.5) / (1 + np.exp(-(towards - random.uniform(-0.4, 0.4)) * 40)))
    return (canvas * light[..., None]).clip(0, 255).astype(np.uint8)


_background = cache(background_of)

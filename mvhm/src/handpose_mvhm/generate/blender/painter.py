"""What is drawn, as Blender is told it: our meshes, skins, lights and cameras in its terms."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray
from torch import Tensor
from torch.nn import functional

from handpose_core.render import Lights, Rendered, Sight
from handpose_mvhm.generate.blender.interpreter import Interpreter

SAMPLES = 16
_ACROSS = 40.0
"""mm from a finger to the one it shadows; a sun's angle spreads the shadow's edge by what `Lights` says over it."""
_DIELECTRIC = 0.08
"""Reflectance at which Blender's "Specular IOR Level" is 1."""


@dataclass(frozen=True)
class Request:
    """Pictures of meshes that share their faces. mm, px, camera frame.

    Attributes:
        vertices: x right, y down, z away.
        faces: corners, counter-clockwise seen from outside.
        K: fx = fy.
        size: height and width.
        samples: a pixel.
        albedo: linear RGB and 1, of each vertex.
        roughness: the square root of GGX's alpha.
        specular: Blender's "Specular IOR Level".
        flesh: share of the light that goes under the surface.
        grain: coordinates in the tile, 0..1, which goes on repeating.
        tile: factors of the albedo.
        directions: towards each light.
        colours: of the lights: linear RGB, as a white surface that faces it shows it.
        sky: radiance from above.
        ground: radiance from below.
        up: where above is.
        angle: that a light spans, radians.
    """

    vertices: Float[ndarray, "n v 3"]
    faces: Int[ndarray, "f 3"]
    K: Float[ndarray, "n 3 3"]
    size: Int[ndarray, "2"]
    samples: Int[ndarray, ""]
    albedo: Float[ndarray, "n v 4"]
    roughness: Float[ndarray, "n v"]
    specular: Float[ndarray, "n v"]
    flesh: Float[ndarray, "n v"]
    grain: Float[ndarray, "n v 2"]
    tile: Float[ndarray, "rows columns"]
    directions: Float[ndarray, "n lights 3"]
    colours: Float[ndarray, "n lights 3"]
    sky: Float[ndarray, "n 3"]
    ground: Float[ndarray, "n 3"]
    up: Float[ndarray, "n 3"]
    angle: Float[ndarray, "n"]


class CyclesPainter:
    """Colours by Blender's Cycles; see `handpose_core.render.Painter`.

    Args:
        interpreter: a Python with Blender.
        samples: a pixel.
    """

    def __init__(self, interpreter: Interpreter, samples: int = SAMPLES) -> None:
        self._interpreter, self._samples = interpreter, samples

    def paint(self, picture: Rendered, sight: Sight) -> Rendered:
        """The picture with Cycles' colours, and the share of each pixel in which Cycles sees the mesh."""
        pictures = torch.from_numpy(self._interpreter.draw(vars(request(sight, self._samples))))
        channels = pictures.permute(0, 3, 1, 2).to(picture.colour)
        return replace(picture, colour=channels[:, :3], coverage=channels[:, 3:])


def request(sight: Sight, samples: int) -> Request:
    """What Blender needs to know.

    A Blinn-Phong highlight of exponent n is a GGX one of alpha² = 2 / (n + 2), and as bright at its peak where the
    reflectance is 4 alpha² times its strength.

    Args:
        sight: of the source world, whose light is of `Lights`.
        samples: a pixel.
    """
    light, surface, count = sight.light, sight.surface, len(sight.vertices)
    assert isinstance(light, Lights)
    alpha2 = 2 / (surface.shininess + 2)
    rows, columns = sight.grain.tile.shape
    up = sight.to_light.new_tensor([0.0, -1.0, 0.0]) @ sight.to_light

    def each(values: Tensor) -> ndarray:
        array: ndarray = values.expand(count, *values.shape[1:]).cpu().numpy()
        return array

    return Request(
        vertices=each(sight.vertices),
        faces=sight.faces.cpu().numpy(),
        K=each(sight.K),
        size=np.array(sight.size),
        samples=np.array(samples),
        albedo=each(functional.pad(surface.albedo, (0, 1), value=1.0)),
        roughness=each(alpha2**0.25),
        specular=each(4 * alpha2 * surface.gloss / _DIELECTRIC),
        flesh=each(torch.where(surface.gloss > 0, light.wrap[:, None], 0)),  # cloth has no gloss
        grain=each(sight.grain.coordinates / sight.grain.coordinates.new_tensor([columns, rows])),
        tile=sight.grain.tile.cpu().numpy(),
        directions=each(light.directions @ sight.to_light),
        colours=each(light.colours),
        sky=each(light.sky),
        ground=each(light.ground),
        up=each(up),
        angle=each(light.shadow_softness / _ACROSS),
    )

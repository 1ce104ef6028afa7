"""Another renderer's colours in the place of ours."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float, Int
from torch import Tensor

from handpose_core.render.image import Grain, Rendered
from handpose_core.render.shading import Illumination, Surface


@dataclass(frozen=True)
class Sight:
    """What a batch of pictures shows: the arguments of `handpose_core.render.render`.

    Attributes:
        vertices: mm, camera frame.
        faces: corners, counter-clockwise seen from outside.
        K: intrinsics, px.
        size: (height, width) of the pictures.
        surface: what each mesh is made of; one for all pictures, or one a picture.
        light: what shines on them.
        to_light: rotation from the camera's frame to the light's.
        grain: a fine texture.
    """

    vertices: Float[Tensor, "batch v 3"]
    faces: Int[Tensor, "f 3"]
    K: Float[Tensor, "batch 3 3"]
    size: tuple[int, int]
    surface: Surface
    light: Illumination
    to_light: Float[Tensor, "batch 3 3"]
    grain: Grain


@runtime_checkable
class Painter(Protocol):
    """Makes the colours of pictures; what is where, and how far, stays the z-buffer's."""

    def paint(self, picture: Rendered, sight: Sight) -> Rendered:
        """The picture with other ``colour`` and ``coverage``."""
        ...

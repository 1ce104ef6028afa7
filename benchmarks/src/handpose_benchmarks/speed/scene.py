"""What the renderers draw, the same for ours and its peers: posed hands before one camera."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True)
class Scene:
    """Posed hands before one camera.

    Attributes:
        vertices: One hand a frame, mm, camera frame (x right, y down, z forward).
        faces: Triangles, the same in all frames.
        K: Intrinsics in px, fx = fy; (0, 0) is the centre of the top-left pixel.
        size: Width and height of the image, px.
    """

    vertices: Float[np.ndarray, "frames vertices 3"]
    faces: Int[np.ndarray, "faces 3"]
    K: Float[np.ndarray, "3 3"]
    size: int

"""A hand's surface drawn over a picture of it, shaded, without a renderer."""

import cv2
import numpy as np
from jaxtyping import Float64, Int64, UInt8
from numpy import ndarray

_SKIN = np.array([120.0, 170.0, 235.0])
"""RGB, as no skin is, so that the drawing is told from the hand."""
_OPACITY = 0.6
_FINE = 4  # bits of a pixel's fraction


def draw_mesh(
    image: UInt8[ndarray, "h w 3"],
    vertices_2d: Float64[ndarray, "v 2"],
    vertices: Float64[ndarray, "v 3"],
    faces: Int64[ndarray, "f 3"],
) -> UInt8[ndarray, "h w 3"]:
    """A copy with the mesh on it, farther faces first, the brighter the more they face the camera.

    Args:
        image: RGB.
        vertices_2d: px of the image.
        vertices: the same in space, x right, y down, z away, any unit.
        faces: corners, counter-clockwise seen from outside.
    """
    reach = 4 * max(image.shape[:2])  # OpenCV's integers end somewhere; so far outside nothing shows
    if not (np.isfinite(vertices_2d).all() and np.abs(vertices_2d).max(initial=0) < reach):
        return image.copy()
    corners = vertices[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    facing = -normals[:, 2] / np.maximum(np.linalg.norm(normals, axis=1), 1e-12)
    order = np.argsort(-corners[..., 2].mean(1))
    order = order[facing[order] > 0]
    places = (vertices_2d[faces] * 2**_FINE).round().astype(np.int32)
    layer = image.copy()
    for face in order:
        colour = (_SKIN * (0.35 + 0.65 * facing[face])).tolist()
        cv2.fillConvexPoly(layer, places[face], colour, cv2.LINE_8, _FINE)
    return cv2.addWeighted(layer, _OPACITY, image, 1 - _OPACITY, 0).astype(np.uint8)

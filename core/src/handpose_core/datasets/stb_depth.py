"""STB's depth images as the SK colour camera would see them."""

import numpy as np
from jaxtyping import Float, Float32
from numpy import ndarray

from handpose_core.datasets.stb_layout import CAMERAS, SK_DEPTH_K

_REACH_MM = 100.0
FARTHEST_FROM_PALM_MM = 2 * _REACH_MM
"""Beyond the palm by this much there is no hand, in either of SK's cameras: they are 24 mm apart."""
_BOX_SCALE = 1.5
_FOOTPRINT = ((0, 0), (1, 0), (0, 1), (1, 1))
# The colour camera's pixels are finer (focal lengths 608 : 476 = 1.28): one pixel each would leave holes.


def register(depth: Float32[ndarray, "h w"], farthest: float = np.inf) -> Float32[ndarray, "h w"]:
    """Move a depth image (mm, 0 = nothing) into the SK colour camera: a z-buffer of its back-projected pixels.

    Each depth pixel covers the four colour pixels around the point where it lands; the nearest surface wins.
    Where the depth camera saw nothing, or what the colour camera sees was hidden from it, the result is 0.

    Args:
        depth: The depth camera's image.
        farthest: Depth (mm) beyond which surfaces are left out; they hide nothing that is nearer.
    """
    colour = CAMERAS["sk"]
    v, u = np.nonzero((depth > 0) & (depth <= farthest))
    z = depth[v, u].astype(np.float64)
    rays = np.stack([u, v, np.ones_like(u)], axis=-1) @ np.linalg.inv(SK_DEPTH_K).T
    points = colour.from_labels(rays * z[:, None])
    points = points[np.argsort(-points[:, 2])]  # from far to near: of several values assigned to a pixel the last stays
    points = points[points[:, 2] > 0]
    pixels = points @ colour.K.T
    corner = np.floor(pixels[:, :2] / pixels[:, 2:]).astype(np.int64)
    height, width = depth.shape
    nearest = np.full((height, width), np.inf)
    for du, dv in _FOOTPRINT:
        x, y = corner[:, 0] + du, corner[:, 1] + dv
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        layer = np.full((height, width), np.inf)
        layer[y[inside], x[inside]] = points[inside, 2]
        np.minimum(nearest, layer, out=nearest)
    return np.where(np.isfinite(nearest), nearest, 0).astype(np.float32)


def hand_depth(
    depth: Float32[ndarray, "h w"], joints_2d: Float[ndarray, "21 2"], palm_z: float
) -> Float32[ndarray, "h w"]:
    """The hand's part of a depth image; 0 elsewhere.

    STB has no masks. The hand is what lies within 100 mm of the palm's depth, inside the joints' box x 1.5.

    Args:
        depth: mm.
        joints_2d: Where the hand is, px.
        palm_z: Depth of its palm, mm.
    """
    low, high = joints_2d.min(0), joints_2d.max(0)
    margin = (_BOX_SCALE - 1) / 2 * (high - low)
    height, width = depth.shape
    left, top = np.clip(np.floor(low - margin), 0, (width, height)).astype(int)
    right, bottom = np.clip(np.ceil(high + margin) + 1, 0, (width, height)).astype(int)
    kept = np.zeros_like(depth)
    box = depth[top:bottom, left:right]
    kept[top:bottom, left:right] = np.where(np.abs(box - palm_z) <= _REACH_MM, box, 0)
    return kept

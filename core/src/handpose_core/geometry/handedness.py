"""Left hands shown as right ones, and back: the mirror image of pictures, labels and cameras.

A network that sees right hands alone need not learn both; HaMeR and WiLoR do the same. A picture W px wide is mirrored
by u' = W - 1 - u, the camera frame by X' = S X with S = diag(-1, 1, 1), intrinsics by K' = F K S with F the map of
pixels, and the world of several cameras with them: R' = S R S, t' = S t, so that R' stays a rotation and all cameras
still see one hand. Depths and units stay as they are.
"""

from typing import Any, TypeVar

import numpy as np

#: What a sample says of its handling, beside the contract's labels: whether its hand is shown mirrored.
MIRRORED = "mirrored"
#: Under this key data describe how they show hands, and a module's history has it.
HANDS_KEY = "hands"
MIRRORED_HANDS, HANDS_AS_THEY_ARE = "left ones mirrored to right ones, by side", "as they are"
#: An array of numpy or a tensor of torch, which exported models are run without.
_Array = TypeVar("_Array", bound=Any)


def mirror_pixels(pixels: _Array, width: int) -> _Array:
    """Mirror pixel coordinates left to right.

    Args:
        pixels: (..., 2), px; of torch or numpy.
        width: Of the picture, px.

    Returns:
        The coordinates in the mirrored picture, px.
    """
    return pixels * _like(pixels, [-1, 1]) + _like(pixels, [width - 1, 0])


def mirror_points(points: _Array) -> _Array:
    """Mirror points of the camera frame: negate x.

    Args:
        points: (..., 3), any unit; of torch or numpy.

    Returns:
        The mirrored points.
    """
    return points * _like(points, [-1, 1, 1])


def mirror_intrinsics(K: _Array, width: int) -> _Array:
    """Mirror intrinsics such that mirrored points are seen at mirrored pixels.

    Args:
        K: (..., 3, 3), px; of torch or numpy.
        width: Of the picture, px.

    Returns:
        ``F K S``, px.
    """
    mirrored = K * _like(K, [[1, -1, -1], [-1, 1, 1], [-1, 1, 1]])
    mirrored[..., 0, 2] += width - 1
    return mirrored


def _like(array: _Array, values: list[int] | list[list[int]]) -> _Array:
    made: Any = np.array(values, array.dtype) if isinstance(array, np.ndarray) else array.new_tensor(values)
    return made  # type: ignore[no-any-return]  # of the array's own kind

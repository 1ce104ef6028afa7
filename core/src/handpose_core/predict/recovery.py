"""Millimetres without torch: as `handpose_core.camera.solve_root_depth` and `recover_joints`, of numpy arrays.

All of it is linear in the reference bone's length, so that a hand is recovered in lengths of this bone, and scaled.
"""

import numpy as np
from jaxtyping import Float, Float64
from numpy import ndarray

from handpose_core.errors import HandposeError
from handpose_core.geometry.hand_shape import PLAUSIBLE_LENGTH_MM, hand_lengths
from handpose_core.hand import REFERENCE_BONE

ASSUMED_FOCAL = 1.0
"""Focal length over the picture's longer side where none is given: 53 degrees across, between phones and webcams."""
PLAUSIBLE_FOCAL = (0.2, 10.0)
"""Focal lengths over the picture's longer side: from fisheye to long telephoto lenses."""
LARGEST_HAND_MM = 1e6
"""Hands of a larger size are refused, as their joints are beyond what is computed exactly; mm."""
_FOCAL_RANGE = (1e-3, 1e9)  # px, likewise
_FOCAL_FORM = "a focal length, or fx, fy, cx, cy; px"
_LEAST_SLOPE = 1e-12
_LEAST_SPREAD = 1.0  # px

Focal = float | tuple[float, float, float, float]
"""A focal length, the principal point in the picture's middle, or fx, fy, cx, cy; px."""


def focal_of(given: object, where: str = "focal") -> Focal | None:
    """The focal length that a caller gives.

    Args:
        given: a number (px), ``fx, fy, cx, cy``, the intrinsics K (3 3), or None.
        where: its name, for messages.

    Returns:
        The focal length, the four numbers, or None.

    Raises:
        HandposeError: it is something else, not finite, or not above 0.
    """
    if given is None:
        return None
    try:
        values = np.asarray(given)
        if values.dtype.kind not in "iuf":
            raise TypeError
        values = values.astype(np.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise HandposeError(where, f"{given!r}", _FOCAL_FORM, "For example: 1200") from error
    if values.shape == (3, 3):
        values = values[[0, 1, 0, 1], [0, 1, 2, 2]]
    if values.size == 1:
        values = values.reshape(())
    low, high = _FOCAL_RANGE
    lengths = values.flat[:2]
    if values.shape not in ((), (4,)) or not (np.abs(values) <= high).all() or not (lengths >= low).all():
        raise HandposeError(
            where, f"{given!r}", f"{_FOCAL_FORM}, focal lengths from {low:g} to {high:g}", "See its calibration."
        )
    if values.shape == ():
        return float(values)
    fx, fy, cx, cy = values.tolist()
    return fx, fy, cx, cy


def implausible_focal(focal: Focal | None, width: int, height: int) -> str | None:
    """A remark on intrinsics that no camera has.

    Args:
        focal: as `Focal`, or None.
        width: of the picture, px.
        height: px.

    Returns:
        The remark; None where the intrinsics may be a camera's.
    """
    if focal is None:
        return None
    lengths, longer = (focal[:2] if isinstance(focal, tuple) else (focal,)), max(width, height)
    low, high = PLAUSIBLE_FOCAL
    if not all(low * longer <= length <= high * longer for length in lengths):
        return (
            f"a focal length of {', '.join(f'{length:g}' for length in lengths)} px for pictures of {width} x {height} "
            f"px: cameras have {low * longer:g} to {high * longer:g} px; lengths in mm or metres must be converted"
        )
    if isinstance(focal, tuple) and not (0 <= focal[2] <= width and 0 <= focal[3] <= height):
        return (
            f"a principal point at {focal[2]:g}, {focal[3]:g} px, outside of pictures of {width} x {height} px: the "
            "order is fx,fy,cx,cy, of the picture as it is given"
        )
    return None


def implausible_hand(hand_mm: float | None) -> str | None:
    """A remark on a length that no hand has.

    Args:
        hand_mm: from the wrist to the middle finger's tip along the bones, mm, or None.

    Returns:
        The remark; None where it may be a hand's.
    """
    low, high = PLAUSIBLE_LENGTH_MM
    if hand_mm is None or low <= hand_mm <= high:
        return None
    return (
        f"a hand of {hand_mm:g} mm from the wrist to the middle finger's tip: hands have {low:g} to {high:g} mm, an "
        "adult's 160 to 210"
    )


def camera_matrix(focal: Focal | None, width: int, height: int) -> Float64[ndarray, "3 3"]:
    """The intrinsics K (px) of a picture."""
    if focal is None:
        focal = ASSUMED_FOCAL * max(width, height)
    fx, fy, cx, cy = focal if isinstance(focal, tuple) else (focal, focal, (width - 1) / 2, (height - 1) / 2)
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]])


def parse_focal(text: str) -> Focal:
    """``F`` or ``fx,fy,cx,cy``.

    Raises:
        HandposeError: it is neither one nor four numbers.
    """
    try:
        values = tuple(float(value) for value in text.split(","))
    except ValueError:
        values = ()
    if len(values) == 1:
        return values[0]
    if len(values) != 4:
        raise HandposeError("--focal", f"'{text}'", "one number, or fx,fy,cx,cy; px", "For example: --focal 1200")
    return values


def recover_in_bones(
    joints_2d: Float64[ndarray, "21 2"], z_rel: Float64[ndarray, "21"], K: Float64[ndarray, "3 3"]
) -> Float64[ndarray, "21 3"]:
    """Joints in the camera's frame, in lengths of the reference bone, which has length 1 where that is possible.

    Args:
        joints_2d: px of the picture that K belongs to.
        z_rel: depth relative to the wrist, in lengths of the reference bone.
        K: intrinsics, px.
    """
    rays = np.concatenate([joints_2d, np.ones((len(joints_2d), 1))], axis=1) @ np.linalg.inv(K).T
    a, b = REFERENCE_BONE
    slope, offset = rays[b] - rays[a], rays[b] * z_rel[b] - rays[a] * z_rel[a]
    qa, qb, qc = max(slope @ slope, _LEAST_SLOPE), slope @ offset, offset @ offset - 1
    root = (-qb + np.sqrt(max(qb**2 - qa * qc, 0))) / qa
    joints: Float64[ndarray, "21 3"] = rays * (z_rel + root)[:, None]
    return joints


def virtual_camera_rotation(K: Float64[ndarray, "3 3"], middle: Float64[ndarray, "2"]) -> Float64[ndarray, "3 3"]:
    """Return the rotation to a camera that looks at ``middle``; see `handpose_core.estimators.onehand.virtual_camera`.

    Args:
        K: intrinsics of the crop, px.
        middle: px of the crop.
    """
    ray = np.linalg.inv(K) @ np.array([*middle, 1.0])
    x, y, z = ray / np.linalg.norm(ray)
    k = 1 / (1 + z)
    return np.array([[1 - k * x * x, -k * x * y, -x], [-k * x * y, 1 - k * y * y, -y], [x, y, z]])


def fit_translation(
    points: Float64[ndarray, "n 3"], pixels: Float64[ndarray, "n 2"], K: Float64[ndarray, "3 3"]
) -> Float64[ndarray, "3"]:
    """Where points lie to be seen nearest to ``pixels``: `handpose_core.estimators.hand3d.recovery`'s."""
    rays = (np.concatenate([pixels, np.ones((len(pixels), 1))], axis=1) @ np.linalg.inv(K).T)[:, :2]
    offsets = rays * points[:, 2:] - points[:, :2]
    centred = rays - rays.mean(0)
    z = -(centred * offsets).sum() / max(float(np.square(centred).sum()), _LEAST_SLOPE)
    return np.array([*(offsets.mean(0) + rays.mean(0) * z), z])


def place_before_camera(
    points: Float64[ndarray, "n 3"], pixels: Float64[ndarray, "n 2"], K: Float64[ndarray, "3 3"]
) -> Float64[ndarray, "3"]:
    """`fit_translation`, but before the camera whatever the two are.

    Pixels that do not fit the points, as where there is no hand, have their best fit anywhere, behind the camera too.
    There they decide on the direction alone, and how far they are spread on the distance.
    """
    spread_px = max(float(pixels.std(0).mean()), _LEAST_SPREAD)
    about = K[0, 0] * float(points[:, :2].std(0).mean()) / spread_px
    place = fit_translation(points, pixels, K)
    if abs(place[2] + points[:, 2].mean() - about) < about / 2 and place[2] + points[:, 2].min() > 0:
        return place
    z = max(about, 1.5 * float(np.abs(points).max()))
    middle = np.linalg.inv(K) @ np.array([*pixels.mean(0), 1.0]) * z
    placed: Float64[ndarray, 3] = middle - points.mean(0)
    return placed


def project(points: Float64[ndarray, "n 3"], K: Float64[ndarray, "3 3"]) -> Float64[ndarray, "n 2"]:
    """Pixels of points before the camera."""
    seen = points @ K.T
    pixels: Float64[ndarray, "n 2"] = seen[:, :2] / np.maximum(seen[:, 2:], _LEAST_SLOPE)
    return pixels


def hand_length(joints: Float[ndarray, "21 3"]) -> float:
    """From the wrist to the middle finger's tip along the bones, in the unit of ``joints``."""
    return float(hand_lengths(joints[None])[0])


def recover(
    joints_2d: Float64[ndarray, "21 2"],
    z_rel: Float64[ndarray, "21"],
    K: Float64[ndarray, "3 3"],
    bone_mm: float,
    hand_mm: float | None,
) -> Float64[ndarray, "21 3"]:
    """Joints in the camera's frame (mm), of a hand of length ``hand_mm``, or with a reference bone of ``bone_mm``."""
    joints = recover_in_bones(joints_2d, z_rel, K)
    return joints * (bone_mm if hand_mm is None else hand_mm / hand_length(joints))

"""Hands in 3D, seen from two sides."""

from typing import Any

import numpy as np
from jaxtyping import Float, UInt8
from matplotlib.figure import Figure
from numpy import ndarray

from handpose_core.hand import BONES
from handpose_core.viz.figures import rasterise
from handpose_core.viz.overlay import joint_colour

VIEWS: dict[str, tuple[float, float]] = {"from the camera": (0.0, -90.0), "from the right (depth →)": (12.0, -12.0)}
"""Elevation and azimuth (degrees) of each view, in the plot's axes."""
_GREY = "0.35"
_DPI = 100


def plot_hand_3d(
    prediction: Float[ndarray, "21 3"], truth: Float[ndarray, "21 3"] | None = None, side: int = 384
) -> UInt8[ndarray, "h w 3"]:
    """The hand from the camera and from the right; the truth grey and dashed. Width is twice the height ``side``.

    Args:
        prediction: mm, camera frame (x right, y down, z forward).
        truth: the same, already aligned with the prediction as the caller wants it.
        side: height in px.
    """
    hands = [prediction] if truth is None else [truth, prediction]
    points = np.concatenate([_to_plot(hand) for hand in hands])
    points = points[np.isfinite(points).all(axis=1)]
    low, high = (points.min(axis=0), points.max(axis=0)) if len(points) else (np.full(3, -1.0), np.full(3, 1.0))
    centre, half = (low + high) / 2, max(float((high - low).max()) / 2, 1.0) * 1.03
    figure = Figure(figsize=(2 * side / _DPI, side / _DPI), dpi=_DPI)
    for i, (title, (elevation, azimuth)) in enumerate(VIEWS.items()):
        axes = figure.add_axes((0.5 * i, 0.0, 0.5, 0.94), projection="3d")
        _set_up(axes, centre, half, elevation, azimuth)
        if truth is not None:
            _draw(axes, truth, _GREY, "--", 1.2)
        _draw(axes, prediction, None, "-", 2.2)
        figure.text(0.5 * i + 0.25, 0.985, title, ha="center", va="top", fontsize=9, color="0.25")
    return rasterise(figure)


def _to_plot(joints: Float[ndarray, "21 3"]) -> Float[ndarray, "21 3"]:
    """Camera frame to matplotlib's, whose third axis points up: (x, z, -y)."""
    return np.stack([joints[:, 0], joints[:, 2], -joints[:, 1]], axis=1)


def _set_up(axes: Any, centre: Float[ndarray, "3"], half: float, elevation: float, azimuth: float) -> None:
    axes.set_proj_type("ortho")
    axes.view_init(elev=elevation, azim=azimuth)
    for set_limits, middle in zip((axes.set_xlim, axes.set_ylim, axes.set_zlim), centre, strict=True):
        set_limits(middle - half, middle + half)
    axes.set_box_aspect((1, 1, 1), zoom=1.5)
    axes.set_axis_off()


def _draw(axes: Any, joints: Float[ndarray, "21 3"], colour: str | None, line: str, width: float) -> None:
    points = _to_plot(joints)
    colours = [colour or tuple(channel / 255 for channel in joint_colour(joint)) for joint in range(len(points))]
    for parent, child in BONES:
        axes.plot(*points[[parent, child]].T, line, color=colours[child], linewidth=width, solid_capstyle="round")
    if colour is None:
        axes.scatter(*points.T, c=colours, s=14, depthshade=False, edgecolors="0.2", linewidths=0.5)

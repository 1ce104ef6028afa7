"""Hands in 3D, seen from two sides."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy import ndarray

from handpose_core.hand import BONES
from handpose_core.viz.figures import rasterise
from handpose_core.viz.overlay import joint_colour

_DPI = 100
_TITLE = 0.06  # of the height
_MARGIN = 1.08
_GREY = "0.35"


@dataclass(frozen=True)
class View:
    """An orthographic view.

    Args:
        title: stands above it.
        turn: degrees that the viewer walks around the vertical axis, from the camera to its right.
        rise: degrees that the viewer stands higher.
    """

    title: str
    turn: float
    rise: float

    def project(self, joints: Float[ndarray, "n 3"]) -> Float[ndarray, "n 3"]:
        """Camera frame to this view's right, down and away."""
        turn, rise = np.radians([self.turn, self.rise])
        x, y, z = joints.T
        right, away = x * np.cos(turn) + z * np.sin(turn), z * np.cos(turn) - x * np.sin(turn)
        return np.stack([right, y * np.cos(rise) - away * np.sin(rise), away * np.cos(rise) + y * np.sin(rise)], axis=1)


VIEWS = (View("from the camera", turn=0.0, rise=0.0), View("from the right (depth →)", turn=78.0, rise=12.0))


def plot_hand_3d(
    prediction: Float[ndarray, "21 3"], truth: Float[ndarray, "21 3"] | None = None, side: int = 384
) -> UInt8[ndarray, "h w 3"]:
    """The hand from the camera and from the right, at one scale; the truth grey and dashed.

    Args:
        prediction: mm, camera frame (x right, y down, z forward).
        truth: the same, already aligned with the prediction as the caller wants it.
        side: height in px; the width is twice as much.
    """
    hands = [prediction] if truth is None else [truth, prediction]
    seen = [[view.project(hand) for hand in hands] for view in VIEWS]
    boxes = [_box(np.concatenate(points)) for points in seen]
    half = max(1.0, *(float((high - low).max()) / 2 for low, high in boxes)) * _MARGIN
    figure = Figure(figsize=(2 * side / _DPI, side / _DPI), dpi=_DPI)
    for i, (view, points, (low, high)) in enumerate(zip(VIEWS, seen, boxes, strict=True)):
        axes = figure.add_axes((0.5 * i, 0.0, 0.5, 1.0 - _TITLE))
        axes.set_axis_off()
        centre = (low + high) / 2
        axes.set_xlim(centre[0] - half, centre[0] + half)
        axes.set_ylim(centre[1] + half, centre[1] - half)  # down is down
        axes.set_aspect("equal")
        if truth is not None:
            axes.add_collection(LineCollection(_bones(points[0]), colors=_GREY, linestyles="--", linewidths=1.2))
        _draw_prediction(axes, points[-1])
        figure.text(0.5 * i + 0.25, 0.985, view.title, ha="center", va="top", fontsize=9, color="0.25")
    return rasterise(figure)


def _box(points: Float[ndarray, "n 3"]) -> tuple[Float[ndarray, "2"], Float[ndarray, "2"]]:
    """The least and the greatest of the finite points, across and down."""
    finite = points[np.isfinite(points).all(axis=1), :2]
    return (finite.min(axis=0), finite.max(axis=0)) if len(finite) else (np.zeros(2), np.zeros(2))


def _bones(points: Float[ndarray, "21 3"]) -> list[Float[ndarray, "2 2"]]:
    return [points[list(bone), :2] for bone in BONES]


def _draw_prediction(axes: Axes, points: Float[ndarray, "21 3"]) -> None:
    """Bones in the fingers' colours, the nearest drawn last; then the joints."""
    colours = np.asarray([joint_colour(joint) for joint in range(len(points))]) / 255
    bones = _bones(points)
    far_first = np.argsort(-points[np.asarray(BONES), 2].mean(axis=1), kind="stable")
    axes.add_collection(
        LineCollection([bones[i] for i in far_first], colors=colours[1:][far_first], linewidths=2.2, capstyle="round")
    )
    near_last = np.argsort(-points[:, 2], kind="stable")
    right, down, _ = points[near_last].T
    axes.scatter(right, down, c=colours[near_last], s=14, edgecolors="0.2", linewidths=0.5, zorder=3)

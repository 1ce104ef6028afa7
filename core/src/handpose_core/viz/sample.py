"""One sample in one picture: image, close-up, mask, depth, and the hand in 3D from two sides, as far as there is."""

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8
from numpy import ndarray

from handpose_core.datasets.sample import Sample, labelled_part
from handpose_core.hand import N_JOINTS, Side
from handpose_core.viz.overlay import draw_hand
from handpose_core.viz.sheet import contact_sheet, with_caption
from handpose_core.viz.space import plot_hand_3d

Picture = UInt8[ndarray, "_ _ 3"]

_CLOSE = 1.6
"""Side of the close-up, in the longer side of the joints' box."""
_MASK_COLOUR = np.array([255, 0, 190])
_WHITE = 255


def draw_sample(sample: Sample, side: int = 384) -> UInt8[ndarray, "H W 3"]:
    """Draw everything that an un-cropped or cropped sample has.

    Args:
        sample: By the contract; ``image`` is needed only for what lies on it.
        side: Height and width of each panel, px.
    """
    arrays = {key: value.numpy() for key, value in labelled_part(sample).items()}
    joints_2d = _annotated(arrays, "joints_2d", 2)
    panels: list[tuple[str, Picture]] = []
    if "image" in arrays:
        panels += _image_panels(arrays, joints_2d, side)
    if "depth" in arrays:
        depth = arrays["depth"][0]
        near, far = (depth[depth > 0].min(), depth[depth > 0].max()) if (depth > 0).any() else (0, 0)
        window = _window(joints_2d, depth.shape[0], depth.shape[1])
        panels.append((f"depth, {near:.0f} to {far:.0f} mm", _close_up(colour_depth(depth), joints_2d, window, side)))
    if "joints_3d" in arrays and np.isfinite(joints_3d := _annotated(arrays, "joints_3d", 3)).all(-1).any():
        views = plot_hand_3d(joints_3d, side=side)
        panels += [("3D", views[:, :side]), ("", views[:, side:])]
    return contact_sheet(
        [with_caption(_fit(panel, side), title) for title, panel in panels], 2 if len(panels) == 4 else 3
    )


def colour_depth(depth: Float[ndarray, "h w"]) -> Picture:
    """Depth as colours, the nearest bright; grey where there is none."""
    known = depth > 0
    if not known.any():
        return np.full((*depth.shape, 3), 128, np.uint8)
    near, far = np.percentile(depth[known], (1, 99))
    share = np.clip((far - depth) / max(far - near, 1.0), 0, 1)
    colours = cv2.cvtColor(cv2.applyColorMap((share * 255).astype(np.uint8), cv2.COLORMAP_VIRIDIS), cv2.COLOR_BGR2RGB)
    return np.where(known[..., None], colours, np.uint8(128)).astype(np.uint8)


def _annotated(arrays: dict[str, ndarray], key: str, columns: int) -> Float[ndarray, "21 _"]:
    """Joints with those that are not annotated as not-a-number, which nothing draws."""
    if key not in arrays:
        return np.full((N_JOINTS, columns), np.nan)
    joints = arrays[key].astype(np.float64)
    return np.where(arrays["annotated"][:, None], joints, np.nan) if "annotated" in arrays else joints


def _image_panels(
    arrays: dict[str, ndarray], joints_2d: Float[ndarray, "21 2"], side: int
) -> list[tuple[str, Picture]]:
    image = np.ascontiguousarray((arrays["image"] * 255).round().astype(np.uint8).transpose(1, 2, 0))
    height, width = image.shape[:2]
    window = _window(joints_2d, height, width)
    named = f", {Side(int(arrays['side'])).name.lower()} hand" if "side" in arrays else ""
    panels = [
        (f"{width} x {height} px{named}", _on(image, joints_2d, side)),
        ("close up", _close_up(image, joints_2d, window, side)),
    ]
    if "mask" in arrays:
        panels.append(
            ("mask", _close_up(_tint(image, arrays["mask"][0]), np.full((N_JOINTS, 2), np.nan), window, side))
        )
    return panels


def _on(image: Picture, joints_2d: Float[ndarray, "21 2"], side: int) -> Picture:
    """The hand on the image, which is first brought to the panel's size so that lines keep their width."""
    factor = side / max(image.shape[:2])
    size = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
    smaller = cv2.resize(image, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)
    return draw_hand(smaller.astype(np.uint8), (joints_2d + 0.5) * factor - 0.5)


def _close_up(
    image: Picture, joints_2d: Float[ndarray, "21 2"], window: tuple[int, int, int, int], side: int
) -> Picture:
    left, top, right, bottom = window
    return _on(image[top:bottom, left:right], joints_2d - [left, top], side)


def _window(joints_2d: Float[ndarray, "21 2"], height: int, width: int) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of a square around the joints, as far as it lies in the image; else all of it."""
    points = joints_2d[np.isfinite(joints_2d).all(-1)]
    if not len(points):
        return 0, 0, width, height
    low, high = points.min(0), points.max(0)
    centre, half = (low + high) / 2, max(8.0, _CLOSE / 2 * float((high - low).max()))
    left, top = np.clip(np.floor(centre - half), 0, [width, height]).astype(int).tolist()
    right, bottom = np.clip(np.ceil(centre + half) + 1, 0, [width, height]).astype(int).tolist()
    return (left, top, right, bottom) if right - left > 1 and bottom - top > 1 else (0, 0, width, height)


def _tint(image: Picture, mask: Bool[ndarray, "h w"]) -> Picture:
    return np.where(mask[..., None], 0.5 * image + 0.5 * _MASK_COLOUR, image).astype(np.uint8)


def _fit(panel: Picture, side: int) -> Picture:
    """The panel in the middle of a white square."""
    factor = min(1.0, side / max(panel.shape[:2]))
    if factor < 1:
        panel = cv2.resize(panel, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA).astype(np.uint8)
    square = np.full((side, side, 3), _WHITE, np.uint8)
    top, left = (side - panel.shape[0]) // 2, (side - panel.shape[1]) // 2
    square[top : top + panel.shape[0], left : left + panel.shape[1]] = panel
    return square

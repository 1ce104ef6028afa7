"""Pictures: hands drawn on images and in 3D, PCK curves, contact sheets. All are uint8 RGB arrays."""

from handpose_core.viz.curves import Curve, plot_pck
from handpose_core.viz.overlay import PREDICTION, TRUTH, HandStyle, draw_hand, enlarge, overlay
from handpose_core.viz.sheet import contact_sheet, with_caption, write_image
from handpose_core.viz.space import plot_hand_3d

__all__ = [
    "PREDICTION",
    "TRUTH",
    "Curve",
    "HandStyle",
    "contact_sheet",
    "draw_hand",
    "enlarge",
    "overlay",
    "plot_hand_3d",
    "plot_pck",
    "with_caption",
    "write_image",
]

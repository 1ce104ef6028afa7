"""matplotlib figures as arrays, through its objects: no pyplot, no display, no global state."""

from typing import Any

import numpy as np
from jaxtyping import UInt8
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy import ndarray


def rasterise(figure: Figure) -> UInt8[ndarray, "h w 3"]:
    """The figure as RGB."""
    canvas: Any = FigureCanvasAgg(figure)  # its methods have no types
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()

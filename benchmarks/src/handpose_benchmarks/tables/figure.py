"""The PCK figure of a table, from its results file alone: a panel a dataset, a line a row."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy import ndarray

from handpose_benchmarks.tables.provenance import by_twin
from handpose_benchmarks.tables.results import Document
from handpose_core.io import atomic
from handpose_core.viz.figures import rasterise

_STYLES = ("-", "--", "-.", ":")
_PANEL = (4.6, 4.2)
"""Width and height of a panel, inches."""


def has_curves(document: Document) -> bool:
    """Whether the table has a figure and anything to draw in it."""
    return bool(document["table"]["curves"]) and any(_panels(document))


def draw(document: Document) -> UInt8[ndarray, "h w 3"]:
    """The figure. Datasets without any run are left out."""
    panels = _panels(by_twin(document))
    figure = Figure(figsize=(_PANEL[0] * len(panels), _PANEL[1]), dpi=150, layout="constrained")
    grid = figure.subplots(1, len(panels), sharey=True, squeeze=False)
    for axes, block in zip(grid[0], panels, strict=True):
        _draw_panel(axes, block, document["table"]["protocol"]["alignment"])
    grid[0][0].set_ylabel("PCK")
    figure.suptitle(_title(document), fontsize=9)
    return rasterise(figure)


def _title(document: Document) -> str:
    table = document["table"]
    twins = any(data["source"] == "twin" for data in document["data"].values())
    protocol = table["protocol"]
    return (
        f"As Figure {table['curves']['number']}: recipe {document['recipe']}, data {'twins' if twins else 'as given'}\n"
        f"protocol {protocol['name']}, recover {protocol['recover']}, alignment {protocol['alignment']}"
    )


def write_figure(path: Path, document: Document) -> None:
    """Write the figure as PNG."""
    _, png = cv2.imencode(".png", cv2.cvtColor(draw(document), cv2.COLOR_RGB2BGR))
    atomic.write_bytes(path, png.tobytes())


def _panels(document: Document) -> list[Document]:
    """The datasets with any run that has a curve."""
    return [block for block in document["datasets"] if any(_curves(row) for row in block["rows"])]


def _curves(row: Document) -> list[dict[str, Any]]:
    return [run for run in row["runs"] if "curve" in run]


def _draw_panel(axes: Axes, block: Document, alignment: str) -> None:
    for number, row in enumerate(block["rows"]):
        if not (runs := _curves(row)):
            continue
        thresholds = runs[0]["curve"]["thresholds"]
        pck = np.array([run["curve"]["pck"] for run in runs])
        auc = np.mean([run["figures"][alignment]["auc_20_50"] for run in runs])
        (line,) = axes.plot(
            thresholds, pck.mean(0), _STYLES[number % len(_STYLES)], linewidth=1.8, label=f"{row['name']} ({auc:.3f})"
        )
        axes.fill_between(thresholds, pck.min(0), pck.max(0), color=line.get_color(), alpha=0.18, linewidth=0)
    axes.axvspan(20, 50, color="0.96", zorder=0)  # where the AUC of the legend is taken
    axes.set(title=block["title"], xlabel="error threshold (mm)", xlim=(0, 50), ylim=(0, 1.005))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.grid(color="0.88", linewidth=0.7)
    axes.spines[["top", "right"]].set_visible(False)
    # below: curves of several rows leave no corner free
    legend = axes.legend(title="AUC 20–50 mm", fontsize=8, title_fontsize=8, frameon=False, loc="upper center")
    legend.set_bbox_to_anchor((0.5, -0.16))

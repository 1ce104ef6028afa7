"""PCK curves."""

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import UInt8
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy import ndarray

from handpose_core.viz.figures import rasterise

_STYLES = ("-", "--", "-.", ":")


@dataclass(frozen=True)
class Curve:
    """One PCK curve.

    Args:
        label: whose it is.
        thresholds: in mm, ascending.
        pck: share of joints within each threshold, 0 to 1.
        auc: the area under it, as the legend names it.
    """

    label: str
    thresholds: Sequence[float]
    pck: Sequence[float]
    auc: float


def plot_pck(
    curves: Sequence[Curve], title: str, auc_range: str = "0–50", height: int = 640
) -> UInt8[ndarray, "h w 3"]:
    """The curves, best first in the legend, each with its AUC.

    Args:
        curves: the first is drawn strongest.
        title: protocol, alignment, root and recovery belong here.
        auc_range: the AUC's range in mm.
        height: in px; the width is a quarter more.
    """
    figure = Figure(figsize=(height * 1.25 / 100, height / 100), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    for i, curve in enumerate(curves):
        axes.plot(
            curve.thresholds,
            curve.pck,
            _STYLES[i % len(_STYLES)],
            linewidth=2.2 if i == 0 else 1.5,
            zorder=10 - i,
            label=f"{curve.label} ({curve.auc:.3f})",
        )
    axes.set_xlabel("error threshold (mm)")
    axes.set_ylabel("PCK")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_xlim(min(c.thresholds[0] for c in curves), max(c.thresholds[-1] for c in curves))
    axes.set_ylim(0, 1.005)
    axes.grid(color="0.9", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    handles, labels = axes.get_legend_handles_labels()
    order = sorted(range(len(curves)), key=lambda i: -curves[i].auc)
    axes.legend(
        [handles[i] for i in order],
        [labels[i] for i in order],
        title=f"AUC {auc_range} mm",
        loc="best",
        frameon=True,
        framealpha=0.9,
        edgecolor="0.85",
        fontsize=9,
    )
    axes.set_title(title, fontsize=10, wrap=True)
    return rasterise(figure)

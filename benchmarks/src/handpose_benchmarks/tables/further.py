"""What a table shows beside the pose's measures: read from a row's trainings and its test, drawn, and copied."""

import csv
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from jaxtyping import UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy import ndarray

from handpose_benchmarks.tables.plan import Node
from handpose_benchmarks.tables.provenance import by_twin
from handpose_benchmarks.tables.spec import Further
from handpose_core.io import atomic
from handpose_core.viz.figures import rasterise

Document = dict[str, Any]
_PANEL = (4.6, 3.4)
"""Width and height of a panel, inches."""
_STYLES: tuple[Literal["-", "--", ":"], ...] = ("-", "--", ":")
"""Of what is traced, in the table's order."""


def read_further(results: Path, node: Node, further: Further) -> Document:
    """A run's further measures and traces, as far as its trainings and its test have any."""
    metrics = json.loads(results.read_text("utf-8")).get("metrics", {})
    measures = {name: metrics[name] for name in further.measures if name in metrics}
    return {"further": measures, "traces": [trace for stage in node.chain() if (trace := _trace(stage, further))]}


def _trace(node: Node, further: Further) -> Document:
    """The values of a training by name, each once an epoch; empty where there are none."""
    epochs: dict[str, dict[int, float]] = {name: {} for name in further.traced}
    folders = sorted(node.folder.glob("fit*/metrics.csv"), key=lambda path: _number(path.parent.name))
    for path in folders:  # a training that went on repeats the epoch that it was stopped in
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                for name in further.traced:
                    if value := row.get(name):
                        epochs[name][int(row["epoch"])] = float(value)
    values = {name: [found[epoch] for epoch in sorted(found)] for name, found in epochs.items() if found}
    return {"stage": node.stage, "values": values} if values else {}


def _number(name: str) -> int:
    """2 for ``fit_2``, 1 for ``fit``."""
    found = re.fullmatch(r".*_(\d+)", name)
    return int(found[1]) if found else 1


def write_pictures(document: Document, work: Path, out: Path, stem: str) -> dict[str, str]:
    """Write the drawing of the traces and a copy of a test's picture per dataset, as far as there are any.

    Args:
        document: A results file's content.
        work: The table's folder, where the runs lie.
        out: Where results go.
        stem: What the files' names begin with.

    Returns:
        The files' names: ``training`` for the traces, by dataset the others.
    """
    further, written = document["table"]["further"], {}
    if further is None:
        return {}
    for block in document["datasets"]:
        runs = [run for row in block["rows"] for run in row["runs"] if run.get("further")]
        if not runs or further["picture"] is None:
            continue
        if (picture := work / runs[0]["folder"] / "test" / "pictures" / further["picture"]).is_file():
            written[block["name"]] = f"{stem}-{block['name']}-{further['picture']}"
            atomic.write_bytes(out / written[block["name"]], picture.read_bytes())
    if any(_panels(document)):
        written["training"] = f"{stem}-training.png"
        _, png = cv2.imencode(".png", cv2.cvtColor(draw_traces(document), cv2.COLOR_RGB2BGR))
        atomic.write_bytes(out / written["training"], png.tobytes())
    return written


def draw_traces(document: Document) -> UInt8[ndarray, "h w 3"]:
    """A panel a dataset, a line a row over the epochs of its trainings, one after the other."""
    panels, further = _panels(document), document["table"]["further"]
    figure = Figure(figsize=(_PANEL[0] * len(panels), _PANEL[1]), dpi=150, layout="constrained")
    grid = figure.subplots(1, len(panels), sharey=True, squeeze=False)
    colours: dict[str, str] = {}
    for axes, block in zip(grid[0], panels, strict=True):
        traced = {row["name"]: runs for row in block["rows"] if (runs := _traced(row))}
        for name, runs in traced.items():
            _draw_row(axes, colours.setdefault(name, f"C{len(colours)}"), runs, tuple(further["traced"]))
        _name_stages(axes, next(iter(traced.values()))[0])
        axes.set(title=block["title"], xlabel="epoch, stage after stage", xlim=(0.5, None), ylim=(0, None))
        axes.grid(color="0.88", linewidth=0.7)
        axes.spines[["top", "right"]].set_visible(False)
    what, *compared = further["traced"].values()
    grid[0][0].set_ylabel(what, fontsize=8)
    handles = [Line2D([], [], color=colour, label=name) for name, colour in colours.items()]
    handles += [
        Line2D([], [], color="0.4", linestyle=style, label=name)
        for style, name in zip(_STYLES[1:], compared, strict=False)
    ]
    figure.legend(handles=handles, loc="outside lower center", fontsize=7, frameon=False)
    figure.suptitle(f"{further['title']}, recipe {document['recipe']}", fontsize=9)
    return rasterise(figure)


def _panels(document: Document) -> list[Document]:
    return [block for block in by_twin(document)["datasets"] if any(_traced(row) for row in block["rows"])]


def _traced(row: Document) -> list[Document]:
    """The runs with the traces of all stages that the first such run has: others cannot be laid over them."""
    runs = [run for run in row["runs"] if run.get("traces")]
    return [run for run in runs if _lengths(run) == _lengths(runs[0])]


def _lengths(run: Document) -> list[tuple[str, str, int]]:
    return [(trace["stage"], name, len(values)) for trace in run["traces"] for name, values in trace["values"].items()]


def _draw_row(axes: Axes, colour: str, runs: Sequence[Document], names: Sequence[str]) -> None:
    """Each stage's mean over seeds with the band from lowest to highest."""
    start = 0
    for number, trace in enumerate(runs[0]["traces"]):
        for style, name in zip(_STYLES, names, strict=False):
            if name not in trace["values"]:
                continue
            values = np.array([run["traces"][number]["values"][name] for run in runs])
            epochs = start + 1 + np.arange(values.shape[1])
            axes.plot(epochs, values.mean(0), style, color=colour, marker=".", markersize=4)
            axes.fill_between(epochs, values.min(0), values.max(0), color=colour, alpha=0.18, linewidth=0)
        start += _epochs(trace)


def _name_stages(axes: Axes, run: Document) -> None:
    """A line after each stage, and its name at the top."""
    start = 0
    for trace in run["traces"]:
        axes.annotate(trace["stage"], (start + 0.6, 0.98), xycoords=("data", "axes fraction"), va="top", fontsize=7)
        start += _epochs(trace)
        axes.axvline(start + 0.5, color="0.7", linewidth=0.7)


def _epochs(trace: Document) -> int:
    return max(len(values) for values in trace["values"].values())

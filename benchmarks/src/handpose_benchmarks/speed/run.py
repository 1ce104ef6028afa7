"""Runs the chosen measurements, prints them as a table and writes them down when asked."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from handpose_benchmarks.speed.figure import Figure, Skipped
from handpose_benchmarks.speed.machine import machine_facts
from handpose_core.cli.registry import load_target
from handpose_core.io import atomic


def run_speed(chosen: Iterable[str], blender_python: str, report: Path | None, console: Console) -> None:
    """Measure, print, and write the report.

    Args:
        chosen: Names of this folder's modules that measure, such as ``metrics``.
        blender_python: A Python that can import Blender's ``bpy``.
        report: Where to write the figures as JSON; None writes nothing.
        console: Where to print.
    """
    options = {name: {"blender_python": blender_python} for name in ("rendering", "generation")}
    results: list[Figure | Skipped] = []
    for name in chosen:
        with console.status(f"measuring {name}"):
            measure = load_target(f"handpose_benchmarks.speed.{name}:measure")  # what is not chosen is not imported
            results.extend(measure(**options.get(name, {})))
    facts = machine_facts()
    console.print(_table(results))
    console.print(" · ".join(f"{key} {value}" for key, value in facts.items()), highlight=False)
    if report is not None:
        _write(report, facts, results)
        console.print(f"written: {report}", markup=False)


def _table(results: Sequence[Figure | Skipped]) -> Table:
    table = Table("measured", "value", "unit", "target", "met", "note", title="Speed")
    for column in ("value", "target"):
        next(c for c in table.columns if c.header == column).justify = "right"
    for result in results:
        match result:
            case Skipped():
                table.add_row(result.name, "—", "", "", "", f"not measured: {result.reason}", style="dim")
            case Figure():
                met = {None: "", True: "yes", False: "NO"}[result.met]
                target = "" if result.target is None else _number(result.target)
                table.add_row(result.name, _number(result.value), result.unit, target, met, result.note)
    return table


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _write(path: Path, facts: dict[str, str], results: Sequence[Figure | Skipped]) -> None:
    document = {
        "machine": facts,
        "figures": [asdict(result) | {"met": result.met} for result in results if isinstance(result, Figure)],
        "skipped": [asdict(result) for result in results if isinstance(result, Skipped)],
    }
    atomic.write_text(path, json.dumps(document, indent=2) + "\n")

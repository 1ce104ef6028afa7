"""Runs the chosen measurements, prints each as it comes and writes them down when asked."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.text import Text

from handpose_benchmarks.speed.figure import Figure, Skipped
from handpose_benchmarks.speed.machine import machine_facts
from handpose_core.cli.registry import load_target
from handpose_core.io import atomic
from handpose_core.io.commit import code_record


def run_speed(chosen: Iterable[str], blender_python: str, report: Path | None, console: Console) -> None:
    """Measure; print each figure as it comes, and keep the report up to date with it.

    Args:
        chosen: Names of this folder's modules that measure, such as ``metrics``.
        blender_python: A Python that can import Blender's ``bpy``.
        report: Where to write the figures as JSON; None writes nothing.
        console: Where to print.
    """
    options = {name: {"blender_python": blender_python} for name in ("rendering", "generation")}
    results: list[Figure | Skipped] = []
    if report is not None and not report.exists():
        _write(report, results)  # a path that cannot be written to is found out before minutes of work
    console.print(_row("measured", "value", "unit", "target", "met", "note"), soft_wrap=True)
    for name in chosen:
        with console.status(f"measuring {name}"):
            measure = load_target(f"handpose_benchmarks.speed.{name}:measure")  # what is not chosen is not imported
            for result in measure(**options.get(name, {})):
                results.append(result)
                console.print(_line(result), soft_wrap=True, highlight=False)
                if report is not None:
                    _write(report, results)
    console.print(" · ".join(f"{key} {value}" for key, value in machine_facts().items()), highlight=False, markup=False)
    if report is not None:
        console.print(f"written: {report}", markup=False, highlight=False, soft_wrap=True)


def _line(result: Figure | Skipped) -> Text:
    """Return a figure's row; it is printed before the others are known, so that the widths are fixed."""
    match result:
        case Skipped():
            return Text(_row(result.name, "-", "", "", "", f"not measured: {result.reason}"), style="dim")
        case Figure():
            met = {None: "", True: "yes", False: "NO"}[result.met]
            target = "" if result.target is None else _number(result.target)
            return Text(_row(result.name, _number(result.value), result.unit, target, met, result.note))


def _row(name: str, value: str, unit: str, target: str, met: str, note: str) -> str:
    return f"{name:<46}{value:>12} {unit:<11}{target:>10}  {met:<3}  {note}".rstrip()


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _write(path: Path, results: Sequence[Figure | Skipped]) -> None:
    document = {
        **code_record(),
        "machine": machine_facts(),
        "figures": [asdict(result) | {"met": result.met} for result in results if isinstance(result, Figure)],
        "skipped": [asdict(result) for result in results if isinstance(result, Skipped)],
    }
    atomic.write_text(path, json.dumps(document, indent=2) + "\n")

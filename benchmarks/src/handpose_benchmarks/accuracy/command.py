"""``handpose bench accuracy``: models on labelled pictures, MediaPipe beside them where it installs."""

import argparse
import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict

from rich.console import Console
from rich.markup import escape

from handpose_benchmarks.accuracy.measure import Row, measure
from handpose_benchmarks.accuracy.models import Contender, Ours, Peer
from handpose_benchmarks.accuracy.pictures import PictureSet, picture_set
from handpose_benchmarks.speed.machine import machine_facts
from handpose_benchmarks.tables.results import results_folder
from handpose_core.io import atomic
from handpose_core.io.commit import code_record
from handpose_core.io.outputs import check_new_file
from handpose_core.predict import load
from handpose_core.predict.memory import keep_freed_memory
from handpose_tagan.detection.mediapipe import MediaPipe

_HEAD = (
    "| pictures | model | told | pictures with a hand found | Procrustes EPE, mm | median | root-aligned, mm "
    "| size known, mm | 2D, px of the picture | px of a 256 px crop | median | ms a picture |\n"
    "|---|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
)
_NOTES = """
Errors are of the labelled joints, where a hand was found: a model that finds fewer has the easier ones.
Root-aligned errors have the wrist on the true one, the turn and the size as the model has them (an adult's where none
is given), or the hand's true length from the wrist to the middle finger's tip ("size known").
2D errors are also given in px of a 256 px crop of 1.5 times the joints' box. Told a box, a model sees the labelled
joints' own; told the side, the labelled one. No picture here was trained or tuned on. Times include cutting out and,
told nothing, finding the hand.
"""


def run_accuracy(options: argparse.Namespace) -> int:
    """Measure, print, and write ``accuracy.md`` and ``accuracy.json``; the exit status."""
    console, sets = Console(), [picture_set(text) for text in options.sets]
    out = options.out or results_folder()
    for name in ("accuracy.md", "accuracy.json") if options.out is not None else ():
        check_new_file(out / name, overwrite=options.overwrite, option="--out")
    keep_freed_memory()  # as the command that predicts does
    model = load(options.model)
    tables: dict[str, list[Row]] = {}
    with ExitStack() as stack:
        sided = Ours(model, "box, side")
        contenders: list[Contender] = [Ours(model, "box"), Ours(model, "nothing")]
        if options.mediapipe_python:
            process = stack.enter_context(MediaPipe(options.mediapipe_python))
            contenders += [Peer(process, boxed) for boxed in (True, False)]
        for one in sets:
            chosen = [sided, *contenders] if one.tells_sides() else contenders
            tables[one.name] = [_measured(contender, one, console) for contender in chosen]
    machine = machine_facts()
    text = markdown(tables, machine)
    console.print(text, soft_wrap=True, highlight=False, markup=False)
    measured = {name: list(map(asdict, rows)) for name, rows in tables.items()}
    document = {**code_record(), "machine": machine, "sets": measured}
    atomic.write_text(out / "accuracy.md", text)
    atomic.write_text(out / "accuracy.json", json.dumps(document, indent=2) + "\n")
    console.print(f"written: {out / 'accuracy.md'}", highlight=False, markup=False, soft_wrap=True)
    return 0


def markdown(tables: dict[str, list[Row]], machine: dict[str, str]) -> str:
    """All rows, set by set, and what they were measured on."""
    rows = [_line(name, row) for name, own in tables.items() for row in own]
    facts = " · ".join(f"{key} {value}" for key, value in machine.items())
    return "\n".join(["# Accuracy on labelled pictures", "", _HEAD, *rows, _NOTES, facts, ""])


def _measured(contender: Contender, pictures: PictureSet, console: Console) -> Row:
    with console.status(escape(f"{contender.name}, told {contender.told}, on {pictures.name}")):
        row = measure(contender, pictures)
    console.print(_line(pictures.name, row), soft_wrap=True, highlight=False, markup=False)  # as it comes
    return row


def _line(name: str, row: Row) -> str:
    errors: Sequence[float | None] = (
        row.procrustes_mean, row.procrustes_median, row.root_mean, row.sized_mean, row.pixels, row.crop_pixels,
        row.crop_median,
    )  # fmt: skip
    cells = ["–" if value is None else f"{value:.2f}" for value in errors]
    found = f"{row.found} of {row.pictures}"
    return "| " + " | ".join([name, row.model, row.told, found, *cells, f"{row.milliseconds:.1f}"]) + " |"

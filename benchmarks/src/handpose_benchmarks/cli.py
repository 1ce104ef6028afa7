"""``handpose bench``: measures the suite on this machine, and runs the thesis's tables."""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from handpose_benchmarks.accuracy import options as accuracy_options
from handpose_benchmarks.tables import options as table_options
from handpose_core.cli.options import add_overwrite
from handpose_core.cli.registry import Command
from handpose_core.errors import HandposeError
from handpose_core.io.outputs import check_new_file

COMMAND = Command("measure speed and accuracy beside peers; run the thesis's tables", "handpose_benchmarks.cli:main")
MEASUREMENTS = (
    "metrics",
    "loading",
    "waiting",
    "checking",
    "rendering",
    "silhouette",
    "graph",
    "matching",
    "predicting",
    "superposition",
    "spin_match",
    "generation",
    "clips",
)


def main(argv: Sequence[str]) -> int:
    """Run ``handpose bench``; the exit status. A missed target is printed, it is no error."""
    own, further = table_options.split_options(argv)
    options = _parser().parse_args(own)
    if options.measured == "table":
        return _table(options, further)
    if further:
        raise HandposeError("--", " ".join(further), "nothing after --", "Give the options before it.")
    if options.measured == "accuracy":
        from handpose_benchmarks.accuracy.command import run_accuracy  # imports torch

        return run_accuracy(options)
    chosen = _chosen(options.only)
    from rich.console import Console

    from handpose_benchmarks.speed.run import run_speed  # imports torch; `handpose --help` must not

    if options.json is not None:
        check_new_file(options.json, overwrite=options.overwrite, option="--json")
    run_speed(chosen, options.blender_python, options.json, Console())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="handpose bench", description="Measure the suite on this machine.")
    measured = parser.add_subparsers(dest="measured", required=True, metavar="speed|accuracy|table")
    speed = measured.add_parser("speed", help="throughput of metrics, loading and rendering")
    speed.add_argument(
        "--only", default=",".join(MEASUREMENTS), metavar="NAMES", help="comma-separated, out of %(default)s"
    )
    speed.add_argument("--json", type=Path, metavar="PATH", help="also write the figures to this file")
    add_overwrite(speed)
    speed.add_argument(
        "--blender-python",
        default=sys.executable,
        metavar="PYTHON",
        help="a Python that can import Blender's bpy (default: this one)",
    )
    accuracy_options.add_parser(measured)
    table_options.add_parser(measured)
    return parser


def _table(options: argparse.Namespace, further: Sequence[str]) -> int:
    """``handpose bench table``."""
    from handpose_benchmarks.tables.census import write_census
    from handpose_benchmarks.tables.command import Wish, join_parts, run_table, show  # imports torch
    from handpose_benchmarks.tables.results import results_folder
    from handpose_benchmarks.tables.thesis import find_census

    if options.trivial_only and (options.show or options.join or find_census(options.number or "")):
        expected = "a table that is run"
        raise HandposeError("--trivial-only", "--show, --join or a table of datasets", expected, "Leave one out.")
    if options.show is not None:
        return show(options.show, print)
    if options.number is None:
        raise HandposeError("bench table", "no number", "that of a table, such as 3.1, or --show", "Name a table.")
    if census := find_census(options.number):
        return write_census(census, options.data, options.out or results_folder(), print)
    if options.join:
        return join_parts(options.number, options.join, options.out, print)
    fast = table_options.FAST if options.fast else ()
    wish = Wish(
        number=options.number,
        data=options.data,
        recipe=options.recipe,
        only=options.only,
        rows=options.rows,
        seeds=tuple(options.seeds),
        jobs=options.jobs,
        work=options.work,
        out=options.out,
        size=options.size or (table_options.FAST_SIZE if options.fast else None),
        options=(*fast, *further),
        also=tuple(options.also_test),
        trivial_only=options.trivial_only,
    )
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # ends the trainings, too
    return run_table(wish, lambda line: print(line, flush=True))


def _chosen(names: str) -> list[str]:
    chosen = [name.strip() for name in names.split(",")]
    for name in chosen:
        if name not in MEASUREMENTS:
            raise HandposeError("--only", f"'{name}'", f"names out of {', '.join(MEASUREMENTS)}", "Correct the list.")
    return chosen

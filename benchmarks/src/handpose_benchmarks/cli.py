"""``handpose bench``: measures the suite on this machine."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from handpose_core.cli.registry import Command
from handpose_core.errors import HandposeError

COMMAND = Command("measure speed beside targets and peers", "handpose_benchmarks.cli:main")
MEASUREMENTS = ("metrics", "loading", "checking", "rendering")


def main(argv: Sequence[str]) -> int:
    """Run ``handpose bench``; the exit status. A missed target is printed, it is no error."""
    options = _parser().parse_args(argv)
    chosen = _chosen(options.only)
    from rich.console import Console

    from handpose_benchmarks.speed.run import run_speed  # imports torch; `handpose --help` must not

    run_speed(chosen, options.blender_python, options.json, Console())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="handpose bench", description="Measure the suite on this machine.")
    measured = parser.add_subparsers(dest="measured", required=True, metavar="speed")
    speed = measured.add_parser("speed", help="throughput of metrics, loading and rendering")
    speed.add_argument(
        "--only", default=",".join(MEASUREMENTS), metavar="NAMES", help="comma-separated, out of %(default)s"
    )
    speed.add_argument("--json", type=Path, metavar="PATH", help="also write the figures to this file")
    speed.add_argument(
        "--blender-python",
        default=sys.executable,
        metavar="PYTHON",
        help="a Python that can import Blender's bpy (default: this one)",
    )
    return parser


def _chosen(names: str) -> list[str]:
    chosen = [name.strip() for name in names.split(",")]
    for name in chosen:
        if name not in MEASUREMENTS:
            raise HandposeError("--only", f"'{name}'", f"names out of {', '.join(MEASUREMENTS)}", "Correct the list.")
    return chosen

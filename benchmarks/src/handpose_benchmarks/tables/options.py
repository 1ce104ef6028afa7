"""The options of ``handpose bench table``."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from handpose_core.cli.options import positive

FAST = ("--trainer.max_epochs=1", "--trainer.limit_train_batches=4", "--trainer.limit_val_batches=2")
"""Options with which every stage takes seconds: for trying a table out."""
FAST_SIZE = "tiny"


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``table`` to the subcommands of ``handpose bench``."""
    parser = commands.add_parser(
        "table",
        help="run a table of the thesis, and compare",
        description="Run a table of the thesis. What was run before is not run again: the same command goes on where "
        "it stopped. Options after -- go to every training; such results are kept apart.",
        usage="%(prog)s NUMBER [options] [-- OPTION ...]\n       %(prog)s NUMBER --join RESULTS ... [--out DIR]\n"
        "       %(prog)s --show RESULTS",
    )
    parser.add_argument("number", nargs="?", help="such as 3.1")
    parser.add_argument("--data", default="twins", help="twins (default), or folders as rhd=PATH,stb=PATH,mhp=PATH")
    parser.add_argument("--recipe", default="demo", help="demo (default) or paper")
    parser.add_argument("--only", type=_names, metavar="NAMES", help="datasets to run, comma-separated (default: all)")
    parser.add_argument("--rows", type=_numbers, metavar="NUMBERS", help="rows to run, from 1 (default: all)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="default: 0 1 2")
    parser.add_argument("--jobs", type=positive, default=1, help="trainings at a time, sharing the cores (default 1)")
    parser.add_argument("--work", type=Path, metavar="DIR", help="the runs' folder (default runs/tables/NUMBER/RECIPE)")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="the results' (default: benchmarks/results in a clone, else results)"
    )
    parser.add_argument("--size", help="of the twins: tiny, demo or paper (default: as the recipe)")
    parser.add_argument("--fast", action="store_true", help="seconds a stage and tiny twins, to try things out")
    parser.add_argument(
        "--trivial-only",
        action="store_true",
        help="compute the trivial rows alone, without any training: what a row has to beat by 20 %% to say anything",
    )
    parser.add_argument(
        "--also-test",
        action="append",
        default=[],
        metavar="NAME=PATH",
        help="test all rows on this folder, too, without training on it; again for more. Options of its datamodule "
        "follow: NAME='PATH --data.side left'",
    )
    parser.add_argument(
        "--join",
        type=Path,
        nargs="+",
        metavar="RESULTS",
        help="make one table of the results of its parts, such as seeds run on several machines; run nothing",
    )
    parser.add_argument("--show", type=Path, metavar="RESULTS", help="print a results file as Markdown; run nothing")


def split_options(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """The arguments before and after ``--``."""
    arguments = list(argv)
    if "--" not in arguments:
        return arguments, []
    end = arguments.index("--")
    return arguments[:end], arguments[end + 1 :]


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(","))


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split(","))

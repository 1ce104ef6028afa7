"""The options of ``handpose bench accuracy``."""

import argparse
from pathlib import Path

from handpose_core.cli.options import add_overwrite


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``accuracy`` to the subcommands of ``handpose bench``."""
    parser = commands.add_parser(
        "accuracy",
        help="ready-made models on labelled pictures, MediaPipe beside them",
        description="Measure a trained model on labelled pictures that it has not seen: given the hand's box, and "
        "given nothing. Nothing is trained.",
    )
    parser.add_argument("sets", nargs="+", metavar="NAME=PATH", help="what to look at; NAME='PATH SPLIT' of several")
    parser.add_argument("--model", type=Path, help="as handpose predict takes it (default: the one that comes along)")
    parser.add_argument("--mediapipe-python", metavar="PYTHON", help="a Python that can import mediapipe 0.10")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="the results' (default: benchmarks/results in a clone, else results)"
    )
    add_overwrite(parser)

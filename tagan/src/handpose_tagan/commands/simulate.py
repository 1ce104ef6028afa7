"""``handpose tagan simulate``: make simulated hands in bulk."""

import argparse
from collections.abc import Sequence
from pathlib import Path

DEFAULT_FRAMES = 60_000
"""As many as the thesis makes."""


def main(argv: Sequence[str]) -> int:
    """Run ``handpose tagan simulate``; the exit status."""
    options = _parser().parse_args(argv)
    import os

    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from handpose_core.synth.generate import generate
    from handpose_tagan.simulate import PART, twin

    times = (TimeElapsedColumn(), TimeRemainingColumn())
    workers = options.workers or os.cpu_count() or 1
    with Progress(TextColumn("simulated hands"), BarColumn(), MofNCompleteColumn(), *times) as progress:
        task = progress.add_task("", total=options.frames)
        for ready in generate(twin(options.seed), options.out, PART, options.frames, workers):
            progress.update(task, completed=ready)
    print(f"{options.out}: {options.frames} simulated hands")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="handpose tagan simulate",
        description="Make pictures of hands on nothing, with 2D and 3D joints, camera, coverage and mask. "
        "Run it again after an interruption, and it goes on where it stopped.",
    )
    parser.add_argument("out", type=Path, help="folder of the hands")
    parser.add_argument(
        "--frames", type=_positive, default=DEFAULT_FRAMES, help="how many (default %(default)s, as in the thesis)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of everything that is drawn (default 0)")
    parser.add_argument("--workers", type=_positive, help="processes (default: one for each core)")
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"found {text}; expected a whole number from 1")
    return value

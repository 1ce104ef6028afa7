"""``handpose tagan simulate``: make simulated hands in bulk."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from handpose_core.cli.options import positive

DEFAULT_FRAMES = 60_000
"""As many as the thesis makes."""


def main(argv: Sequence[str]) -> int:
    """Run ``handpose tagan simulate``; the exit status."""
    options = _parser().parse_args(argv)
    import os

    from handpose_core.cli.progress import counting
    from handpose_core.synth.generate import generate
    from handpose_tagan.simulation.bulk import PART, twin

    workers = options.workers or os.cpu_count() or 1
    with counting() as progress:
        task = progress.add_task("simulated hands", total=options.frames)
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
        "--frames", type=positive, default=DEFAULT_FRAMES, help="how many (default %(default)s, as in the thesis)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of everything that is drawn (default 0)")
    parser.add_argument("--workers", type=positive, help="processes (default: one for each core)")
    return parser

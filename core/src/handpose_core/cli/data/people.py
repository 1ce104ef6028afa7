"""``handpose data people``: make pictures of people in which no hand is seen."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from handpose_core.cli.options import positive


def main(argv: Sequence[str]) -> int:
    """Run ``handpose data people``; the exit status."""
    return _people(_parser().parse_args(argv))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="handpose data people",
        description="Make pictures of people in which no hand is seen: faces, bare arms, upper bodies, legs. They show "
        "a detector of hands what is none. Needs anny (pip install anny), which takes minutes the first time. "
        "Run it again after an interruption, and it goes on where it stopped.",
    )
    parser.add_argument("out", type=Path, help="folder of the pictures")
    parser.add_argument("--count", type=positive, required=True, help="how many pictures")
    parser.add_argument("--size", type=positive, default=192, help="their height and width, px (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of everything that is drawn (default 0)")
    parser.add_argument(
        "--backgrounds", type=Path, help="folder of pictures to go behind the people (default: made up)"
    )
    parser.add_argument("--workers", type=positive, help="processes (default: one for each core)")
    return parser


def _people(arguments: argparse.Namespace) -> int:
    import os

    from rich.console import Console

    from handpose_core.cli.progress import counting
    from handpose_core.synth.backgrounds import FolderBackground
    from handpose_core.synth.generate import generate
    from handpose_core.synth.people.body import load_anny
    from handpose_core.synth.people.studio import PART, PeopleRecipe, PeopleTwin

    if arguments.backgrounds is not None:
        FolderBackground(arguments.backgrounds)  # an empty folder is found out here, not in a worker
    with Console().status("reading anny's body"):
        load_anny()  # likewise; and it keeps what it reads, which the workers would all do at once
    folder = str(arguments.backgrounds) if arguments.backgrounds else None
    twin = PeopleTwin(PeopleRecipe(seed=arguments.seed, backgrounds=folder, size=arguments.size))
    with counting() as progress:
        task = progress.add_task("pictures", total=arguments.count)
        for ready in generate(twin, arguments.out, PART, arguments.count, arguments.workers or os.cpu_count() or 1):
            progress.update(task, completed=ready)
    print(f"{arguments.out}: {arguments.count} pictures of people")
    return 0

"""``handpose data people`` and ``handpose data things``: make pictures in which no hand is seen."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from handpose_core.cli.options import positive

if TYPE_CHECKING:
    from handpose_core.synth.unlabelled import UnlabelledTwin

_SIDES = (32, 4096)  # px
_AGAIN = (
    "They show a detector of hands what is none. Run it again after an interruption, and it goes on where it stopped."
)


def main_people(argv: Sequence[str]) -> int:
    """Run ``handpose data people``; the exit status."""
    options = _options(
        "people",
        "Make pictures of people in which no hand is seen: faces, bare arms, upper bodies, legs. Needs anny (pip "
        "install anny), which takes minutes the first time.",
        argv,
    )
    from rich.console import Console

    from handpose_core.synth.people.body import load_anny
    from handpose_core.synth.people.studio import PeopleTwin

    with Console().status("reading anny's body"):
        load_anny()  # missing, it is found out here; and it keeps what it reads, which the workers would all do at once
    return _make("people", PeopleTwin, options)


def main_things(argv: Sequence[str]) -> int:
    """Run ``handpose data things``; the exit status."""
    options = _options(
        "things", "Make pictures of things: hair, straps, cloth, boxes, beads, twigs, leaves, print, and such.", argv
    )
    from handpose_core.synth.things.twin import ThingsTwin

    return _make("things", ThingsTwin, options)


def _options(name: str, description: str, argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"handpose data {name}", description=f"{description} {_AGAIN}")
    parser.add_argument("out", type=Path, help="folder of the pictures")
    parser.add_argument("--count", type=positive, required=True, help="how many pictures")
    parser.add_argument("--size", type=_side, default=192, help="their height and width, px (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of everything that is drawn (default 0)")
    parser.add_argument(
        "--backgrounds", type=Path, help=f"folder of pictures to go behind the {name} (default: made up)"
    )
    parser.add_argument("--workers", type=positive, help="processes (default: one for each core)")
    options = parser.parse_args(argv)
    if options.backgrounds is not None:
        from handpose_core.synth.backgrounds import FolderBackground

        FolderBackground(options.backgrounds)  # an empty folder is found out here, not in a worker
    return options


def _side(text: str) -> int:
    """Parse the side of a picture, px."""
    low, high = _SIDES
    if not low <= (value := int(text)) <= high:
        raise argparse.ArgumentTypeError(f"found {text}; expected {low} to {high} px")
    return value


def _make(name: str, kind: "type[UnlabelledTwin]", options: argparse.Namespace) -> int:
    import os

    from handpose_core.cli.progress import counting
    from handpose_core.synth.generate import generate
    from handpose_core.synth.unlabelled import UnlabelledRecipe

    folder = str(options.backgrounds) if options.backgrounds else None
    twin = kind(UnlabelledRecipe(like=name, seed=options.seed, backgrounds=folder, size=options.size))
    with counting() as progress:
        task = progress.add_task("pictures", total=options.count)
        for ready in generate(twin, options.out, name, options.count, options.workers or os.cpu_count() or 1):
            progress.update(task, completed=ready)
    print(f"{options.out}: {options.count} pictures of {name}")
    return 0

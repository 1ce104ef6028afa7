"""``handpose data synth``: make synthetic data in a dataset's own layout."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from handpose_core.cli.options import positive
from handpose_core.errors import HandposeError


def main(argv: Sequence[str]) -> int:
    """Run ``handpose data synth``; the exit status."""
    return _synth(_parser().parse_args(argv))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="handpose data synth",
        description="Make synthetic frames with exact labels, in the layout in which a dataset's authors publish it. "
        "Run it again after an interruption, and it goes on where it stopped.",
    )
    parser.add_argument("out", type=Path, help="folder of the dataset")
    parser.add_argument(
        "--like", choices=["rhd", "stb", "mhp", "cmu-ps", "freihand"], required=True, help="whose layout to write"
    )
    parser.add_argument(
        "--frames", type=positive, required=True, help="frames to train with; stb and mhp: of each sequence"
    )
    parser.add_argument(
        "--split", dest="part", help="make one split or sequence only, with FRAMES frames (default: all)"
    )
    parser.add_argument(
        "--world",
        choices=["source", "target"],
        default="source",
        help="source: to train on (default); target: another hand, light and camera, to stand in for real data",
    )
    parser.add_argument("--seed", type=int, default=0, help="of everything that is drawn (default 0)")
    parser.add_argument("--backgrounds", type=Path, help="folder of pictures to go behind the hands (default: made up)")
    parser.add_argument("--workers", type=positive, help="processes (default: one for each core)")
    return parser


def _synth(arguments: argparse.Namespace) -> int:
    import os

    from handpose_core.cli.progress import counting
    from handpose_core.synth.backgrounds import FolderBackground
    from handpose_core.synth.generate import Recipe, generate
    from handpose_core.synth.twins import TWINS

    backgrounds = arguments.backgrounds
    if backgrounds is not None and arguments.world == "target":
        raise HandposeError(
            "--backgrounds", "a folder for the target world", "no folder: its places are its own",
            "Leave --backgrounds out, or make source data with it.",
        )  # fmt: skip
    if backgrounds is not None:
        FolderBackground(backgrounds)  # an empty folder is found out here, not in a worker
    folder = str(backgrounds) if backgrounds else None
    twin = TWINS[arguments.like](Recipe(arguments.like, arguments.world, arguments.seed, folder))
    wanted = _wanted(twin.parts(arguments.frames), arguments.part)
    with counting() as progress:
        for part, frames in wanted.items():
            task = progress.add_task(f"{part} frames", total=frames)
            for ready in generate(twin, arguments.out, part, frames, arguments.workers or os.cpu_count() or 1):
                progress.update(task, completed=ready)
    print(f"{arguments.out}: " + ", ".join(f"{frames} {part} frames" for part, frames in wanted.items()))
    return 0


def _wanted(parts: dict[str, int], only: str | None) -> dict[str, int]:
    """All parts of a dataset, or the one asked for."""
    if only is None:
        return parts
    if only not in parts:
        raise HandposeError("--split", only, f"one of {', '.join(parts)}", "Correct it, or leave it out to make all.")
    return {only: next(iter(parts.values()))}

"""``handpose tagan compare``: figures 2.4, 2.6 and 2.7 of the thesis from one's own data."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from handpose_core.cli.options import positive

_MAPS, _GENERATORS, _TONALITY = "condition_maps.png", "generators.png", "tonality.png"


def main(argv: Sequence[str]) -> int:
    """Run ``handpose tagan compare``; the exit status."""
    options = _parser().parse_args(argv)
    from jaxtyping import UInt8
    from numpy import ndarray

    from handpose_core.errors import HandposeError
    from handpose_core.io.outputs import OutputFolder
    from handpose_core.viz import write_image
    from handpose_tagan.conditions.maps import ConditionMaps
    from handpose_tagan.generated import LabelledHands
    from handpose_tagan.module import TAGANModule
    from handpose_tagan.sheets import TILE, Origins, comparison_sheet, maps_sheet, tonality_sheet

    if options.simulated is not None and options.real is None:
        raise HandposeError("--simulated", "no --real with it", "both folders or neither", "Give --real FOLDER.")
    inputs = [options.hands, *options.checkpoints, *filter(None, (options.real, options.simulated))]
    with OutputFolder(options.out, "OUT", "handpose tagan compare", inputs) as out:
        given = {_MAPS: options.real, _GENERATORS: options.hands, _TONALITY: options.simulated}
        out.check([name for name, needed in given.items() if needed is not None])

        def write(figure: str, name: str, sheet: UInt8[ndarray, "h w 3"]) -> None:
            with out.new(name, ".png") as path:
                write_image(path, sheet)
            print(f"figure {figure}: {options.out / name}")

        modules = [TAGANModule.load_from_checkpoint(path, map_location="cpu") for path in options.checkpoints]
        maps = modules[-1].maps if modules else ConditionMaps()
        if options.real is not None:
            side = (modules[-1].side if modules else None) or TILE
            write("2.4", _MAPS, maps_sheet(options.real, maps, options.count, side))
        names = [type(module.objective).__name__ for module in modules]
        generators = dict(zip(unique_titles(names, options.checkpoints), options.checkpoints, strict=True))
        origins = Origins(options.hands, options.real, options.simulated) if options.simulated is not None else None
        hands = LabelledHands(options.hands)
        write("2.6", _GENERATORS, comparison_sheet(hands, generators, maps, options.count, origins))
        if origins is not None:
            write("2.7", _TONALITY, tonality_sheet(hands, generators, options.count, origins))
        for note in out.notes:
            print(f"note: {note}", file=sys.stderr)
    return 0


def unique_titles(names: Sequence[str], checkpoints: Sequence[Path]) -> list[str]:
    """Return a title for each generator's column, no two alike.

    Args:
        names: Of the methods.
        checkpoints: Their files.

    Returns:
        The method's name; of methods that are given several times, with so much of the checkpoint's path, from its
        end, as tells it from the others.

    Raises:
        HandposeError: A checkpoint is given twice.
    """
    from handpose_core.errors import HandposeError

    paths = [path.resolve() for path in checkpoints]
    if len(set(paths)) < len(paths):
        twice = next(path for path in paths if paths.count(path) > 1)
        raise HandposeError("--checkpoints", f"{twice} twice", "different checkpoints", "Name each once.")
    titles = []
    for name, path in zip(names, paths, strict=True):
        alike = [other.parts for known, other in zip(names, paths, strict=True) if known == name and other != path]
        lengths = range(1, len(path.parts) + 1)
        length = next((n for n in lengths if all(path.parts[-n:] != parts[-n:] for parts in alike)), 0) if alike else 0
        titles.append(f"{name}, {Path(*path.parts[-length:]).as_posix()}" if length else name)
    return titles


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="handpose tagan compare",
        description="Draw what generators make of the same hands, beside their keypoints and condition maps (figure "
        "2.6), real pictures with their maps (2.4), and superposed hands whose tones fit their pictures least (2.7).",
    )
    parser.add_argument("hands", type=Path, help="folder that handpose tagan simulate or superpose made")
    parser.add_argument("out", type=Path, help="folder for the pictures")
    parser.add_argument(
        "--checkpoints", type=Path, nargs="+", default=[], help="of generators; the maps shown are the last one's"
    )
    parser.add_argument("--real", type=Path, help="real pictures, for figure 2.4")
    parser.add_argument(
        "--simulated", type=Path, help="with --real: shows what superposed hands were made of, and their tones"
    )
    parser.add_argument("--count", type=positive, default=8, help="hands on a sheet (default %(default)s)")
    return parser

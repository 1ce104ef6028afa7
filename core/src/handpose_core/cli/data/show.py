"""``handpose data show``: draw one sample of a dataset."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from handpose_core.errors import HandposeError


def main(argv: Sequence[str]) -> int:
    """Run ``handpose data show``; the exit status.

    Raises:
        HandposeError: no known dataset, no such split or sample, or what the reader raises.
    """
    arguments = _parser().parse_args(argv)
    from handpose_core.datasets.detect import open_split
    from handpose_core.viz.sample import draw_sample
    from handpose_core.viz.sheet import with_caption, write_image

    source = open_split(arguments.root, arguments.split)
    index = arguments.index
    if not 0 <= index < len(source):
        raise HandposeError(
            f"{arguments.root}, --index", str(index), f"0 to {len(source) - 1}", "Choose a sample that is there."
        )
    out = arguments.out or Path(f"{arguments.root.resolve().name}_{index}.png")
    write_image(out, with_caption(draw_sample(source[index]), source.where(index)))
    print(f"{source.where(index)}: drawn to {out}")
    print("; ".join(f"{name} {value}" for name, value in source.describe().items()))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="handpose data show",
        description="Draw one sample: the image with its joints, mask, depth, and the hand in 3D from two sides.",
    )
    parser.add_argument("root", type=Path, metavar="ROOT", help="the dataset's folder")
    parser.add_argument("--index", type=int, default=0, metavar="I", help="which sample, from 0 (default: 0)")
    parser.add_argument("--split", help="which split, by its reader's name (default: the first that is there)")
    parser.add_argument("--out", type=Path, metavar="PICTURE", help="the file to write (default: <ROOT>_<I>.png)")
    return parser

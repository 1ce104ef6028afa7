"""``handpose data prepare``: store a dataset's crops for fast reading."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from handpose_core.cli.registry import load_target
from handpose_core.errors import HandposeError

if TYPE_CHECKING:
    from jsonargparse import ArgumentParser, Namespace

    from handpose_core.datamodules.base import HandDataModule
    from handpose_core.prepare.manifest import PartName

_DATA = "--data"
PARTS: tuple["PartName", ...] = ("train", "val", "test")


def main(argv: Sequence[str]) -> int:
    """Run ``handpose data prepare``; the exit status."""
    from handpose_core.training.data_names import resolve_data

    return _prepare(_parser().parse_args(resolve_data(_with_dataset(argv))))


def _parser() -> "ArgumentParser":
    import os

    from jsonargparse import ArgumentParser

    from handpose_core.datamodules.base import HandDataModule

    parser = ArgumentParser(
        prog="handpose data prepare",
        description="Cut the hands out of a dataset, with room for augmentation, and store them for fast reading: "
        "`--data Prepared --data.root OUT` trains on them. Run it again after an interruption, and it goes on "
        "where it stopped; what is there is checked.",
    )
    parser.add_argument("root", type=Path, help="folder of the dataset")
    parser.add_argument("out", type=Path, help="folder for the prepared data")
    parser.add_subclass_arguments(
        HandDataModule, "data", skip={"augmentation", "batch_size", "num_workers", "depth_maps"},
        help="the datamodule, with its options, as in training: RHD, STB, ... (default: by what ROOT holds)",
    )  # fmt: skip
    parser.add_argument("--parts", type=list[str], default=list(PARTS), help="which of train, val and test")
    parser.add_argument(
        "--margin", type=float, default=1.9,
        help="side of what is kept over the crop's; 1.9 holds any turn, 15 %% of scale and 10 %% of shift",
    )  # fmt: skip
    parser.add_argument("--quality", type=int, default=95, help="of the JPEGs, 1 to 100")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes")
    return parser


def _with_dataset(argv: Sequence[str]) -> list[str]:
    """The arguments with the datamodule before its options: the one named, or else the one that reads the folder."""
    from handpose_core.datasets.detect import detect

    rest, named = list(argv), ""
    for position, argument in enumerate(argv):
        if argument == _DATA and position + 1 < len(argv):
            named, rest = argv[position + 1], [*argv[:position], *argv[position + 2 :]]
        elif argument.startswith(f"{_DATA}="):
            named, rest = argument.partition("=")[2], [*argv[:position], *argv[position + 1 :]]
    before = ["", *rest]  # the argument after --workers and its like is a value
    root = next(
        (
            argument
            for option, argument in zip(before, rest, strict=False)
            if not argument.startswith("-") and ("=" in option or not option.startswith("--"))
        ),
        None,
    )
    if root is None or {"-h", "--help"} & set(rest):
        return list(argv)
    return [_DATA, named or detect(Path(root)).datamodule, f"{_DATA}.root={root}", *rest]


def _check(options: "Namespace") -> None:
    checks = (
        ("--margin", options.margin, options.margin >= 1, "a number from 1"),
        ("--quality", options.quality, 1 <= options.quality <= 100, "a whole number from 1 to 100"),
        ("--workers", options.workers, options.workers >= 1, "a whole number from 1"),
        ("--parts", options.parts, options.parts and set(options.parts) <= set(PARTS), "some of train, val and test"),
    )
    for where, found, holds, expected in checks:
        if not holds:
            raise HandposeError(where, str(found), expected, "See handpose data prepare --help.")


def _prepare(options: "Namespace") -> int:
    from handpose_core.cli.progress import counting
    from handpose_core.io.outputs import check_own_folder
    from handpose_core.prepare.manifest import MANIFEST, Recipe
    from handpose_core.prepare.run import prepare

    _check(options)
    if options.out.resolve().is_relative_to(options.root.resolve()):
        raise HandposeError(
            f"OUT {options.out}", f"a folder in the dataset's, {options.root}", "one outside of it",
            "Choose another folder: prepared data are no part of their original.",
        )  # fmt: skip
    check_own_folder(options.out, MANIFEST, "Choose another folder for the prepared data.", "OUT")
    chosen = {**options.data.init_args.as_dict(), "root": str(options.root.resolve())}
    data: HandDataModule = load_target(options.data.class_path)(**chosen)
    recipe = Recipe(options.data.class_path, chosen, data.image_size, data.crop_scale, options.margin, options.quality)
    counts = {}
    with counting() as progress:
        for part in (name for name in PARTS if name in options.parts):
            task = progress.add_task(f"{part} samples", total=None)
            for ready, total in prepare(data, options.out, part, recipe, options.workers):
                progress.update(task, completed=ready, total=total)
                counts[part] = total
    print(f"{options.out}: " + ", ".join(f"{count} {part} samples" for part, count in counts.items()))
    return 0

"""The commands ``handpose onehand pack`` and ``unpack``: a checkpoint as a packed model, and back."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from handpose_core.cli.options import add_overwrite
from handpose_core.errors import HandposeError


def parser() -> argparse.ArgumentParser:
    """Build the parser of ``pack``."""
    result = argparse.ArgumentParser(
        "handpose onehand pack",
        description="Write a checkpoint's weights in half precision as a safetensors file, with a card (.md) and the "
        "trainings' history beside it. handpose predict --model takes the file; in a source tree --shipped puts it "
        "where handpose predict finds it when no model is named.",
    )
    result.add_argument("checkpoint", type=Path, metavar="CKPT")
    where = result.add_mutually_exclusive_group(required=True)
    where.add_argument("out", type=Path, nargs="?", metavar="OUT.safetensors")
    where.add_argument("--shipped", action="store_true", help="into the installed suite, as the one that is shipped")
    result.add_argument(
        "--results", action="append", default=[], metavar="TITLE=results.json",
        help="a test's figures for the card, and what they were measured on; may be given several times",
    )  # fmt: skip
    result.add_argument(
        "--backbone", action="store_true",
        help="the backbone's weights alone, without a card, for other methods to begin from (backbone_weights: source)",
    )  # fmt: skip
    add_overwrite(result)
    return result


def main(argv: Sequence[str]) -> int:
    """Pack a checkpoint.

    Args:
        argv: Arguments of the command.

    Returns:
        The exit status.

    Raises:
        HandposeError: The checkpoint, the output's name or the results are invalid, or an output exists.
    """
    options = parser().parse_args(argv)
    results = dict(_titled(text) for text in options.results)
    if options.backbone and (options.shipped or results):
        other = "--shipped" if options.shipped else "--results"
        raise HandposeError(f"--backbone, {other}", "both", "one of them", "Leave one out.")
    from handpose_core.estimators.onehand.conversion import pack, pack_backbone
    from handpose_core.estimators.onehand.model_card import card, history, history_name
    from handpose_core.estimators.onehand.serialization import SUFFIX
    from handpose_core.io import atomic
    from handpose_core.io.outputs import check_new_file
    from handpose_core.predict.shipped import SHIPPED

    out = SHIPPED if options.shipped else options.out
    if out.suffix.lower() != SUFFIX:
        raise HandposeError("OUT.safetensors", f"'{out}'", f"a name that ends in {SUFFIX}", "Name the file so.")
    if not options.shipped:
        inputs = [options.checkpoint, *results.values()]
        written = [out, out.with_suffix(".md"), out.with_name(history_name(out.name))]
        for path in written[:1] if options.backbone else written:
            check_new_file(path, inputs, options.overwrite, "OUT.safetensors")
    if options.backbone:
        count = pack_backbone(options.checkpoint, out)
        print(f"packed: {out} ({out.stat().st_size / 1e6:.1f} MB), the {count:,} weights of the backbone")
        return 0
    info = pack(options.checkpoint, out)
    atomic.write_text(out.with_suffix(".md"), card(out.name, info, out.stat().st_size, results, options.shipped))
    atomic.write_text(out.with_name(history_name(out.name)), history(out.name, info))
    print(f"packed: {out} ({out.stat().st_size / 1e6:.1f} MB), card: {out.with_suffix('.md')}")
    return 0


def main_unpack(argv: Sequence[str]) -> int:
    """Write a packed model as a checkpoint.

    Args:
        argv: Arguments of the command.

    Returns:
        The exit status.

    Raises:
        HandposeError: There is no packed model, it is something else, or CKPT exists.
    """
    parser = argparse.ArgumentParser(
        "handpose onehand unpack",
        description="Write a packed model as a checkpoint, to train it further: fit --init_from CKPT.",
    )
    parser.add_argument("out", type=Path, metavar="CKPT")
    parser.add_argument("--model", type=Path, metavar="FILE.safetensors", help="default: the one that comes along")
    add_overwrite(parser)
    options = parser.parse_args(argv)
    from handpose_core.estimators.onehand.conversion import write_checkpoint
    from handpose_core.io.outputs import check_new_file
    from handpose_core.predict.shipped import shipped_model

    packed = options.model or shipped_model()
    check_new_file(options.out, [packed], options.overwrite, "CKPT")
    write_checkpoint(packed, options.out)
    print(f"unpacked: {packed} to {options.out}; train it further with handpose onehand fit --init_from {options.out}")
    return 0


def _titled(text: str) -> tuple[str, Path]:
    title, equals, path = text.rpartition("=")
    if not equals or not title:
        raise HandposeError("--results", f"'{text}'", "TITLE=results.json", 'For example: --results "RHD=results.json"')
    return title, Path(path)

"""``handpose export``: a trained model as a file that runs without PyTorch."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from handpose_core.errors import HandposeError


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    result = argparse.ArgumentParser(
        "handpose export",
        description="Write a checkpoint's estimator as an ONNX file with its decoder, sizes and origin inside, and "
        "check that ONNX Runtime answers as PyTorch does. Needs the extra handpose-core[onnx].",
    )
    result.add_argument("checkpoint", type=Path, metavar="CKPT", help="of any installed method")
    result.add_argument("out", type=Path, metavar="OUT.onnx", help="the file to write")
    add_framing(result)
    return result


def add_framing(to: argparse._ActionsContainer) -> None:
    """What checkpoints say of the crops that they were trained on, unless their data were somebody's own."""
    to.add_argument("--image-size", type=int, metavar="PX", help="side of the crops, if the checkpoint does not say it")
    to.add_argument("--crop-scale", type=float, metavar="S", help="their side over the hand's extent, likewise")


def main(argv: Sequence[str]) -> int:
    """Export a checkpoint; the exit status.

    Raises:
        HandposeError: as `handpose_core.export.onnx_file.export_onnx`.
    """
    options = parser().parse_args(argv)
    if options.out.suffix != ".onnx":
        raise HandposeError("OUT.onnx", f"'{options.out}'", "a name that ends in .onnx", "Name the file so.")
    from handpose_core.export.onnx_file import export_onnx
    from handpose_core.predict.checkpoint import load_checkpoint

    done = export_onnx(load_checkpoint(options.checkpoint, options.image_size, options.crop_scale), options.out)
    print(f"exported: {done.path} ({done.size / 1e6:.1f} MB)")
    print("largest differences to PyTorch: " + ", ".join(f"{k} {v:.1e}" for k, v in done.differences.items()))
    return 0

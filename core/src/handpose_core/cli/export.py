"""``handpose export``: a trained model as a file that runs without this suite."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from handpose_core.cli.options import add_overwrite
from handpose_core.errors import HandposeError
from handpose_core.io.outputs import check_new_file

ONNX, PROGRAM = ".onnx", ".pt2"

_EPILOG = """\
OUT.onnx runs by ONNX Runtime, without PyTorch; handpose predict --model takes it. Needs the extra handpose-core[onnx].
OUT.pt2 runs by PyTorch alone: torch.export.load("OUT.pt2").module()(image) or (image, side), on the CPU.

Both take image, N x 3 x S x S, RGB in [0, 1], and of methods that know of sides, side, N numbers: 0 left, 1 right, and
for onehand -1, nobody said. Both give joints_2d, z_rel and scores, for onehand also xyz, vertices, right and is_right.
Both keep what the model is, and the mesh's faces (of right hands): as metadata, or as handpose.json and faces.json.
"""


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    result = argparse.ArgumentParser(
        "handpose export",
        description="Write a trained estimator as ONNX or as a program of torch.export, with its decoder,\n"
        "sizes and origin inside, and check that the file answers as PyTorch does.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument(
        "checkpoint", type=Path, metavar="CKPT", help="of any installed method, or what handpose onehand pack wrote"
    )
    result.add_argument("out", type=Path, metavar="OUT.onnx|OUT.pt2", help="the file to write")
    add_framing(result)
    add_overwrite(result)
    return result


def add_framing(to: argparse._ActionsContainer) -> None:
    """What checkpoints say of the crops that they were trained on, unless their data were somebody's own."""
    to.add_argument("--image-size", type=int, metavar="PX", help="side of the crops, if the checkpoint does not say it")
    to.add_argument("--crop-scale", type=float, metavar="S", help="their side over the hand's extent, likewise")


def main(argv: Sequence[str]) -> int:
    """Export a trained model; the exit status.

    Raises:
        HandposeError: as `handpose_core.export.onnx_file.export_onnx`.
    """
    options = parser().parse_args(argv)
    if options.out.suffix not in (ONNX, PROGRAM):
        raise HandposeError("OUT", f"'{options.out}'", f"a name that ends in {ONNX} or {PROGRAM}", "Name the file so.")
    check_new_file(options.out, [options.checkpoint], options.overwrite, "OUT")
    from handpose_core.export.onnx_file import export_onnx
    from handpose_core.export.torch_program import export_program
    from handpose_core.predict.hub import located
    from handpose_core.predict.trained import load_trained

    trained = load_trained(located(options.checkpoint), options.image_size, options.crop_scale)
    done = (export_onnx if options.out.suffix == ONNX else export_program)(trained, options.out)
    print(f"exported: {done.path} ({done.size / 1e6:.1f} MB)")
    print("largest differences to PyTorch: " + ", ".join(f"{k} {v:.1e}" for k, v in done.differences.items()))
    return 0

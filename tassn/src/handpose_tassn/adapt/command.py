"""``handpose tassn adapt``: adapt a trained model to a video without 3D labels."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from handpose_core.cli.options import positive


def main(argv: Sequence[str]) -> int:
    """Run ``handpose tassn adapt``; the exit status.

    Raises:
        HandposeError: no such video, joints or checkpoint, or what they hold does not fit.
    """
    options = _parser().parse_args(argv)
    import numpy as np

    from handpose_core.hand import Side
    from handpose_core.io.outputs import OutputFolder
    from handpose_core.training.checkpoints import check_checkpoint
    from handpose_tassn.adapt.outputs import output_names
    from handpose_tassn.adapt.run import Plan, adapt
    from handpose_tassn.adapt.tracks import TrackedVideo, read_tracks
    from handpose_tassn.module import TASSNModule

    check_checkpoint(options.ckpt_path, TASSNModule)
    K = options.intrinsics and np.array(
        [
            [options.intrinsics[0], 0, options.intrinsics[2]],
            [0, options.intrinsics[1], options.intrinsics[3]],
            [0, 0, 1],
        ]
    )
    video = TrackedVideo(options.video, read_tracks(options.joints_2d, options.order), K)
    inputs = [path for path in (options.video, options.joints_2d, options.ckpt_path, options.rehearse) if path]
    with OutputFolder(options.out, "--out", "handpose tassn adapt", inputs) as out:
        out.check(output_names(len(video), options.glb_every))
        module = TASSNModule.load_from_checkpoint(options.ckpt_path, map_location="cpu")
        plan = Plan(
            out, options.epochs, options.rate, options.clip_length, options.batch_size, options.image_size,
            options.learn_from, options.score, options.glb_every, options.frame_rate, options.workers, options.seed,
            dict(options.weight), options.rehearse, Side[options.side.upper()],
        )  # fmt: skip
        report = adapt(module, video, plan)
        for note in out.notes:
            print(f"note: {note}", file=sys.stderr)
    for name, value in report["data"].items():
        print(f"{name}: {value}")
    first, last = report["losses"].values()
    for name in last:
        print(f"{name}: {first[name]:.4g} in the first epoch, {last[name]:.4g} in the last")
    for name in report["before"]:
        print(f"{name}: {report['before'][name]:.3g} before, {report['after'][name]:.3g} after")
    print(
        f"{options.out}: poses.npz, poses.json, meshes.npz, meshes/, overlay_before.mp4, overlay.mp4, adapted.ckpt, "
        "report.json"
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="handpose tassn adapt",
        description="Fine-tune a model that was trained elsewhere on one video with 2D joints, without any 3D label, "
        "and write poses, meshes and an overlay of it.",
    )
    parser.add_argument("video", type=Path, help="a video file, or a folder of images in order")
    parser.add_argument(
        "--joints-2d", type=Path, required=True, dest="joints_2d",
        help=".npz or .json with joints_2d (frames, 21, 2; px), not-a-number or null where unknown; or joints_3d and K "
        "to project, which then are looked at by nothing but the scores",
    )  # fmt: skip
    parser.add_argument("--ckpt_path", type=Path, required=True, help="the trained model")
    parser.add_argument("--out", type=Path, required=True, help="folder of the results")
    parser.add_argument("--order", default="canonical", help="of the joints, such as rhd (default canonical)")
    parser.add_argument(
        "--side", choices=("left", "right"), default="right",
        help="which hand the video shows: models of right hands are shown a left one mirrored, and what they say is "
        "mirrored back (default %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--intrinsics", type=float, nargs=4, metavar=("FX", "FY", "CX", "CY"),
        help="px (default: those in the file of joints, or a focal length of the longer side)",
    )  # fmt: skip
    parser.add_argument("--epochs", type=positive, default=20, help="through the clips (default %(default)s)")
    parser.add_argument("--rate", type=float, default=3e-4, help="of learning (default %(default)s)")
    parser.add_argument("--clip-length", type=positive, default=4, help="frames of a clip (default %(default)s)")
    parser.add_argument("--batch-size", type=positive, default=8, help="clips of a step (default %(default)s)")
    parser.add_argument(
        "--image-size", type=positive, help="of the crops, px (default: of those that the model was trained on)"
    )
    parser.add_argument(
        "--weight", type=_weight, action="append", default=[], metavar="TERM=NUMBER",
        help="of a term of the loss: heatmaps, silhouette, pose, mesh, bones, limits or projection; 0 leaves it out; "
        "can be given several times",
    )  # fmt: skip
    parser.add_argument(
        "--rehearse", type=Path, metavar="FOLDER",
        help="hands that handpose mvhm generate made, learnt from beside the video, so that what the model knows of "
        "depths is not unlearnt",
    )  # fmt: skip
    parser.add_argument("--learn-from", type=_span, metavar="A:B", help="frames A to B - 1 alone are learnt from")
    parser.add_argument("--score", type=_span, metavar="A:B", help="frames A to B - 1 alone are scored")
    parser.add_argument("--glb-every", type=int, default=10, help="a .glb of every so many frames; 0 for none")
    parser.add_argument("--frame-rate", type=float, default=25.0, help="of the overlay video (default %(default)s)")
    parser.add_argument(
        "--workers", type=positive, default=os.cpu_count() or 1,
        help="processes that cut silhouettes (default: one for each core)",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="of everything random (default 0)")
    return parser


def _span(text: str) -> tuple[int, int]:
    first, separator, end = text.partition(":")
    if not separator or not (first.isdecimal() and end.isdecimal()):
        raise argparse.ArgumentTypeError(f"found {text}; expected two frame numbers, such as 0:100")
    return int(first), int(end)


def _weight(text: str) -> tuple[str, float]:
    name, _, number = text.partition("=")
    try:
        return name, float(number)
    except ValueError:
        raise argparse.ArgumentTypeError(f"found {text}; expected a term and its weight, as silhouette=0.1") from None

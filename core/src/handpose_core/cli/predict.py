"""``handpose predict``: hands in photographs and videos, by a trained model."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from handpose_core.cli.export import add_framing
from handpose_core.cli.options import add_model, check_model
from handpose_core.errors import HandposeError

if TYPE_CHECKING:
    from handpose_core.predict.model import HandModel
    from handpose_core.predict.run import Done, Job

_EPILOG = """\
written to --out:
  overlays/      each picture with its hands drawn on it; of a video, NAME.mp4
  meshes/        of pictures, each hand's surface as NAME-0.glb, by models that give one
  hands.json     joints in px of the original picture and in mm about the wrist, confidence, side, conventions
  hands.npz      the same as arrays, one row a hand

A file of boxes is JSON: {"photo.jpg": [x, y, w, h], "other.jpg": [{"box": [x, y, w, h], "side": "left"}, ...]};
the frames of a video are named by their numbers from 0.
"""


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    result = argparse.ArgumentParser(
        "handpose predict",
        description="Find the joints of hands in a picture, a folder of pictures or a video, in 2D and 3D.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument("source", type=Path, metavar="IMAGE|FOLDER|VIDEO")
    model = result.add_argument_group("model")
    add_model(model)
    model.add_argument(
        "--runtime", choices=("torch", "onnx"), help="what runs it (default: torch for a checkpoint, onnx for a model)"
    )
    model.add_argument("--batch", type=int, default=16, metavar="N", help="hands at once (default: 16)")
    add_framing(model)
    hand = result.add_argument_group("the hand")
    hand.add_argument(
        "--box",
        metavar="x,y,w,h|FILE",
        help="around the hand, px, in every picture; or a file of boxes (default: the whole picture, squared)",
    )
    hand.add_argument("--side", choices=("right", "left"), help="which hand it is; some methods have to be told")
    hand.add_argument("--mirrored", action="store_true", help="the pictures are mirror images, as of selfie cameras")
    hand.add_argument(
        "--focal", metavar="PX|fx,fy,cx,cy", help="of the camera; gives the place before it (default: assumed)"
    )
    hand.add_argument(
        "--hand-size", type=float, metavar="MM", help="from the wrist to the middle finger's tip, along the bones"
    )
    output = result.add_argument_group("output")
    output.add_argument("--out", type=Path, default=Path("predictions"), metavar="DIR", help="default: predictions")
    output.add_argument("--smooth", action="store_true", help="videos: less jitter, by a One-Euro filter")
    return result


def main(argv: Sequence[str]) -> int:
    """Run ``handpose predict``; the exit status.

    Raises:
        HandposeError: the source, a box, an option or the model is not what it should be.
    """
    options = parser().parse_args(argv)
    _check(options)
    job = _job(options)
    done = _predict(options, job)
    hands = sum(len(picture.hands) for picture in done.found)
    print(f"hands: {hands}, pictures: {len(done.found)}, written: {options.out / 'hands.json'}")
    for note in done.notes:
        print(f"note: {note}", file=sys.stderr)
    for reason in done.failed.values():
        print(f"not read: {reason}", file=sys.stderr)
    if done.failed:
        raise HandposeError(
            str(options.source),
            f"{len(done.failed)} of {len(done.found) + len(done.failed)} files that cannot be read",
            "pictures",
            "The others are done. Move these out of the folder, or get them again.",
        )
    return 0


def _check(options: argparse.Namespace) -> None:
    """Complain of what does not go together, before anything heavy is imported."""
    if not options.source.exists():
        raise HandposeError(
            str(options.source), "no such file or folder", "a picture, a folder or a video", "Check the path."
        )
    check_model(options)
    if options.runtime == "onnx" and options.checkpoint:
        raise HandposeError(
            "--runtime onnx",
            f"--checkpoint {options.checkpoint}",
            "an exported model",
            f"First handpose export {options.checkpoint} OUT.onnx, then --model OUT.onnx",
        )
    exported = options.model is not None and options.model.suffix == ".onnx"
    if options.runtime == "torch" and exported:
        raise HandposeError(
            "--runtime torch", f"--model {options.model}", "a checkpoint", "Give --checkpoint, or leave --runtime out."
        )
    if options.runtime == "onnx" and not options.checkpoint and not exported:
        raise HandposeError(
            "--runtime onnx",
            f"--model {options.model}" if options.model else "no model",
            "an exported model",
            "First handpose export CKPT OUT.onnx, then --model OUT.onnx",
        )


def _job(options: argparse.Namespace) -> "Job":
    from handpose_core.hand import Side
    from handpose_core.predict.boxes import parse_box, read_boxes
    from handpose_core.predict.model import Known
    from handpose_core.predict.recovery import parse_focal
    from handpose_core.predict.run import Job

    known = Known(
        side=Side[options.side.upper()] if options.side else None,
        mirrored=options.mirrored,
        focal=parse_focal(options.focal) if options.focal else None,
        hand_mm=options.hand_size,
    )
    from_file = bool(options.box) and Path(options.box).suffix == ".json"
    return Job(
        boxes=read_boxes(Path(options.box)) if from_file else None,
        box=parse_box(options.box) if options.box and not from_file else None,
        known=known,
    )


def _load(options: argparse.Namespace) -> "HandModel":
    from handpose_core.predict.load import load

    return load(options.checkpoint or options.model, options.batch, options.image_size, options.crop_scale)


def _predict(options: argparse.Namespace, job: "Job") -> "Done":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from handpose_core.predict.pictures import list_pictures
    from handpose_core.predict.run import is_video, predict_pictures, predict_video
    from handpose_core.predict.videos import Video

    video = Video(options.source) if is_video(options.source) else None
    if options.smooth and video is None:
        raise HandposeError("--smooth", str(options.source), "a video", "Leave --smooth out for pictures.")
    total = video.announced if video else len(list_pictures(options.source)) if options.source.is_dir() else 1
    model = _load(options)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("hands", total=total)

        def step(count: int) -> None:
            progress.advance(task, count)

        if video:
            return predict_video(model, video, options.out, job, step, options.smooth)
        return predict_pictures(model, options.source, options.out, job, step)

"""``handpose predict``: hands in photographs, videos and before a webcam, by a trained model."""

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from handpose_core.cli.export import add_framing
from handpose_core.cli.guard import INTERRUPTED
from handpose_core.cli.interrupt import Interruption
from handpose_core.cli.options import add_model, check_model
from handpose_core.errors import HandposeError

if TYPE_CHECKING:
    from handpose_core.io.outputs import OutputFolder
    from handpose_core.io.video import Video
    from handpose_core.predict.model import HandModel
    from handpose_core.predict.run import Done, Job, Step, Stopped
    from handpose_core.predict.webcam import Webcam

_SOURCES = "a picture, a folder of pictures or a video, or --webcam"
_EPILOG = """\
written to --out, where nothing is replaced that this command did not write:
  overlays/      each picture with its hands drawn on it; of a video, NAME.mp4; of a webcam, webcam.mp4
  meshes/        of pictures, each hand's surface as NAME-0.glb, by models that give one
  hands.json     joints in px of the original picture and in mm about the wrist, confidence, side, conventions;
                 of frames, seconds
  hands.npz      the same as arrays, one row a hand
Ctrl+C keeps what is done.

A file of boxes is JSON: {"photo.jpg": [x, y, w, h], "other.jpg": [{"box": [x, y, w, h], "side": "left"}, ...]};
the frames of a video are named by their numbers from 0.

Without a box one hand is looked for by the model itself. The whole picture and overlapping squares of 80, 50 and 30 %
of its shorter side are looked at, some 50 crops, and the three most confident hands twice closer. In videos and before
a webcam it is then followed, a crop a frame, and looked for again where its confidence falls too low.
"""


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    result = argparse.ArgumentParser(
        "handpose predict",
        description="Find the joints of hands in a picture, a folder of pictures, a video or before a webcam, "
        "in 2D and 3D.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument("source", type=Path, nargs="?", metavar="IMAGE|FOLDER|VIDEO")
    _add_webcam(result.add_argument_group("webcam"))
    model = result.add_argument_group("model")
    add_model(model)
    model.add_argument(
        "--runtime", choices=("torch", "onnx"), help="what runs it (default: torch for a checkpoint, onnx for a model)"
    )
    model.add_argument("--batch", type=int, default=16, metavar="N", help="hands at once (default: 16)")
    add_framing(model)
    hand = result.add_argument_group("the hand")
    where = hand.add_mutually_exclusive_group()
    where.add_argument(
        "--box",
        metavar="x,y,w,h|FILE",
        help="around the hand, px, in every picture; or a file of boxes (default: --search)",
    )
    where.add_argument(
        "--search", action="store_true", default=True, help="look for it, at the cost of some 20 crops (see below)"
    )
    where.add_argument(
        "--whole", dest="search", action="store_false", help="take the whole picture, squared, for it: one crop"
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
    output.add_argument("--smooth", action="store_true", help="videos and webcams: less jitter, by a One-Euro filter")
    return result


def _add_webcam(to: argparse._ArgumentGroup) -> None:
    to.add_argument(
        "--webcam", type=int, nargs="?", const=0, metavar="N", help="read camera N (default: 0) until Ctrl+C"
    )
    to.add_argument("--seconds", type=float, metavar="S", help="or until so many are over")
    to.add_argument("--show", action="store_true", help="in a window, too; closing it ends; needs opencv-python")


def main(argv: Sequence[str]) -> int:
    """Run ``handpose predict``; the exit status.

    Raises:
        HandposeError: the source, a box, an option or the model is not what it should be.
    """
    options = parser().parse_args(argv)
    _check(options)
    job = _job(options)
    done, status = _predict(options, job)
    print(f"hands: {done.hands}, pictures: {done.pictures}, written: {options.out / 'hands.json'}")
    for note in done.notes:
        print(f"note: {note}", file=sys.stderr)
    for reason in done.failed.values():
        print(f"not read: {reason}", file=sys.stderr)
    if done.failed and not status:
        raise HandposeError(
            str(options.source),
            f"{len(done.failed)} of {done.pictures + len(done.failed)} files that cannot be read",
            "pictures",
            "The others are done. Move these out of the folder, or get them again.",
        )
    return status


def _check(options: argparse.Namespace) -> None:
    """Complain of what does not go together, before anything heavy is imported."""
    _check_source(options)
    check_model(options)
    if options.runtime == "onnx" and options.checkpoint:
        raise HandposeError(
            "--runtime onnx",
            f"--checkpoint {options.checkpoint}",
            "an exported model",
            f"First handpose export {options.checkpoint} OUT.onnx, then --model OUT.onnx",
        )
    exported = options.model is not None and options.model.suffix.lower() == ".onnx"
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


def _check_source(options: argparse.Namespace) -> None:
    if (options.source is None) == (options.webcam is None):
        found = "neither" if options.source is None else f"{options.source} and --webcam"
        raise HandposeError("source", found, f"one of them: {_SOURCES}", "See handpose predict --help.")
    if options.webcam is None:
        for option, given in (("--seconds", options.seconds), ("--show", options.show or None)):
            if given is not None:
                raise HandposeError(option, str(options.source), "--webcam", f"Leave {option} out.")
        if not options.source.exists():
            raise HandposeError(str(options.source), "no such file or folder", _SOURCES, "Check the path.")
    elif options.webcam < 0:
        raise HandposeError("--webcam", str(options.webcam), "a number from 0", "The first camera is 0.")
    if options.seconds is not None and not 0 < options.seconds < float("inf"):
        raise HandposeError("--seconds", f"{options.seconds:g}", "a number above 0", "Leave it out to end by Ctrl+C.")


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
    from_file = bool(options.box) and (Path(options.box).suffix.lower() == ".json" or Path(options.box).is_file())
    return Job(
        boxes=read_boxes(Path(options.box)) if from_file else None,
        box=parse_box(options.box) if options.box and not from_file else None,
        known=known,
        search=options.search,
    )


def _load(options: argparse.Namespace) -> "HandModel":
    from handpose_core.predict.load import load

    return load(options.checkpoint or options.model, options.batch, options.image_size, options.crop_scale)


def _predict(options: argparse.Namespace, job: "Job") -> tuple["Done", int]:
    """Check and lock the folder of outputs, load the model and estimate what there is; with the exit status."""
    from handpose_core.cli.progress import counting_speed
    from handpose_core.io.outputs import OutputFolder
    from handpose_core.predict.memory import keep_freed_memory
    from handpose_core.predict.pictures import list_pictures
    from handpose_core.predict.run import outputs_of_frames, outputs_of_pictures, predict_pictures
    from handpose_core.predict.webcam import Webcam

    keep_freed_memory()
    frames = _frames(options)
    if options.smooth and frames is None:
        raise HandposeError("--smooth", str(options.source), "a video", "Leave --smooth out for pictures.")
    planned = outputs_of_pictures(options.source, options.out) if frames is None else outputs_of_frames(frames)
    pictures = len(list_pictures(options.source).found) if frames is None and options.source.is_dir() else 1
    total = pictures if frames is None else frames.announced
    camera = frames if isinstance(frames, Webcam) else None
    with OutputFolder(options.out, "--out", "handpose predict", _inputs(options)) as out:
        out.check(planned)
        model = _load(options)
        with counting_speed("pictures" if frames is None else "frames") as progress, _interruption(camera) as signals:
            task = progress.add_task("until Ctrl+C" if camera else "hands", total=total)

            def step(count: int) -> None:
                progress.advance(task, count)

            def stopped() -> bool:
                return signals.status is not None

            if frames is None:
                done = predict_pictures(model, options.source, out, job, step, stopped)
            else:
                done = _estimate_frames(model, frames, options, out, job, step, stopped)
    ended = camera is not None and signals.status == INTERRUPTED  # Ctrl+C is a camera's usual end
    return done, 0 if ended else signals.status or 0


def _interruption(camera: "Webcam | None") -> Interruption:
    return Interruption() if camera is None else Interruption(camera.stop)


def _inputs(options: argparse.Namespace) -> list[Path]:
    """The files and folders that the command reads: of a folder of pictures those that it finds, of a model all."""
    from handpose_core.predict.pictures import list_pictures

    given = [options.source, options.checkpoint, options.model, options.box and Path(options.box)]
    read = [path for path in given if path is not None]
    if options.model is not None and options.model.is_dir():
        read += options.model.iterdir()
    if options.source is not None and options.source.is_dir():
        read += list_pictures(options.source).found
    return read


def _frames(options: argparse.Namespace) -> "Video | Webcam | None":
    """The video or camera; None where there are pictures."""
    from handpose_core.io.video import Video, is_video
    from handpose_core.predict.webcam import Webcam
    from handpose_core.predict.window import check_window

    if options.show:
        check_window()
    if options.webcam is not None:
        return Webcam(options.webcam, options.seconds)
    return Video(options.source) if is_video(options.source) else None


def _estimate_frames(
    model: "HandModel",
    frames: "Video | Webcam",
    options: argparse.Namespace,
    out: "OutputFolder",
    job: "Job",
    step: "Step",
    stopped: "Stopped",
) -> "Done":
    """Estimate a video, or a camera until Ctrl+C, its window is closed, or time is over."""
    from handpose_core.predict.run import predict_video
    from handpose_core.predict.webcam import Webcam
    from handpose_core.predict.window import Window

    with ExitStack() as stack:
        show = None
        if options.show and isinstance(frames, Webcam):
            show = stack.enter_context(Window(frames.source, frames.stop)).show
        return predict_video(model, frames, out, job, step, options.smooth, show, stopped)

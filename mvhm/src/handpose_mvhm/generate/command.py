"""``handpose mvhm generate``: make a multi-view dataset."""

import argparse
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from handpose_core.cli.options import positive
from handpose_core.errors import HandposeError
from handpose_mvhm.generate.recipe import SIDES

if TYPE_CHECKING:
    from handpose_core.rig import HandRig
    from handpose_mvhm.generate.accept import Accepted
    from handpose_mvhm.generate.executors import Executor
    from handpose_mvhm.generate.recipe import Recipe
    from handpose_mvhm.generate.sources import PoseSet

_WRIST_RULES = ("ring_2.0", "middle_2.2", "mean_2.25")


def main(argv: Sequence[str]) -> int:
    """Run ``handpose mvhm generate``; the exit status."""
    options = _parser().parse_args(argv)
    from rich.console import Console

    from handpose_core.rig import HandRig
    from handpose_mvhm.generate.accept import accept
    from handpose_mvhm.generate.blender.interpreter import blender_python
    from handpose_mvhm.generate.recipe import TORCH
    from handpose_mvhm.generate.renderers import blenders_name

    console = Console()
    python = options.blender_python or blender_python()
    renderer = TORCH if options.renderer == TORCH else blenders_name(python)  # one that is not there is found out here
    rig = HandRig(options.rig)  # its joints are what poses are matched with, however many vertices it has
    with console.status("reading and matching poses"):
        poses = _poses(options, rig)
        accepted = accept(poses, rig)
    rejected = "".join(f"; {count}: {reason}" for reason, count in accepted.rejects.items())
    told = f"{poses.name}: {len(accepted.ids)} of {accepted.given} poses accepted{rejected}"
    console.print(told, highlight=False, markup=False)
    recipe = _recipe(options, poses, renderer)
    _generate(options.out, recipe, accepted, _executor(options), python)
    return 0


def _generate(out: Path, recipe: "Recipe", accepted: "Accepted", executor: "Executor", python: str) -> None:
    """Make it, with a bar that counts pictures, and tell what came of it."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from handpose_mvhm.generate.run import generate

    times = (TimeElapsedColumn(), TimeRemainingColumn(elapsed_when_finished=True))
    start, made = time.perf_counter(), 0
    with Progress(
        TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), *times
    ) as progress:
        bar = progress.add_task("images", total=None)
        for state in generate(out, recipe, accepted, executor, python):
            made = (state.ready - state.found) * recipe.views
            progress.update(bar, completed=state.ready * recipe.views, total=state.groups * recipe.views)
    seconds = time.perf_counter() - start
    rate = f", {made} of them now, {made / seconds:.1f} images/s" if made else ", all there already"
    print(f"{out}: {recipe.groups * recipe.views} images of {recipe.groups} hands{rate}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="handpose mvhm generate",
        description="Make pictures of posed hands from several sides at once, with exact meshes, as webdataset shards. "
        "Run it again after an interruption, and it goes on where it stopped.",
    )
    parser.add_argument("out", type=Path, help="folder of the dataset")
    parser.add_argument(
        "--poses", required=True, metavar="SOURCE",
        help="stb=PATH, rhd=PATH or mhp=PATH: the joints of a dataset; sampled: drawn within the joints' limits",
    )  # fmt: skip
    parser.add_argument("--images", type=positive, required=True, help="of all splits together; rounded up to groups")
    parser.add_argument("--views", type=positive, default=8, help="cameras around each hand (default: %(default)s)")
    parser.add_argument(
        "--frames", type=positive, default=1,
        help="of each hand's motion, before cameras that stay; with --poses sampled (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--size", type=positive, default=256, help="side of the pictures, px (default: %(default)s)")
    parser.add_argument("--rig", default="anny", help="the hand: a packaged rig or a file (default: %(default)s)")
    parser.add_argument(
        "--vertices",
        type=positive,
        metavar="N",
        help="of the hand's mesh, such as the thesis's 2561 (default: the rig's)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of everything that is drawn (default: %(default)s)")
    parser.add_argument("--backgrounds", type=Path, help="folder of pictures to go behind the hands (default: made up)")
    parser.add_argument(
        "--wrist-rule", choices=_WRIST_RULES, default=_WRIST_RULES[0],
        help="where the wrist is, in datasets that label the palm (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--leave-out", default="", metavar="NAMES",
        help="comma-separated further videos whose poses are not used, such as B6Random; those of the dataset's test "
        "split are left out anyway",
    )  # fmt: skip
    parser.add_argument(
        "--include-test-poses", action="store_true",
        help="use the poses of the dataset's test split, too: do not test on that dataset afterwards",
    )  # fmt: skip
    parser.add_argument(
        "--side", choices=SIDES, default=SIDES[0],
        help="of the hands that are drawn; both: left or right at random (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--shard", type=positive, default=64, help="hands in a shard (default: %(default)s)")
    parser.add_argument("--device", default="cpu", help="that renders: cpu or cuda (default: %(default)s)")
    parser.add_argument(
        "--renderer", choices=("torch", "blender"), default="torch",
        help="of the colours; depth, mask and labels are the same by either (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--blender-python", metavar="PYTHON",
        help="a Python that can import Blender's bpy (default: $HANDPOSE_BLENDER_PYTHON, or this one)",
    )  # fmt: skip
    parser.add_argument("--jobs", type=positive, help="processes (default: one for each core)")
    parser.add_argument(
        "--scheduler", metavar="ADDRESS",
        help="tcp://HOST:PORT of a dask scheduler whose workers shall do it; they must see OUT under the same name",
    )  # fmt: skip
    return parser


def _poses(options: argparse.Namespace, rig: "HandRig") -> "PoseSet":
    from handpose_mvhm.generate.sources import read_poses, sample_motions, sample_poses

    left_out = [name for name in options.leave_out.split(",") if name]
    if options.poses == "sampled" and (left_out or options.include_test_poses):
        raise HandposeError(
            "--leave-out" if left_out else "--include-test-poses", "given with --poses sampled",
            "a dataset's poses: --poses stb=PATH, rhd=PATH or mhp=PATH", "Leave the option out.",
        )  # fmt: skip
    if options.poses == "sampled" and options.frames > 1:
        return sample_motions(rig, -(-options.images // (options.views * options.frames)), options.frames, options.seed)
    if options.poses == "sampled":
        return sample_poses(rig, -(-options.images // options.views), options.seed)
    if options.frames > 1:
        raise HandposeError(
            "--frames", f"{options.frames} with --poses {options.poses}", "--poses sampled, or one frame",
            "A dataset's own videos have gaps where its poses cannot be shown: sample motions instead.",
        )  # fmt: skip
    return read_poses(options.poses, options.wrist_rule, left_out, options.include_test_poses)


def _recipe(options: argparse.Namespace, poses: "PoseSet", renderer: str) -> "Recipe":
    from handpose_core.synth.backgrounds import FolderBackground
    from handpose_mvhm.generate.recipe import Recipe

    if options.backgrounds is not None:
        FolderBackground(options.backgrounds)  # an empty folder is found out here, not in a process
    return Recipe(
        poses=poses.name,
        pose_digest=poses.digest,
        images=options.images,
        views=options.views,
        size=options.size,
        rig=options.rig,
        vertices=options.vertices,
        backgrounds=str(options.backgrounds.resolve()) if options.backgrounds else None,
        device=options.device,
        renderer=renderer,
        frames=options.frames,
        side=options.side,
        left_out=", ".join(poses.left_out),
        seed=options.seed,
        shard=options.shard,
    )


def _executor(options: argparse.Namespace) -> "Executor":
    from handpose_mvhm.generate.executors import Cluster, Processes

    if options.scheduler and options.jobs:
        raise HandposeError("--jobs", "a number beside --scheduler", "one of the two", "A cluster has its own workers.")
    return Cluster(options.scheduler) if options.scheduler else Processes(options.jobs or os.cpu_count() or 1)

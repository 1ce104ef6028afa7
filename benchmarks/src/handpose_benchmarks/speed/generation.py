"""Pictures a second of ``handpose mvhm generate``, end to end, and where the time goes."""

import tempfile
import time
from pathlib import Path

import torch

from handpose_benchmarks.speed.blender import BlenderMissing, cycles_rate
from handpose_benchmarks.speed.figure import Figure, Skipped
from handpose_benchmarks.speed.machine import cores
from handpose_benchmarks.speed.scene import posed_hands
from handpose_benchmarks.speed.timing import threads
from handpose_core.rig import HandRig
from handpose_mvhm.generate.accept import Accepted, accept
from handpose_mvhm.generate.executors import Processes
from handpose_mvhm.generate.plan import plan
from handpose_mvhm.generate.recipe import Recipe
from handpose_mvhm.generate.run import generate
from handpose_mvhm.generate.sources import sample_poses
from handpose_mvhm.generate.work import Task, make_shard

GROUPS = 80
SIZE = 256
TARGET = 60.0
CYCLES_FRAMES = 4


def measure(blender_python: str) -> list[Figure | Skipped]:
    """The rate by as many processes as there are cores, one process's by its own clock, and Blender's.

    The first is of wall-clock time: on a machine that has other things to do it is too low, by the load it is reported
    with. The second counts the processor's time alone.

    Args:
        blender_python: A Python that can import ``bpy``.
    """
    rig = HandRig()
    poses = sample_poses(rig, GROUPS, seed=0)
    accepted, recipe = accept(poses, rig), Recipe("sampled", poses.digest, images=GROUPS * 8, size=SIZE, shard=8)
    note = f"{SIZE}x{SIZE}, 8 views: poses matched, rendered, encoded, written"
    whole, single = _by_processes(recipe, accepted), _by_one(recipe, accepted)
    figures: list[Figure | Skipped] = [
        Figure("generation, all cores", whole, "images/s", TARGET, f"{note}; {cores()} processes, their start counted"),
        Figure("generation, one process", single, "images/s", note=f"{note}; of processor time"),
    ]
    if torch.cuda.is_available():
        on_gpu = Recipe("sampled", poses.digest, images=GROUPS * 8, size=SIZE, shard=8, device="cuda")
        figures.append(
            Figure("generation, one GPU", _by_one(on_gpu, accepted), "images/s", note=f"{note}; one process")
        )
    try:
        blender = cycles_rate(posed_hands(CYCLES_FRAMES, SIZE), blender_python, CYCLES_FRAMES)
    except BlenderMissing as error:
        return [*figures, Skipped("generation, Blender's rendering alone", str(error))]
    return [*figures, Figure("generation, Blender's rendering alone", blender, "images/s", note="Cycles, one core")]


def _by_processes(recipe: Recipe, poses: Accepted) -> float:
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        for _ in generate(Path(folder), recipe, poses, Processes(cores())):
            pass
        return recipe.groups * recipe.views / (time.perf_counter() - start)


def _by_one(recipe: Recipe, poses: Accepted) -> float:
    """Of processor time on the CPU, of wall-clock time where a GPU does the work."""
    clock = time.process_time if recipe.device == "cpu" else time.perf_counter
    with tempfile.TemporaryDirectory() as folder, threads(1):
        tasks = [Task(Path(folder), recipe, shard) for shard in plan(recipe, poses)["train"][:3]]
        make_shard(tasks[0])
        start = clock()
        made = sum(make_shard(task).groups for task in tasks[1:])
        return made * recipe.views / (clock() - start)

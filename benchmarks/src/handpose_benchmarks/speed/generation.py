"""Pictures a second of ``handpose mvhm generate``, end to end, and where the time goes."""

import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch

from handpose_benchmarks.speed.figure import Figure, Skipped
from handpose_benchmarks.speed.machine import cores
from handpose_benchmarks.speed.timing import threads
from handpose_core.errors import HandposeError
from handpose_core.rig import HandRig
from handpose_mvhm.generate.accept import Accepted, accept
from handpose_mvhm.generate.blender.painter import SAMPLES
from handpose_mvhm.generate.executors import Processes
from handpose_mvhm.generate.plan import plan
from handpose_mvhm.generate.recipe import TORCH, Recipe
from handpose_mvhm.generate.renderers import blenders_name
from handpose_mvhm.generate.run import generate
from handpose_mvhm.generate.sources import sample_poses
from handpose_mvhm.generate.work import Task, make_shard

GROUPS = 400
"""3,200 pictures, a minute: the start of the processes is counted, and weighs as little as in real sets."""
SIZE = 256
TARGET = 60.0


def measure(blender_python: str) -> Iterator[Figure | Skipped]:
    """The rate by as many processes as there are cores, one process's by its own clock, and with Blender's colours.

    The first is of wall-clock time: on a machine that has other things to do it is too low, by the load it is reported
    with. The second counts the processor's time alone.

    Args:
        blender_python: A Python that can import ``bpy``.
    """
    rig = HandRig()
    poses = sample_poses(rig, GROUPS, seed=0)
    accepted, recipe = accept(poses, rig), Recipe("sampled", poses.digest, images=GROUPS * 8, size=SIZE, shard=16)
    note = f"{SIZE}x{SIZE}, 8 views: poses matched, rendered, encoded, written"
    whole = _by_processes(recipe, accepted)
    by_all = f"{note}; {cores()} processes, their start counted"
    yield Figure("generation, all cores", whole, "images/s", TARGET, by_all)
    single = _by_one(recipe, accepted)
    yield Figure("generation, one process", single, "images/s", note=f"{note}; of processor time")
    if torch.cuda.is_available():
        on_gpu = Recipe("sampled", poses.digest, images=GROUPS * 8, size=SIZE, shard=16, device="cuda")
        yield Figure("generation, one GPU", _by_one(on_gpu, accepted), "images/s", note=f"{note}; one process")
    try:
        by_cycles = replace(recipe, renderer=blenders_name(blender_python), shard=1)
        rate = _by_one(by_cycles, accepted, blender_python)
    except HandposeError as error:
        yield Skipped("generation, by Blender's Cycles", str(error))
        return
    cycles = f"{note}; colours by {by_cycles.renderer}, {SAMPLES} samples a pixel, one core, of wall-clock time"
    yield Figure("generation, by Blender's Cycles", rate, "images/s", note=cycles)


def _by_processes(recipe: Recipe, poses: Accepted) -> float:
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        for _ in generate(Path(folder), recipe, poses, Processes(cores())):
            pass
        return recipe.groups * recipe.views / (time.perf_counter() - start)


def _by_one(recipe: Recipe, poses: Accepted, blender_python: str = sys.executable) -> float:
    """Of processor time where this process does the work, of wall-clock time where a GPU or Blender does."""
    alone = recipe.device == "cpu" and recipe.renderer == TORCH
    clock = time.process_time if alone else time.perf_counter
    with tempfile.TemporaryDirectory() as folder, threads(1):
        tasks = [Task(Path(folder), recipe, shard, blender_python) for shard in plan(recipe, poses)["train"][:3]]
        make_shard(tasks[0])
        start = clock()
        made = sum(make_shard(task).groups for task in tasks[1:])
        return made * recipe.views / (clock() - start)

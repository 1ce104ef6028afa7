"""Making one shard: what a process of this machine or of a cluster does."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import torch

from handpose_core.datasets.mvhm_layout import Split, shard_path
from handpose_core.hand import Side
from handpose_core.rig import HandRig
from handpose_core.synth.backgrounds import Background, background_of
from handpose_core.synth.draws import frame_generator
from handpose_core.synth.frame import FAR, FIRST_BONE, SyntheticFrame
from handpose_core.synth.layouts.mvhm import MVHMView, ViewGroup, write_shard
from handpose_core.synth.poses import PoseSampler
from handpose_core.synth.scene import draw_shape
from handpose_core.synth.sequence import View
from handpose_core.synth.source import SourceLook
from handpose_core.synth.world import World
from handpose_mvhm.generate.accept import match_hands
from handpose_mvhm.generate.plan import Shard
from handpose_mvhm.generate.recipe import BOTH, Recipe
from handpose_mvhm.generate.renderers import painter
from handpose_mvhm.generate.scenes import Person, draw_course, draw_person, draw_views, moved, place, place_frames
from handpose_mvhm.spin_match import SpinMatch

#: Shapes that are drawn for a person until one can show the poses; then the mean shape, which `accept` matched, does.
_SHAPES = 32


@dataclass(frozen=True)
class Task:
    """A shard to be made; all that a process needs to know.

    Attributes:
        root: the dataset's folder, which all processes see under this name.
        recipe: what its bits depend on.
        shard: which groups.
        blender_python: a Python with Blender, for recipes that ask for it; the workers have it under this name, too.
    """

    root: Path
    recipe: Recipe
    shard: Shard
    blender_python: str = sys.executable


@dataclass(frozen=True)
class Done:
    """A shard that was made."""

    split: Split
    number: int
    groups: int


@dataclass(frozen=True)
class _Studio:
    world: World
    background: Background
    sampler: PoseSampler


@cache
def _studio(recipe: Recipe, blender_python: str) -> _Studio:
    """The recipe's world, one a process, because building it costs more than a group."""
    background = background_of(recipe.backgrounds)
    look = SourceLook(background, HandRig(recipe.rig, recipe.vertices))
    paints = painter(recipe.renderer, blender_python)
    world = World(look, (recipe.size, recipe.size), recipe.device, paints)
    # penetration is judged by the same skin as in `accept`, whatever vertices are drawn
    return _Studio(world, background, PoseSampler(HandRig(recipe.rig)))


@torch.no_grad()
def make_shard(task: Task) -> Done:
    """Draw, match, render and write the groups of a shard.

    A pose is matched to the very hand that shows it, and accepted with that hand's shape.

    Args:
        task: the shard.

    Returns:
        Which shard was written.
    """
    torch.set_num_threads(1)  # processes share the cores; and a sum over threads would round otherwise
    recipe, shard = task.recipe, task.shard
    studio = _studio(recipe, task.blender_python)
    clips = [key // recipe.frames for key in shard.keys[:: recipe.frames]]
    generators = [frame_generator(recipe.seed, shard.split, clip) for clip in clips]
    side = None if recipe.side == BOTH else Side[recipe.side.upper()]
    drawn = [draw_person(studio.world.look, recipe.size, generator, side) for generator in generators]
    people, match = fit_shapes(studio.sampler, drawn, shard, recipe)
    joints = (match.joints - match.joints[:, :1]) @ match.rotation
    rotations = match.rotation.mT[:, None] @ match.rotations
    groups: list[ViewGroup] = []
    for clip, person, generator in zip(clips, people, generators, strict=True):
        first = len(groups)
        begun = draw_views(
            person, match.pose[first], joints[first], recipe.views, recipe.size, studio.background, generator
        )
        course = draw_course(frame_generator(recipe.seed, f"{shard.split} course", clip))
        for i in range(first, first + recipe.frames):
            now, cameras, scenes = moved(person, *begun, match.pose[i], course, i - first)
            frames = studio.world.make_views(scenes, [generator] * recipe.views)
            groups.append(
                ViewGroup(
                    pose=int(shard.ids[i]),
                    source=recipe.poses,
                    side=now.side,
                    joints=place(now, joints[i], joints[i]).numpy(),
                    vertices=_in_world(frames[0], cameras[0]),
                    rotations=place_frames(now, rotations[i]).numpy(),
                    shape=now.shape.numpy(),
                    views=[_view(frame, camera) for frame, camera in zip(frames, cameras, strict=True)],
                )
            )
    write_shard(shard_path(task.root, shard.split, shard.number), shard.keys, groups)
    return Done(shard.split, shard.number, len(groups))


def fit_shapes(
    sampler: PoseSampler, people: Sequence[Person], shard: Shard, recipe: Recipe
) -> tuple[list[Person], SpinMatch]:
    """Draw the shape of a person again until it can show all poses of its motion.

    Args:
        sampler: judges penetration.
        people: as drawn, one a motion.
        shard: the poses that they show.
        recipe: says how many frames a motion has, and the seed.

    Returns:
        people: with shapes that can show the poses.
        match: of the poses to these shapes.
    """
    joints, people = torch.from_numpy(shard.joints), list(people)
    clips = [key // recipe.frames for key in shard.keys[:: recipe.frames]]
    generators = [frame_generator(recipe.seed, f"{shard.split} shape", clip) for clip in clips]
    attempt = 0
    while True:
        shapes = torch.stack([person.shape for person in people]).repeat_interleave(recipe.frames, dim=0)
        matched = match_hands(sampler, joints, shapes)
        unfit = (~matched.accepted).unflatten(0, (len(people), recipe.frames)).any(1).nonzero().flatten().tolist()
        attempt += 1
        if not unfit or attempt > _SHAPES:
            return people, matched.match
        for i in unfit:
            again = draw_shape(sampler.rig, generators[i]) if attempt < _SHAPES else torch.zeros_like(people[i].shape)
            people[i] = replace(people[i], shape=again)


def _in_world(frame: SyntheticFrame, camera: View) -> np.ndarray:
    vertices: np.ndarray = (frame.vertices - camera.t.numpy()) @ camera.R.numpy()
    return vertices


def _view(frame: SyntheticFrame, camera: View) -> MVHMView:
    return MVHMView(
        colour=frame.colour,
        depth=np.where(frame.depth < FAR, frame.depth, 0),
        mask=frame.segments >= FIRST_BONE,
        K=frame.K,
        R=camera.R.numpy(),
        t=camera.t.numpy(),
        visible=frame.visible,
    )

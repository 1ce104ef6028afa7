"""Twins of datasets of single pictures that a hand fills: FreiHAND's studio pictures and CMU-PS's photographs."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from handpose_core.datasets import cmu_ps_layout, freihand_layout
from handpose_core.hand import Side
from handpose_core.synth.draws import frame_generator
from handpose_core.synth.frame import SyntheticFrame
from handpose_core.synth.generate import Annotations, Recipe, Twin
from handpose_core.synth.layouts import cmu_ps, freihand
from handpose_core.synth.scene import Scene, Size, draw_scene
from handpose_core.synth.twins.worlds import world_of

_NEARER = torch.tensor([0.3, 0.3, 1.0])
"""How much of its way off the picture's middle a hand keeps, next to `draw_scene`'s."""


class FreiHANDTwin(Twin):
    """Makes FreiHAND's splits: right hands that fill 224 px; each pose has one background, the first version."""

    def parts(self, frames: int) -> dict[str, int]:
        """``frames`` poses to train with and a tenth of that to evaluate with."""
        return {"training": frames, "evaluation": max(1, frames // 10)}

    def is_written(self, root: Path, part: str, number: int) -> bool:
        """See `handpose_core.synth.generate.Twin`."""
        return freihand.image_is_written(root, _split(part), number)

    def make(self, root: Path, part: str, numbers: Sequence[int]) -> Annotations:
        """See `handpose_core.synth.generate.Twin`."""
        size = (freihand_layout.SIZE, freihand_layout.SIZE)
        frames = _close_ups(self.recipe, size, part, numbers, 0.55, Side.RIGHT)
        for number, frame in zip(numbers, frames, strict=True):
            freihand.write_image(root, _split(part), number, frame.colour)
        return {name: np.stack([getattr(frame, name) for frame in frames]) for name in ("K", "joints_3d", "vertices")}

    def finish(self, root: Path, part: str, annotations: Annotations) -> None:
        """See `handpose_core.synth.generate.Twin`."""
        freihand.write_labels(root, _split(part), **annotations)

    def patterns(self, part: str) -> Sequence[str]:
        """See `handpose_core.synth.generate.Twin`."""
        return f"{part}/**/*", f"{part}_*.json"


class CMUPSTwin(Twin):
    """Makes CMU-PS's manual parts: photographs of one hand each, labelled in 2D where it is in the picture."""

    def parts(self, frames: int) -> dict[str, int]:
        """``frames`` photographs to train with and a tenth of that to test with."""
        return {"manual_train": frames, "manual_test": max(1, frames // 10)}

    def is_written(self, root: Path, part: str, number: int) -> bool:
        """See `handpose_core.synth.generate.Twin`."""
        return any(cmu_ps.hand_is_written(root, _manual(part), _hand_name(number, side)) for side in Side)

    def make(self, root: Path, part: str, numbers: Sequence[int]) -> Annotations:
        """See `handpose_core.synth.generate.Twin`."""
        frames = _close_ups(self.recipe, (480, 640), part, numbers, 0.8, None)
        for number, frame in zip(numbers, frames, strict=True):
            inside = np.all((frame.joints_2d >= 0) & (frame.joints_2d < np.array([640, 480])), axis=1)
            name = _hand_name(number, frame.side)
            cmu_ps.write_hand(root, _manual(part), name, frame.colour, frame.joints_2d, inside, frame.side)
        return {"frame": np.array(numbers)}

    def finish(self, root: Path, part: str, annotations: Annotations) -> None:
        """Nothing is left to write: every photograph has its own JSON."""

    def patterns(self, part: str) -> Sequence[str]:
        """See `handpose_core.synth.generate.Twin`."""
        return (f"{part}/*",)


def _close_ups(
    recipe: Recipe, size: Size, part: str, numbers: Sequence[int], distance: float, side: Side | None
) -> list[SyntheticFrame]:
    """Frames as `draw_scene` draws them, nearer by a factor; of one side, or as drawn."""
    world = world_of(recipe, size)
    generators = [frame_generator(recipe.seed, part, number) for number in numbers]
    drawn = [draw_scene(world.look, world.poses, size, generator) for generator in generators]
    return world.make([_closer(scene, distance, side) for scene in drawn], generators)


def _closer(scene: Scene, distance: float, side: Side | None) -> Scene:
    return replace(scene, centre=scene.centre * _NEARER * distance, side=scene.side if side is None else side)


def _hand_name(number: int, side: Side) -> str:
    return f"{number:09d}_01_{'l' if side == Side.LEFT else 'r'}"


def _split(part: str) -> freihand_layout.Split:
    return next(split for split in freihand_layout.SPLITS if split == part)


def _manual(part: str) -> cmu_ps_layout.Part:
    return next(name for name in cmu_ps_layout.PARTS if name == part)

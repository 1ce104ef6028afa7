"""Simulated hands in bulk (thesis, section 2.3.2): hands of the source world on nothing, with exact labels.

On disk they are a folder of pictures with labels, as `handpose_core.datasets.folder.Folder` reads them: taken as they
are they are the "AR hand w/ CBG" (clear background) of Tables 2.1 and 2.2. The PNGs' fourth channel is the coverage.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Generator, Tensor

from handpose_core.camera import back_project
from handpose_core.datasets.folder import LABELS_FILE
from handpose_core.io.atomic import write_bytes
from handpose_core.synth.draws import frame_generator, uniform
from handpose_core.synth.frame import FIRST_BONE, SyntheticFrame
from handpose_core.synth.generate import Annotations, Recipe, Twin
from handpose_core.synth.scene import Scene, draw_scene
from handpose_core.synth.sensor import Sensor
from handpose_core.synth.source import SourceLook
from handpose_core.synth.world import World
from handpose_tagan.superposition.hands import SimulatedHand

NAME = "tagan"
"""What the manifest of a folder of simulated hands says they are like."""
PART = "hands"
SIZE = 320
"""Side of the pictures, px."""
CLEAR = 0.5
"""The grey behind the hands."""
_SHARE = (0.5, 0.68)
"""Of the picture's side that an open hand takes: as much again must fit around it when it is turned in its place."""
_HAND = 190.0
"""mm, an open hand's length."""
_ARM = 420.0
"""mm, an arm that ends outside the picture."""


class ClearBackground:
    """One grey."""

    def draw(self, size: int, generator: Generator) -> Float[Tensor, "3 size size"]:
        """See `handpose_core.synth.backgrounds.Background`."""
        return torch.full((3, size, size), CLEAR)


_CLEAN = Sensor(gain=torch.ones(3), blur=0.0, shot_noise=0.0, read_noise=0.0)


class SimulatedHands(Twin):
    """Makes simulated hands; the rest is `handpose_core.synth.generate.generate`'s."""

    def parts(self, frames: int) -> dict[str, int]:
        """One part."""
        return {PART: frames}

    def is_written(self, root: Path, part: str, number: int) -> bool:
        """See `handpose_core.synth.generate.Twin`."""
        return colour_path(root / part, number).is_file() and mask_path(root / part, number).is_file()

    def make(self, root: Path, part: str, numbers: Sequence[int]) -> Annotations:
        """See `handpose_core.synth.generate.Twin`."""
        hands = simulate(self.recipe.seed, numbers)
        for number, hand in zip(numbers, hands, strict=True):
            _write_png(colour_path(root / part, number), cv2.cvtColor(hand.rgba, cv2.COLOR_RGBA2BGRA))
            _write_png(mask_path(root / part, number), hand.mask.astype(np.uint8) * 255)
        names = ("joints_2d", "joints_3d", "visible", "K", "side")
        return {name: np.stack([np.asarray(getattr(hand, name)) for hand in hands]) for name in names}

    def finish(self, root: Path, part: str, annotations: Annotations) -> None:
        """See `handpose_core.synth.generate.Twin`."""
        content = BytesIO()
        arrays: dict[str, Any] = dict(annotations)
        np.savez(content, **arrays)
        write_bytes(root / part / LABELS_FILE, content.getvalue())

    def patterns(self, part: str) -> Sequence[str]:
        """See `handpose_core.synth.generate.Twin`."""
        return (f"{part}/**/*",)


def twin(seed: int) -> SimulatedHands:
    """What makes the simulated hands of a seed."""
    return SimulatedHands(Recipe(like=NAME, world="source", seed=seed))


def simulate(seed: int, numbers: Sequence[int]) -> list[SimulatedHand]:
    """The hands of these numbers; each depends on the seed and its number alone."""
    world = _world()
    generators = [frame_generator(seed, NAME, number) for number in numbers]
    scenes = [_alone(draw_scene(world.look, world.poses, world.size, g), g) for g in generators]
    return [_cut_out(frame) for frame in world.make(scenes, generators)]


def colour_path(folder: Path, number: int) -> Path:
    """The colours and coverage of a hand."""
    return folder / "images" / f"{number:08d}.png"


def mask_path(folder: Path, number: int) -> Path:
    """The hand without its arm, 255."""
    return folder / "masks" / f"{number:08d}.png"


@cache
def _world() -> World:
    """Kept, because building it costs more than a chunk of frames."""
    return World(SourceLook(ClearBackground()), (SIZE, SIZE))


def _alone(scene: Scene, generator: Generator) -> Scene:
    """The scene's hand in the middle of the picture and as large as is wanted there, its arm running out of it.

    The camera is zoomed, not brought nearer, so that the perspective stays that of a hand before a webcam.
    """
    distance = scene.centre[2:]
    K = scene.K.clone()
    K[0, 0] = K[1, 1] = float(uniform(generator, *_SHARE, 1) * SIZE * distance / _HAND)
    aim = (SIZE - 1) / 2 + uniform(generator, -0.05, 0.05, 1, 2) * SIZE
    arm = scene.forearm
    bare = arm.sleeve_start > arm.length
    sleeve_start = torch.where(bare, torch.full_like(arm.length, _ARM + 1), arm.sleeve_start)
    return replace(
        scene,
        K=K,
        centre=back_project(aim, distance, K)[0],
        forearm=replace(arm, length=torch.full_like(arm.length, _ARM), sleeve_start=sleeve_start),
        appearance=replace(scene.appearance, camera=_CLEAN),
    )


def _cut_out(frame: SyntheticFrame) -> SimulatedHand:
    """Take the hand off its grey: where it covers a part of a pixel, its own colour is what is left of the pixel's."""
    covered = frame.coverage[..., None].astype(np.float32)
    grey = np.float32(np.floor(CLEAR * 255 + 0.5))
    own = (frame.colour - (1 - covered) * grey) / np.maximum(covered, 1e-3)
    colour = np.where(covered > 0, np.clip(own, 0, 255), grey)
    rgba = np.rint(np.concatenate([colour, covered * 255], axis=-1)).astype(np.uint8)
    return SimulatedHand(
        rgba=rgba,
        mask=frame.segments >= FIRST_BONE,
        joints_2d=frame.joints_2d,
        joints_3d=frame.joints_3d,
        visible=frame.visible,
        K=frame.K,
        side=frame.side,
    )


def _write_png(path: Path, pixels: UInt8[ndarray, "h w *channels"]) -> None:
    write_bytes(path, cv2.imencode(".png", pixels)[1].tobytes())

"""One hand moving before several cameras: who it is, how it moves, and the scene each camera has of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from handpose_core.hand import Side
from handpose_core.synth.forearm import Forearm
from handpose_core.synth.frame import SyntheticFrame
from handpose_core.synth.motion import Motion, draw_motion
from handpose_core.synth.scene import Appearance, Scene, draw_forearm, draw_shape
from handpose_core.synth.world import World

_ARM_LENGTH = 380.0
"""mm; in a film the arm reaches out of the picture."""


@dataclass(frozen=True)
class View:
    """A camera in the world: ``X_camera = R X + t``.

    Attributes:
        K: px.
        R: world to camera.
        t: mm.
    """

    K: Float[Tensor, "3 3"]
    R: Float[Tensor, "3 3"]
    t: Float[Tensor, "3"]


@dataclass(frozen=True)
class HandSequence:
    """One person's hand over consecutive frames, in the world's frame."""

    side: Side
    shape: Float[Tensor, "s"]
    forearm: Forearm
    appearance: Appearance
    motion: Motion

    def scene(self, frame: int, view: View) -> Scene:
        """The hand of one frame as a camera sees it; the light stays where it is."""
        return Scene(
            side=self.side,
            shape=self.shape,
            angles=self.motion.angles[frame],
            rotation=view.R @ self.motion.rotations[frame],
            centre=view.R @ self.motion.centres[frame] + view.t,
            K=view.K,
            forearm=self.forearm,
            appearance=self.appearance,
            to_light=view.R.T,
        )


def draw_sequence(
    world: World,
    side: Side,
    frames: int,
    centre: Float[Tensor, "3"],
    reach: Float[Tensor, "3"],
    sway: float,
    generator: Generator,
) -> HandSequence:
    """Draw a person and a motion; ``centre``, ``reach`` and ``sway`` as `draw_motion` takes them."""
    forearm, shape = draw_forearm(generator), draw_shape(world.rig, generator)
    return HandSequence(
        side=side,
        shape=shape,
        forearm=replace(forearm, length=torch.full_like(forearm.length, _ARM_LENGTH)),
        appearance=world.look.draw_appearance(max(world.size), generator),
        motion=draw_motion(world.poses, frames, centre, reach, sway, generator, shape),
    )


def film(
    world: World, sequence: HandSequence, numbers: Sequence[int], view: View, generators: Sequence[Generator]
) -> list[SyntheticFrame]:
    """The frames that a camera takes of a sequence; the generators draw its noise."""
    return world.make([sequence.scene(number, view) for number in numbers], generators)

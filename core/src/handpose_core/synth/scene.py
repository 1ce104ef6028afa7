"""What a frame of the source world shows: every choice drawn from the frame's own generator."""

from dataclasses import dataclass, fields

import torch
from jaxtyping import Float
from torch import Generator, Tensor
from torch.nn import functional

from handpose_core.camera import back_project
from handpose_core.hand import FINGER_JOINTS, Side
from handpose_core.render import Lights
from handpose_core.rig import HandRig
from handpose_core.synth.draws import random_rotation, uniform
from handpose_core.synth.forearm import Forearm
from handpose_core.synth.poses import PoseSampler

HAND_LENGTH = (160.0, 210.0)
"""mm, wrist to middle tip along the bones: adults."""


@dataclass(frozen=True)
class Scene:
    """One hand before one camera; all scalars and small tensors, a batch axis comes by `stack`."""

    side: Side
    shape: Float[Tensor, "s"]
    angles: Float[Tensor, "15 3"]
    rotation: Float[Tensor, "3 3"]
    centre: Float[Tensor, "3"]
    K: Float[Tensor, "3 3"]
    forearm: Forearm
    lights: Lights


def draw_scene(rig: HandRig, poses: PoseSampler, size: int, generator: Generator) -> Scene:
    """Draw a scene whose hand is before the camera and mostly in the picture.

    Args:
        rig: the hand model.
        poses: where poses come from; `PoseSampler.separate` is still to be applied, to a batch at a time.
        size: side of the square picture, px.
        generator: the frame's own.
    """
    K = torch.eye(3)
    K[0, 0] = K[1, 1] = float(uniform(generator, 0.82, 0.98, 1)) * size
    K[:2, 2] = (size - 1) / 2
    distance = 290 * (720 / 290) ** torch.rand(1, generator=generator)
    aim = (size - 1) / 2 + uniform(generator, -0.22, 0.22, 1, 2) * size
    return Scene(
        side=Side(int(torch.randint(2, (1,), generator=generator))),
        shape=draw_shape(rig, generator),
        angles=poses.draw(1, generator)[0],
        rotation=draw_viewpoint(generator),
        centre=back_project(aim, distance, K)[0],
        K=K,
        forearm=_draw_forearm(generator),
        lights=_draw_lights(generator),
    )


def draw_viewpoint(generator: Generator) -> Float[Tensor, "3 3"]:
    """An orientation of the hand before the camera, even over all but those that look along the forearm.

    There the arm would come out of the camera itself: fingers within 48 degrees of pointing straight away.
    """
    while True:
        rotation = random_rotation(generator)
        if rotation[2, 1] < 0.67:
            return rotation


def draw_shape(rig: HandRig, generator: Generator) -> Float[Tensor, "s"]:
    """Shape components of an adult: normal draws within two deviations, redrawn until the length is an adult's."""
    while True:
        shape = torch.randn(rig.n_shapes, generator=generator).clamp(-2, 2)
        joints = rig.rest(shape[None])[1][0, [0, *FINGER_JOINTS["middle"]]]
        length = torch.linalg.vector_norm(joints.diff(dim=0), dim=-1).sum()
        if HAND_LENGTH[0] <= length <= HAND_LENGTH[1]:
            return shape


def _draw_forearm(generator: Generator) -> Forearm:
    length = uniform(generator, 80, 320, 1)
    sleeved = torch.rand(1, generator=generator) < 0.55
    return Forearm(
        length=length,
        flexion=(0.45 * torch.randn(1, generator=generator)).clamp(-1.0, 1.0),
        deviation=(0.2 * torch.randn(1, generator=generator)).clamp(-0.4, 0.4),
        sleeve_start=torch.where(sleeved, uniform(generator, 8, 110, 1), length + 1),
        sleeve_width=uniform(generator, 1.12, 1.5, 1),
    )


def _draw_lights(generator: Generator) -> Lights:
    """A key light from before the hand, up to two others, and the sky; cool to warm, soft to harsh."""
    toward = torch.randn(1, 3, 3, generator=generator) * torch.tensor([1.0, 0.8, 0.5]) + torch.tensor([0, -0.5, -0.9])
    warmth = uniform(generator, -0.12, 0.12, 1, 3, 1)
    tint = torch.cat([1 + warmth, torch.ones(1, 3, 1), 1 - warmth], dim=-1)
    power = torch.cat([uniform(generator, 0.5, 1.6, 1, 1), uniform(generator, 0, 0.6, 1, 2)], dim=1)
    on = torch.tensor([1.0, 1.0, 1.0]) * (torch.rand(1, 3, generator=generator) < torch.tensor([1.0, 0.6, 0.3]))
    ambient = uniform(generator, 0.12, 0.55, 1, 1)
    cast = 1 + 0.06 * torch.randn(1, 3, generator=generator)
    return Lights(
        directions=functional.normalize(toward, dim=-1),
        colours=tint * (power * on)[..., None],
        sky=(ambient * cast).clamp_min(0.02),
        ground=(ambient * uniform(generator, 0.3, 0.8, 1, 1) * (2 - cast)).clamp_min(0.02),
        wrap=uniform(generator, 0.1, 0.35, 1),
        shadow_softness=uniform(generator, 1.5, 9, 1),
    )


def stack_lights(scenes: list[Scene], device: torch.device) -> Lights:
    """The lights of several scenes as one batch."""
    parts = ([getattr(scene.lights, field.name) for scene in scenes] for field in fields(Lights))
    return Lights(*(torch.cat(part).to(device) for part in parts))


def stack_forearms(scenes: list[Scene]) -> Forearm:
    """The forearms of several scenes as one batch."""
    return Forearm(*(torch.cat([getattr(scene.forearm, field.name) for scene in scenes]) for field in fields(Forearm)))

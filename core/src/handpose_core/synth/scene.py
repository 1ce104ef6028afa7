"""What a frame shows: a hand before a camera, and how it looks there. Every choice comes from the frame's generator."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol, TypeVar, runtime_checkable

import torch
from jaxtyping import Float, UInt8
from torch import Generator, Tensor

from handpose_core.camera import back_project
from handpose_core.hand import ADULT_HAND_LENGTH, FINGER_JOINTS, Side
from handpose_core.render import Illumination
from handpose_core.rig import HandRig
from handpose_core.synth.draws import random_rotation, uniform
from handpose_core.synth.forearm import Forearm
from handpose_core.synth.poses import PoseSampler

Size = tuple[int, int]
"""Height and width of a picture, px."""

_Batch = TypeVar("_Batch")


@runtime_checkable
class Camera(Protocol):
    """What a camera makes of light and distance."""

    @staticmethod
    def take(
        cameras: Sequence[Any], pictures: Float[Tensor, "batch 3 h w"], noise: Float[Tensor, "batch 3 h w"]
    ) -> UInt8[Tensor, "batch 3 h w"]:
        """Take a picture with each of some cameras of this kind.

        Args:
            cameras: One a picture.
            pictures: sRGB in 0..1.
            noise: Standard normal.

        Returns:
            The pictures in 8 bits, on the same device.
        """
        ...

    def measure(self, depth: Float[Tensor, "h w"], generator: Generator) -> Float[Tensor, "h w"]:
        """The depth map (mm, 0 = no value) of a true one."""
        ...


@dataclass(frozen=True)
class Appearance:
    """How one person looks in one place: everything in a picture but pose and viewpoint.

    Attributes:
        skin: linear RGB of the rig's vertices.
        gloss: strength of their highlights.
        shininess: exponent of their highlights.
        cloth: linear RGB of a sleeve's vertices, ring by ring.
        light: for a batch of one.
        background: sRGB in 0..1, square; a picture shows its top left part.
        camera: what takes the picture.
    """

    skin: Float[Tensor, "v 3"]
    gloss: Float[Tensor, "v"]
    shininess: Float[Tensor, "v"]
    cloth: Float[Tensor, "cloth 3"]
    light: Illumination
    background: Float[Tensor, "3 side side"]
    camera: Camera


@runtime_checkable
class Look(Protocol):
    """What sets a world apart: its rig, and how people, places and cameras look there."""

    rig: HandRig

    def draw_intrinsics(self, size: Size, generator: Generator) -> Float[Tensor, "3 3"]:
        """K (px) of a camera for pictures of this size."""
        ...

    def draw_appearance(self, side: int, generator: Generator) -> Appearance:
        """One person in one place before one camera, whose pictures' longer side is ``side`` px."""
        ...


@dataclass(frozen=True)
class Scene:
    """One hand before one camera; tensors have no batch axis, but for what `Forearm` and lights hold.

    Attributes:
        side: which hand.
        shape: components of the rig.
        angles: of its joints, radians (`handpose_core.rig.JOINT_LIMITS`); None where the pose is given.
        rotation: of the hand's frame to the camera's.
        centre: mean of the 21 joints, mm, camera frame.
        K: px.
        forearm: what the hand grows from.
        appearance: everything else.
        to_light: rotation from the camera's frame to the one the light is given in.
        pose: turn of each finger joint, as `HandRig` takes it, instead of angles; taken as it is.
    """

    side: Side
    shape: Float[Tensor, "s"]
    angles: Float[Tensor, "15 3"] | None
    rotation: Float[Tensor, "3 3"]
    centre: Float[Tensor, "3"]
    K: Float[Tensor, "3 3"]
    forearm: Forearm
    appearance: Appearance
    to_light: Float[Tensor, "3 3"]
    pose: Float[Tensor, "15 3 3"] | None = None


def draw_scene(look: Look, poses: PoseSampler, size: Size, generator: Generator) -> Scene:
    """Draw a scene whose hand is before the camera and mostly in the picture.

    Args:
        look: the world.
        poses: where poses come from; `PoseSampler.separate` is still to be applied, to a batch at a time.
        size: of the picture.
        generator: the frame's own.
    """
    K = look.draw_intrinsics(size, generator)
    # what counts is the hand's size in the picture: as far as RHD's hands at RHD's focal length of 0.9 sizes
    distance = 290 * (720 / 290) ** torch.rand(1, generator=generator) * K[0, 0] / (0.9 * min(size))
    height, width = size
    aim = torch.tensor([width - 1, height - 1]) / 2 + uniform(generator, -0.22, 0.22, 1, 2) * min(size)
    return Scene(
        side=Side(int(torch.randint(2, (1,), generator=generator))),
        shape=draw_shape(look.rig, generator),
        angles=poses.draw(1, generator)[0],
        rotation=draw_viewpoint(generator),
        centre=back_project(aim, distance, K)[0],
        K=K,
        forearm=draw_forearm(generator),
        appearance=look.draw_appearance(max(size), generator),
        to_light=torch.eye(3),
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
        if ADULT_HAND_LENGTH[0] <= length <= ADULT_HAND_LENGTH[1]:
            return shape


def draw_forearm(generator: Generator) -> Forearm:
    """A forearm of some length, bent at the wrist, in a sleeve more often than not."""
    length = uniform(generator, 80, 320, 1)
    sleeved = torch.rand(1, generator=generator) < 0.55
    return Forearm(
        length=length,
        flexion=(0.45 * torch.randn(1, generator=generator)).clamp(-1.0, 1.0),
        deviation=(0.2 * torch.randn(1, generator=generator)).clamp(-0.4, 0.4),
        sleeve_start=torch.where(sleeved, uniform(generator, 8, 110, 1), length + 1),
        sleeve_width=uniform(generator, 1.12, 1.5, 1),
    )


def stack(parts: Sequence[_Batch]) -> _Batch:
    """Join dataclasses whose fields are tensors with a batch axis, into one of the same kind."""
    kind = type(parts[0])
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    return kind(**{name: torch.cat([getattr(part, name) for part in parts]) for name in names})


def first(batch: _Batch, count: int) -> _Batch:
    """Return the first of a dataclass whose fields are tensors with a batch axis, as one of the same kind."""
    names = [field.name for field in fields(batch)]  # type: ignore[arg-type]
    return type(batch)(**{name: getattr(batch, name)[:count] for name in names})

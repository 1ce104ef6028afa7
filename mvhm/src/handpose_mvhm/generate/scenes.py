"""What a view group shows: one person's hand, held somehow, before cameras that each see another place behind it.

Groups of a motion show the same hand before the same cameras, while it turns and drifts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from scipy.spatial.transform import Rotation
from torch import Generator, Tensor

from handpose_core.hand import Side
from handpose_core.rig import mirror
from handpose_core.rig.skinning import rotation_about
from handpose_core.synth.backgrounds import Background
from handpose_core.synth.draws import uniform
from handpose_core.synth.forearm import Forearm
from handpose_core.synth.scene import Appearance, Look, Scene, draw_forearm, draw_shape
from handpose_core.synth.sensor import draw_sensor
from handpose_core.synth.sequence import View
from handpose_mvhm.generate.cameras import draw_cameras
from handpose_mvhm.matching.palm import PALM

_FOREARM = (80.0, 200.0)
"""mm; longer ones would come out of the cameras that they point to."""
_TILT = 60.0
_POINTING_DOWN = 0.3
_TURN, _DRIFT = 0.03, 3.0
"""rad and mm by which a moving hand turns and drifts from frame to frame, standard deviations on each axis."""


@dataclass(frozen=True)
class Person:
    """Whose hand a group shows, and how it is held; drawn before the pose is known.

    Attributes:
        side: which hand.
        shape: of the rig.
        forearm: what it grows from.
        appearance: of skin, sleeve and light, and of the first camera.
        rotation: of the hand's frame to the world's, which has y down.
    """

    side: Side
    shape: Float[Tensor, "s"]
    forearm: Forearm
    appearance: Appearance
    rotation: Float[Tensor, "3 3"]


@dataclass(frozen=True)
class Course:
    """How a hand goes on as a whole: evenly, as motions are short.

    Attributes:
        turn: from frame to frame, rotation vector in the world, rad.
        drift: from frame to frame, mm in the world.
    """

    turn: Float[Tensor, "3"]
    drift: Float[Tensor, "3"]


def draw_course(generator: Generator) -> Course:
    """Draw one."""
    return Course(_TURN * torch.randn(3, generator=generator), _DRIFT * torch.randn(3, generator=generator))


def draw_person(look: Look, size: int, generator: Generator, side: Side | None = None) -> Person:
    """Draw one adult.

    Args:
        look: the world.
        size: of the pictures, px.
        generator: the group's own; it is used alike for any ``side``, so that all else stays the same.
        side: of the hand; left or right at random without.

    Returns:
        A person, whose shape may not suit the pose.
    """
    either = Side(int(torch.randint(2, (1,), generator=generator)))
    return Person(
        side=either if side is None else side,
        shape=draw_shape(look.rig, generator),
        forearm=replace(draw_forearm(generator), length=uniform(generator, *_FOREARM, 1)),
        appearance=look.draw_appearance(size, generator),
        rotation=_draw_rotation(generator),
    )


def _draw_rotation(generator: Generator) -> Float[Tensor, "3 3"]:
    """Fingers within some degrees of the vertical, mostly up, so that no camera looks straight along the forearm."""
    tilt = torch.arccos(uniform(generator, float(torch.tensor(_TILT).deg2rad().cos()), 1, 1))
    yaw, roll = uniform(generator, 0, 2 * torch.pi, 2, 1)
    down = torch.rand(1, generator=generator) < _POINTING_DOWN
    upright = rotation_about(0, torch.where(down, 0.0, torch.pi))
    return (rotation_about(1, yaw) @ rotation_about(0, tilt) @ upright @ rotation_about(1, roll))[0]


def place(person: Person, points: Float[Tensor, "n 3"], joints: Float[Tensor, "21 3"]) -> Float[Tensor, "n 3"]:
    """Points of a right hand at the wrist's origin, in the world, where the middle of the joints is the origin."""
    centred = points - joints.mean(0)
    return (mirror(centred) if person.side == Side.LEFT else centred) @ person.rotation.T


def place_frames(person: Person, frames: Float[Tensor, "n 3 3"]) -> Float[Tensor, "n 3 3"]:
    """Orientations of a right hand's bones in the world; a left hand's are the mirror images, x negated."""
    if person.side == Side.LEFT:
        flip = torch.diag(torch.tensor([-1.0, 1.0, 1.0]))
        frames = flip @ frames @ flip
    return person.rotation @ frames


def draw_views(
    person: Person,
    pose: Float[Tensor, "15 3 3"],
    joints: Float[Tensor, "21 3"],
    views: int,
    size: int,
    background: Background,
    generator: Generator,
) -> tuple[list[View], list[Scene]]:
    """The cameras around a hand, and what each sees; the light stays where it is.

    Args:
        person: whose hand.
        pose: of the fingers.
        joints: of the right hand in that pose, at the wrist's origin.
        views: how many cameras.
        size: side of their pictures, px.
        background: where the places behind the hand come from.
        generator: the group's own.
    """
    palm = place(person, joints[list(PALM)], joints).mean(0)
    cameras = draw_cameras(views, palm, size, generator)
    scenes = []
    for camera in cameras:
        behind, sensor = background.draw(size, generator), draw_sensor(generator)
        scenes.append(
            Scene(
                side=person.side,
                shape=person.shape,
                angles=None,
                rotation=camera.R @ person.rotation,
                centre=camera.t,
                K=camera.K,
                forearm=person.forearm,
                appearance=replace(person.appearance, background=behind, camera=sensor),
                to_light=camera.R.T,
                pose=pose,
            )
        )
    return cameras, scenes


def moved(
    person: Person,
    cameras: Sequence[View],
    scenes: Sequence[Scene],
    pose: Float[Tensor, "15 3 3"],
    course: Course,
    frame: int,
) -> tuple[Person, list[View], list[Scene]]:
    """What a hand, its cameras and their scenes have become some frames later.

    The world's origin goes with the hand's joints, so that its drift is the cameras' the other way.

    Args:
        person: whose hand.
        cameras: as they stood at first.
        scenes: what they saw then.
        pose: of the fingers now.
        course: of the hand.
        frame: how many later.
    """
    turn = torch.as_tensor(Rotation.from_rotvec(frame * course.turn.numpy()).as_matrix(), dtype=torch.float32)
    turned = replace(person, rotation=turn @ person.rotation)
    after = [replace(camera, t=camera.t + camera.R @ (frame * course.drift)) for camera in cameras]
    return (
        turned,
        after,
        [
            replace(scene, rotation=camera.R @ turned.rotation, centre=camera.t, pose=pose)
            for scene, camera in zip(scenes, after, strict=True)
        ],
    )

"""How a person holds themselves: turns of the bones of `handpose_core.synth.people.body`."""

import torch
from jaxtyping import Float
from torch import Generator, Tensor
from torch.nn import functional

from handpose_core.synth.draws import uniform
from handpose_core.synth.people.body import POSED, SIDES, Shape


def draw_turns(shape: Shape, generator: Generator) -> dict[str, Float[Tensor, "3 3"]]:
    """How each bone is turned from rest: heads and trunks a little, arms anywhere they reach, legs at times."""
    turns: dict[str, Float[Tensor, "3 3"]] = {}
    for bone, yaw, pitch, roll in (("spine03", 0.2, 0.12, 0.1), ("neck01", 0.25, 0.12, 0.1), ("head", 0.3, 0.15, 0.1)):
        draw = torch.randn(3, generator=generator) * torch.tensor([yaw, pitch, roll])
        turns[bone] = turn(1, draw[:1]) @ turn(0, draw[1]) @ turn(2, draw[2])
    open_mouth = uniform(generator, -0.25, 0.2, 1).clamp_min(0)
    turns["jaw"] = turn(0, open_mouth)
    gaze = turn(1, 0.2 * torch.randn(1, generator=generator)) @ turn(0, 0.1 * torch.randn(1, generator=generator))
    seated = torch.rand(1, generator=generator) < 0.4
    for side, out in zip(SIDES, (1.0, -1.0), strict=True):
        turns[f"eye.{side}"] = gaze
        turns |= _draw_arm(shape, side, out, generator)
        bend = uniform(generator, 0, 1.6, 1) * seated
        turns[f"upperleg01.{side}"] = turn(2, -out * uniform(generator, 0, 0.4, 1)) @ turn(0, bend)
        turns[f"lowerleg01.{side}"] = turn(0, -uniform(generator, 0, 2.0, 1) * seated)
    return turns


def _draw_arm(shape: Shape, side: str, out: float, generator: Generator) -> dict[str, Float[Tensor, "3 3"]]:
    """An upper arm hanging or raised anywhere, an elbow straight to folded; the shoulder follows a part of the way."""
    shoulder, elbow, wrist = (
        shape.heads[POSED.index(f"{bone}.{side}")] for bone in ("upperarm01", "lowerarm01", "wrist")
    )
    upper, fore = functional.normalize(elbow - shoulder, dim=0), functional.normalize(wrist - elbow, dim=0)
    hanging = torch.rand(1, generator=generator) < 0.45
    down = torch.tensor([out * 0.2, 1.0, 0.0]) + 0.15 * torch.randn(3, generator=generator)
    raised = torch.tensor([out, 1.0, -1.0]) * uniform(generator, -0.3, 1, 3).mul(torch.tensor([1.0, 0.0, 1.0]))
    raised = raised + torch.tensor([0.0, 1.0, 0.0]) * uniform(generator, -1, 1, 1)
    target = functional.normalize(torch.where(hanging, down, raised), dim=0)
    axis = functional.normalize(torch.linalg.cross(upper, target), dim=0)
    angle = (upper @ target).clamp(-1, 1).acos()
    follow = _rotation(axis, 0.25 * angle)
    own = _rotation(axis, 0.75 * angle) @ _rotation(upper, uniform(generator, -1, 1, 1))
    hinge = functional.normalize(torch.linalg.cross(upper, fore), dim=0)
    rest = (upper @ fore).clamp(-1, 1).acos()
    return {
        f"clavicle.{side}": follow,
        f"upperarm01.{side}": own,
        f"lowerarm01.{side}": _rotation(hinge, uniform(generator, 0.05, 2.3, 1) - rest),
        f"lowerarm02.{side}": _rotation(fore, uniform(generator, -0.8, 0.8, 1)),
    }


def turn(axis: int, angle: Float[Tensor, "*one"]) -> Float[Tensor, "3 3"]:
    """A rotation by radians about x, y or z."""
    return _rotation(torch.eye(3)[axis], angle)


def _rotation(axis: Float[Tensor, "3"], angle: Float[Tensor, "*one"]) -> Float[Tensor, "3 3"]:
    """A rotation by radians about a unit axis (Rodrigues)."""
    x, y, z = axis.tolist()
    cross = torch.tensor([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return torch.eye(3) + angle.sin() * cross + (1 - angle.cos()) * (cross @ cross)

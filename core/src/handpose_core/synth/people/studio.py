"""Pictures of people without hands: what a detector of hands must learn to leave alone."""

from dataclasses import replace
from functools import cache

import torch
from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Generator, Tensor

from handpose_core.camera import back_project, project
from handpose_core.render import Grain, Lights, Surface, render
from handpose_core.synth.backgrounds import Background, background_of
from handpose_core.synth.draws import random_rotation, uniform
from handpose_core.synth.people.body import POSED, SIDES, Body, Shape
from handpose_core.synth.people.person import People, Person
from handpose_core.synth.people.posture import draw_turns, turn
from handpose_core.synth.sensor import draw_sensor, to_srgb
from handpose_core.synth.skin import pore_coordinates, pores
from handpose_core.synth.source import draw_lights
from handpose_core.synth.unlabelled import UnlabelledRecipe, UnlabelledTwin

VIEWS = {"face": 0.45, "arm": 0.25, "upper body": 0.2, "other": 0.1}
"""What a picture is of, and the share of the pictures that are."""
_TRIES = 10
_NEAREST = 90.0
"""mm from the camera to the nearest vertex: nearer, it would be in the body."""
_MARGIN = 0.6
"""How far beyond its edges, in sizes of the picture, the body still casts shadows into it."""


class PeopleTwin(UnlabelledTwin):
    """Makes one folder of numbered pictures of people."""

    def picture(self, generator: Generator) -> UInt8[ndarray, "size size 3"]:
        """See `UnlabelledTwin`."""
        return _studio(self.recipe).picture(generator)


class Studio:
    """Takes pictures of random people, in the source world's light, places and camera.

    Args:
        size: height and width of the pictures, px.
        background: where backgrounds come from.
    """

    def __init__(self, size: int, background: Background) -> None:
        self.size, self._background = size, background
        self.body = Body()
        self._people = People(self.body)
        self._tile = pores()
        self._grain = pore_coordinates(self.body.template)
        self._below_neck = ((self.body.template[:, 1] > -560) & ~self.body.hair).nonzero().squeeze(1)
        self._face = self.body.masks["face"] * (self.body.template[:, 1] > -770)

    @torch.no_grad()
    def picture(self, generator: Generator, view: str | None = None) -> UInt8[ndarray, "size size 3"]:
        """One picture, RGB, of a person drawn with it.

        Args:
            generator: the picture's own.
            view: one of `VIEWS`; drawn without.
        """
        drawn = int(torch.multinomial(torch.tensor(list(VIEWS.values())), 1, generator=generator))
        view = list(VIEWS)[drawn] if view is None else view
        person = self._people.draw(generator)
        vertices, K = self._draw_camera(view, person.shape, generator)
        light = draw_lights(generator)
        background = self._background.draw(self.size, generator)
        camera = draw_sensor(generator)
        colour, coverage = self._render(person, vertices, K, light)
        front = to_srgb(colour / coverage.clamp_min(1e-6))
        noise = torch.randn(1, *front.shape, generator=generator)
        taken = camera.take([camera], torch.lerp(background, front, coverage)[None], noise)
        return taken[0].permute(1, 2, 0).numpy()

    def _render(
        self, person: Person, vertices: Float[Tensor, "v 3"], K: Float[Tensor, "3 3"], light: Lights
    ) -> tuple[Float[Tensor, "3 size size"], Float[Tensor, "1 size size"]]:
        """Colour and coverage of the part of the person that is in the picture."""
        pixels = project(vertices, K)
        beside = self.size * _MARGIN
        near = (vertices[:, 2] > 1) & ((pixels > -beside) & (pixels < self.size + beside)).all(1)
        faces = person.faces[near[person.faces].any(1)]
        if not len(faces):
            return torch.zeros(3, self.size, self.size), torch.zeros(1, self.size, self.size)
        used, faces = faces.unique(return_inverse=True)
        seen = vertices[used][None]
        # the shadow's map has a fixed size: what is wider gets softer shadows instead of spotted ones
        radius = (seen - seen.mean(1, keepdim=True)).abs().amax()
        light = replace(light, shadow_softness=light.shadow_softness * (radius / 120).clamp_min(1))
        surface = Surface(person.albedo[used][None], person.gloss[used][None], person.shininess[used][None])
        grain = Grain(self._tile, self._grain[used][None])
        picture = render(seen, faces, K[None], (self.size, self.size), surface, light, grain=grain)
        return picture.colour[0], picture.coverage[0]

    def _draw_camera(
        self, view: str, shape: Shape, generator: Generator
    ) -> tuple[Float[Tensor, "v 3"], Float[Tensor, "3 3"]]:
        """A pose before a camera that sees no end of an arm, if a few tries find one: the vertices, and its K."""
        for _ in range(_TRIES):
            standing = self.body.pose(shape, draw_turns(shape, generator))
            vertices, K = self._aim(view, standing, generator)
            if self._is_good(vertices, K):
                break
        return vertices, K

    def _is_good(self, vertices: Float[Tensor, "v 3"], K: Float[Tensor, "3 3"]) -> bool:
        """Whether the camera is out of the body and the ends of the arms are out of the picture."""
        if torch.linalg.vector_norm(vertices, dim=1).amin() < _NEAREST:
            return False
        for cut in self.body.cut:
            pixels = project(vertices[cut], K)
            inside = (pixels > 0).all(1) & (pixels < self.size).all(1) & (vertices[cut, 2] > 0)
            if inside.any():
                return False
        return True

    def _aim(
        self, view: str, standing: Float[Tensor, "v 3"], generator: Generator
    ) -> tuple[Float[Tensor, "v 3"], Float[Tensor, "3 3"]]:
        target, extent, rotation = self._draw_aim(view, standing, generator)
        K = torch.eye(3)
        K[0, 0] = K[1, 1] = self.size * 0.8 * 2.8 ** torch.rand(1, generator=generator)
        K[:2, 2] = (self.size - 1) / 2
        at = (self.size - 1) / 2 + uniform(generator, -0.16, 0.16, 1, 2) * self.size
        centre = back_project(at, K[0, 0] * extent / self.size, K)[0]
        return (standing - target) @ rotation.T + centre, K

    def _draw_aim(
        self, view: str, standing: Float[Tensor, "v 3"], generator: Generator
    ) -> tuple[Float[Tensor, "3"], Float[Tensor, "1"], Float[Tensor, "3 3"]]:
        """What point is looked at, mm across the picture there, and how the person is turned before the camera."""
        face = (standing * self._face[:, None]).sum(0) / self._face.sum()
        pitch, roll = 0.2 * torch.randn(2, generator=generator)
        yaw = 0.6 * torch.randn(1, generator=generator)
        if torch.rand(1, generator=generator) < 0.2:
            yaw = uniform(generator, -3.14, 3.14, 1)
        facing = turn(2, roll) @ turn(0, pitch) @ turn(1, yaw)
        if view == "face":
            return face, 230 / (0.3 * 4.4 ** torch.rand(1, generator=generator)), facing
        if view == "upper body":
            chest = torch.stack([face[0], face[1] + uniform(generator, 60, 380, 1)[0], face[2]])
            return chest, uniform(generator, 450, 1100, 1), facing
        if view == "arm":
            side = SIDES[int(torch.randint(2, (1,), generator=generator))]
            joints = self._joints(standing, side)
            where = uniform(generator, 0.25, 1.7, 1)
            step = int(where)
            place = torch.lerp(joints[step], joints[step + 1], where - step)
            return place, uniform(generator, 120, 420, 1), random_rotation(generator)
        below = self._below_neck[int(torch.randint(len(self._below_neck), (1,), generator=generator))]
        return standing[below], uniform(generator, 150, 800, 1), facing @ turn(1, uniform(generator, -3.14, 3.14, 1))

    def _joints(self, standing: Float[Tensor, "v 3"], side: str) -> Float[Tensor, "3 3"]:
        """About where shoulder, elbow and wrist are: the middles of what two bones move alike."""
        weights = self.body.weights
        pairs = (("clavicle", "upperarm01"), ("upperarm01", "lowerarm01"), ("lowerarm02", "wrist"))
        shared = [weights[:, POSED.index(f"{a}.{side}")] * weights[:, POSED.index(f"{b}.{side}")] for a, b in pairs]
        return torch.stack([(standing * w[:, None]).sum(0) / w.sum() for w in shared])


@cache
def _studio(recipe: UnlabelledRecipe) -> Studio:
    """One a process: reading the body costs more than a chunk of pictures."""
    return Studio(recipe.size, background_of(recipe.backgrounds))

"""One person of many: build, face, skin, hair and clothes."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from handpose_core.mesh import vertex_normals
from handpose_core.synth.draws import uniform
from handpose_core.synth.people.body import FEATURES, PHENOTYPE, Body, Shape
from handpose_core.synth.people.regions import Regions
from handpose_core.synth.skin import blotches, draw_cloth_colours, draw_tone

_HAIR_TONES = torch.tensor(
    [[0.008, 0.006, 0.006], [0.03, 0.016, 0.01], [0.12, 0.06, 0.03], [0.42, 0.27, 0.12], [0.24, 0.07, 0.025],
     [0.3, 0.3, 0.3], [0.75, 0.74, 0.72]]
)  # fmt: skip
"""Linear RGB: black, browns, blond, red, grey, white."""
_IRIS_TONES = torch.tensor([[0.035, 0.016, 0.008], [0.11, 0.055, 0.02], [0.10, 0.13, 0.06], [0.09, 0.17, 0.28]])
_MOUTH = torch.tensor([0.12, 0.02, 0.02])
_PUPIL = torch.tensor(0.004)
_IRIS_ANGLE = 26.5
"""Degrees from the middle of the pupil to the edge of the iris."""


@dataclass(frozen=True)
class Person:
    """One person at rest, and what they are made of.

    Attributes:
        shape: with hair and clothes on.
        faces: what of the body's mesh there is to see.
        albedo: linear RGB.
        gloss: strength of the highlights.
        shininess: their exponents.
    """

    shape: Shape
    faces: Int[Tensor, "f 3"]
    albedo: Float[Tensor, "v 3"]
    gloss: Float[Tensor, "v"]
    shininess: Float[Tensor, "v"]


@dataclass(frozen=True)
class _Hair:
    """Linear RGB; how thick it grows on each vertex, 0..1; and the faces of long hair."""

    colour: Float[Tensor, "3"]
    cap: Float[Tensor, "v"]
    beard: Float[Tensor, "v"]
    brows: Float[Tensor, "v"]
    faces: Int[Tensor, "f 3"]


@dataclass(frozen=True)
class _Clothes:
    """Linear RGB, how far each vertex is covered (0..1), and how far off the skin they lie (mm)."""

    albedo: Float[Tensor, "v 3"]
    worn: Float[Tensor, "v"]
    thickness: Float[Tensor, "v"]


class People:
    """Draws people.

    Args:
        body: the mesh of all of them.
    """

    def __init__(self, body: Body) -> None:
        self._body, self._at = body, Regions(body)

    def draw(self, generator: Generator) -> Person:
        """One person."""
        shape = self._body.shape(_draw_phenotype(generator), _draw_features(generator))
        hair, clothes = self._draw_hair(generator), self._draw_clothes(generator)
        albedo = self._lay(self._draw_skin(generator), hair, clothes, self._draw_eyes(generator), generator)
        gloss, shininess = self._draw_gloss(hair, clothes, generator)
        normals = vertex_normals(shape.vertices[None], self._body.skin_faces)[0]
        shaggy = (1 + 0.25 * torch.randn(len(albedo), generator=generator)).clamp(0.5, 1.5)
        grown = (uniform(generator, 2, 26, 1) * hair.cap + 3 * hair.beard) * shaggy + 1.2 * hair.brows
        raised = normals * (grown + clothes.thickness)[:, None]
        vertices = torch.where(self._body.hair[:, None], shape.vertices, shape.vertices + raised)
        faces = torch.cat([self._body.skin_faces, hair.faces])
        return Person(Shape(vertices, shape.heads), faces, albedo, gloss, shininess)

    def _draw_skin(self, generator: Generator) -> Float[Tensor, "v 3"]:
        """Tone, blotches, ruddy nose and cheeks, lips as they are or painted, and the inside of the mouth."""
        tone, _ = draw_tone(generator)
        mottled = uniform(generator, 0.02, 0.12, 1) * blotches(self._body.template, generator)
        ruddy = self._at.ruddy[:, None] * uniform(generator, 0, 0.4, 1)
        skin = tone * (1 + mottled[:, None]) * (1 - ruddy * torch.tensor([0.03, 0.4, 0.35]))
        painted = torch.rand(1, generator=generator) < 0.25
        lipstick = torch.tensor([0.45, 0.03, 0.05]) * uniform(generator, 0.5, 1.2, 1)
        lips = torch.where(painted, lipstick, tone * torch.tensor([0.85, 0.52, 0.52]))
        skin = torch.lerp(skin, lips, self._body.masks["lips"][:, None])
        return torch.lerp(skin, _MOUTH, self._body.masks["inside-mouth"][:, None])

    def _draw_eyes(self, generator: Generator) -> Float[Tensor, "v 3"]:
        """Pupil, iris and white, of the eyeballs' vertices."""
        angle = self._at.from_gaze[:, None]
        white = uniform(generator, 0.55, 0.85, 1) * torch.tensor([1.0, 0.93, 0.9])
        iris = _IRIS_TONES[int(torch.randint(len(_IRIS_TONES), (1,), generator=generator))]
        coloured = torch.where(angle < uniform(generator, 9, 14, 1), _PUPIL, iris)
        return torch.where(angle < _IRIS_ANGLE, coloured, white)

    def _draw_hair(self, generator: Generator) -> _Hair:
        """Bald, short or long; a beard now and then; brows always."""
        tone = float(uniform(generator, 0, len(_HAIR_TONES) - 1.001, 1))
        colour = torch.lerp(_HAIR_TONES[int(tone)], _HAIR_TONES[int(tone) + 1], tone % 1)
        style = torch.rand(1, generator=generator)
        bald, long = style < 0.14, style > 0.6
        shift = 8 * torch.randn(1, generator=generator) + 6 * blotches(self._body.template, generator)
        cap = ((self._at.above_hairline + shift) / 8).clamp(0, 1) * self._at.head * (1 - self._body.masks["ears"])
        ends = self._body.template[self._body.hair_faces, 1].amax(1)
        kept = self._body.hair_faces[(ends < uniform(generator, -690, -330, 1)) & long]
        bearded = (torch.rand(1, generator=generator) < 0.25) * uniform(generator, 0.35, 1, 1)
        width = uniform(generator, 2.2, 4.6, 1)
        brows = ((width - self._at.from_brow) / 1.6 + 0.5).clamp(0, 1) * uniform(generator, 0.5, 1, 1)
        # an open surface is drawn from both sides
        return _Hair(colour, cap * ~bald, self._at.beard * bearded, brows, torch.cat([kept, kept.flip(1)]))

    def _draw_clothes(self, generator: Generator) -> _Clothes:
        """A top with sleeves of any length or none; trousers or shorts."""
        x, y, _ = self._body.template.unbind(1)
        # edges are as soft as the mesh is coarse, or they would be saws
        neckline = uniform(generator, -575, -470, 1) - uniform(generator, 0, 0.9, 1) * x.abs()
        trunk = self._at.on_torso * ((y - neckline) / 14 + 0.5).clamp(0, 1) * (y < 0)
        sleeve = uniform(generator, -1.2, 2, 1)
        sleeves = self._at.on_arm * ((sleeve - self._at.along_arm) * 12).clamp(0, 1) * (sleeve > 0.1)
        top = torch.maximum(trunk, sleeves)
        below_waist = self._at.on_torso * (y >= 0)
        legs = self._at.on_leg * ((uniform(generator, 0.2, 2.1, 1) - self._at.along_leg) * 12).clamp(0, 1)
        trousers = torch.maximum(below_waist, legs) * (top < 0.5)
        albedo = torch.where((top > 0)[:, None], self._draw_cloth(generator), self._draw_cloth(generator))
        worn = torch.maximum(top, trousers)
        folds = 1 + 0.35 * blotches(0.6 * self._body.template, generator)
        return _Clothes(albedo, worn, uniform(generator, 2, 12, 1) * folds * worn)

    def _draw_cloth(self, generator: Generator) -> Float[Tensor, "v 3"]:
        """Linear RGB of one piece: mostly plain, else striped along or around."""
        base, stripe = draw_cloth_colours(generator)
        pattern = int(torch.randint(5, (1,), generator=generator))
        wave = (self._body.template[:, pattern % 2] / uniform(generator, 8, 30, 1)).sin() > 0
        return torch.where((wave & (pattern < 2))[:, None], stripe, base)

    def _lay(
        self, skin: Float[Tensor, "v 3"], hair: _Hair, clothes: _Clothes, eyes: Float[Tensor, "v 3"],
        generator: Generator,
    ) -> Float[Tensor, "v 3"]:  # fmt: skip
        """Hair, clothes and eyes over the skin."""
        strands = hair.colour * (1 + 0.3 * torch.randn(len(skin), 1, generator=generator)).clamp(0.3, 1.8)
        grown = torch.stack([hair.cap, hair.beard, hair.brows, self._body.hair.float()]).amax(0)
        albedo = torch.lerp(skin, strands, grown[:, None])
        albedo = torch.lerp(albedo, clothes.albedo, (clothes.worn * ~self._body.hair)[:, None])
        return torch.where(self._body.eyes[:, None], eyes, albedo).clamp(0.003, 0.95)

    def _draw_gloss(
        self, hair: _Hair, clothes: _Clothes, generator: Generator
    ) -> tuple[Float[Tensor, "v"], Float[Tensor, "v"]]:
        """Strength and exponent of each vertex's highlight; eyes shine, cloth does not."""
        strength = uniform(generator, 0.02, 0.22, 1).expand(len(hair.cap))
        exponent = uniform(generator, 6, 40, 1).expand(len(hair.cap))
        strength = torch.where(self._body.hair | (hair.cap > 0.5), 0.05, strength) * (1 - clothes.worn)
        return torch.where(self._body.eyes, 0.5, strength), torch.where(self._body.eyes, 80.0, exponent)


def _draw_phenotype(generator: Generator) -> dict[str, float]:
    """Anybody but babies: one in five is a child; mostly of one ancestry, but not wholly."""
    values = torch.rand(len(PHENOTYPE), generator=generator)
    ancestry = values[-3:] ** 3
    values[-3:] = ancestry / ancestry.sum()
    drawn = dict(zip(PHENOTYPE, values.tolist(), strict=True))
    child = torch.rand(1, generator=generator) < 0.2
    low, high = (0.3, 0.5) if child else (0.55, 1.0)
    return drawn | {"age": float(uniform(generator, low, high, 1))}


def _draw_features(generator: Generator) -> dict[str, float]:
    """Normal draws; what a face has on both sides is nearly the same there."""
    drawn = (0.35 * torch.randn(len(FEATURES), generator=generator)).clamp(-0.9, 0.9).tolist()
    values = dict(zip(FEATURES, drawn, strict=True))
    return {n: values["l-" + n[2:]] * 0.9 + 0.1 * v if n.startswith("r-") else v for n, v in values.items()}

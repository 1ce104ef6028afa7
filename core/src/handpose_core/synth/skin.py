"""Skin, nails and sleeves: what colour each part of a hand has."""

import torch
from jaxtyping import Float
from torch import Generator, Tensor
from torch.nn import functional

from handpose_core.hand import JOINT_NAMES, TIPS
from handpose_core.mesh import vertex_normals
from handpose_core.rig import HandRig
from handpose_core.synth.creases import creases
from handpose_core.synth.draws import uniform

_TONES = torch.tensor(
    [[0.78, 0.55, 0.45], [0.62, 0.40, 0.29], [0.42, 0.24, 0.15], [0.22, 0.11, 0.065], [0.09, 0.045, 0.03]]
)
"""Linear RGB of skin from light to dark."""
_PALM = torch.tensor([0.62, 0.38, 0.30])
_KNUCKLES = tuple(i for i, name in enumerate(JOINT_NAMES) if name.endswith(("mcp", "pip", "dip", "_ip")))


class SkinPainter:
    """Paints a rig's vertices: tone, ruddy tips and knuckles, paler palm, blotches, nails (bare or varnished).

    Args:
        rig: whose regions are painted; regions are found once, on its mean shape at rest.
    """

    def __init__(self, rig: HandRig) -> None:
        normals = vertex_normals(rig.vertices[None], rig.faces)[0]
        self.palmar = ((normals[:, 2] + 0.1) / 0.5).clamp(0, 1)
        self.nails = torch.as_tensor(rig.data.nails)
        self.tips = _nearness(rig.vertices, rig.joints[list(TIPS)], 11.0)
        knuckles = _nearness(rig.vertices, rig.joints[list(_KNUCKLES)], 9.0)
        self.knuckles = knuckles * (1 - self.palmar)
        self.folds = knuckles * self.palmar
        self.creases = creases(rig)
        self.rig = rig

    def albedo(self, generator: Generator) -> Float[Tensor, "v 3"]:
        """Linear RGB of every vertex for one person."""
        tone, darkness = draw_tone(generator)
        pale = self.palmar[:, None] * uniform(generator, 0.1, 0.55, 1) * darkness
        skin = torch.lerp(tone, _PALM * (0.5 + 0.5 * tone / tone.max()), pale)
        ruddy = uniform(generator, 0, 0.3, 1)
        warm = (self.tips + self.knuckles + 0.6 * self.folds).clamp(0, 1)[:, None] * ruddy
        skin = skin * (1 - warm * torch.tensor([0.05, 0.45, 0.4]))
        creased = self.creases[:, None] * uniform(generator, 0, 0.7, 1)
        skin = skin * (1 - creased * torch.tensor([0.6, 0.85, 0.9]))
        skin = skin * (1 + uniform(generator, 0.02, 0.12, 1) * blotches(self.rig.vertices, generator)[:, None])
        return torch.where(self.nails[:, None], self._nail(tone, generator), skin).clamp(0.01, 0.95)

    def _nail(self, tone: Float[Tensor, "3"], generator: Generator) -> Float[Tensor, "3"]:
        varnished = torch.rand(1, generator=generator) < 0.15
        varnish = torch.rand(3, generator=generator) ** 2
        bare = torch.lerp(tone, torch.tensor([0.85, 0.62, 0.55]), uniform(generator, 0.25, 0.6, 1))
        return torch.where(varnished, varnish, bare)

    def gloss(self, generator: Generator) -> tuple[Float[Tensor, "v"], Float[Tensor, "v"]]:
        """Strength and exponent of each vertex's highlight; nails shine."""
        strength = uniform(generator, 0.02, 0.22, 1).expand(len(self.nails))
        shininess = uniform(generator, 6, 40, 1).expand(len(self.nails))
        return (
            torch.where(self.nails, strength + 0.25, strength),
            torch.where(self.nails, 60.0, shininess),
        )


def draw_tone(generator: Generator) -> tuple[Float[Tensor, "3"], Float[Tensor, "1"]]:
    """One person's skin: its linear RGB, and how dark it is (0..0.8)."""
    darkness = uniform(generator, 0, len(_TONES) - 1.001, 1)
    step = int(darkness)
    tone = torch.lerp(_TONES[step], _TONES[step + 1], darkness - step)
    tone = tone * (1 + 0.1 * torch.randn(1, generator=generator)) * (1 + 0.03 * torch.randn(3, generator=generator))
    return tone, darkness / len(_TONES)


def blotches(points: Float[Tensor, "v 3"], generator: Generator) -> Float[Tensor, "v"]:
    """Smooth random variation over the skin, about -1..1: waves of 15 to 60 mm in random directions."""
    direction = functional.normalize(torch.randn(6, 3, generator=generator), dim=-1)
    wavelength = uniform(generator, 15, 60, 6)
    phase = uniform(generator, 0, 6.2832, 6)
    return (points @ (direction * (6.2832 / wavelength)[:, None]).T + phase).sin().mean(1) * 2


def pores() -> Float[Tensor, "rows columns"]:
    """The tile of skin's fine texture, factors around 1; look it up with `pore_coordinates`."""
    tile = torch.randn(64, 64, generator=torch.Generator().manual_seed(1))
    return (1 + 0.07 * tile).clamp_min(0.7)


def pore_coordinates(points: Float[Tensor, "*batch v 3"]) -> Float[Tensor, "*batch v 2"]:
    """Where each point (mm, at rest) lies on the tile of `pores`, in its cells."""
    return (points[..., :2] + 0.35 * points[..., 2:]) * 1.3


def draw_cloth_colours(generator: Generator) -> tuple[Float[Tensor, "3"], Float[Tensor, "3"]]:
    """Linear RGB of a cloth and of its stripes."""
    base, stripe = torch.rand(2, 3, generator=generator) ** 1.8 * 0.9 + 0.02
    return base, stripe


def cloth_albedo(generator: Generator, rings: int, around: int) -> Float[Tensor, "cloth 3"]:
    """Linear RGB of a sleeve's vertices, ring by ring: plain or striped along or around."""
    base, stripe = draw_cloth_colours(generator)
    pattern = int(torch.randint(4, (1,), generator=generator))
    ring, column = torch.meshgrid(torch.arange(rings), torch.arange(around), indexing="ij")
    striped = ((ring % 2 == 0) & (pattern == 1)) | ((column % 4 < 2) & (pattern == 2))
    return torch.where(striped[..., None], stripe, base).flatten(0, 1)


def _nearness(points: Float[Tensor, "v 3"], centres: Float[Tensor, "n 3"], reach: float) -> Float[Tensor, "v"]:
    """1 at the nearest centre, falling off over ``reach`` mm."""
    return torch.exp(-(torch.cdist(points, centres).amin(1) / reach).square())

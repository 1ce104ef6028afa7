"""Light from all around as spherical harmonics, with a velvety rim: another model of light than `Lights`."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from handpose_core.render.shading import Surface


@dataclass(frozen=True)
class Environment:
    """Distant light described by nine spherical harmonics a colour, and what the surface does at grazing angles.

    Attributes:
        harmonics: radiance coefficients of the order-2 real harmonics: constant, y, z, x, xy, yz, 3z²-1, xz, x²-y².
        rim: linear RGB that a surface seen edge-on gives back.
        contact: how strongly parts close to each other darken, 1 = as much sky as they see, more is darker.
    """

    harmonics: Float[Tensor, "batch 9 3"]
    rim: Float[Tensor, "batch 3"]
    contact: Float[Tensor, "batch"]

    def diffuse(
        self,
        vertices: Float[Tensor, "batch v 3"],
        normals: Float[Tensor, "batch v 3"],
        faces: Int[Tensor, "f 3"],
        surface: Surface,
        sky_seen: Float[Tensor, "batch v"],
    ) -> tuple[Float[Tensor, "batch v 3"], Float[Tensor, "batch v"]]:
        """Irradiance by Ramamoorthi & Hanrahan 2001 (their eq. 13); no light casts a shadow, nearness darkens."""
        irradiance = (_harmonic_basis(normals) @ self.harmonics).clamp_min(0) / torch.pi
        open_sky = sky_seen.pow(self.contact[:, None])
        return surface.albedo * irradiance * open_sky[..., None], open_sky

    def highlight(
        self, normals: Float[Tensor, "n 3"], gloss: Float[Tensor, "n"], shininess: Float[Tensor, "n"],
        image: Int[Tensor, "n"], view: Float[Tensor, "batch 3"],
    ) -> Float[Tensor, "n 3"]:  # fmt: skip
        """A rim of light at grazing angles (Schlick's fifth power); shininess plays no part."""
        grazing = 1 - (normals * view[image]).sum(-1).clamp(0, 1)
        return (gloss * grazing**5)[:, None] * self.rim[image]


def _harmonic_basis(normals: Float[Tensor, "batch v 3"]) -> Float[Tensor, "batch v 9"]:
    """Each harmonic times the clamped cosine's transfer: pi, 2 pi / 3 and pi / 4 for orders 0, 1 and 2."""
    x, y, z = normals.unbind(-1)
    first, second, third = torch.pi, 2 * torch.pi / 3, torch.pi / 4
    return torch.stack(
        [
            torch.full_like(x, 0.282095 * first),
            0.488603 * second * y,
            0.488603 * second * z,
            0.488603 * second * x,
            1.092548 * third * x * y,
            1.092548 * third * y * z,
            0.315392 * third * (3 * z * z - 1),
            1.092548 * third * x * z,
            0.546274 * third * (x * x - y * y),
        ],
        dim=-1,
    )

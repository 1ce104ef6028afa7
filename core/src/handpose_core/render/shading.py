"""Light on a surface: diffuse light worked out at the vertices, highlights at the pixels."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from handpose_core.camera import project
from handpose_core.render.rasterise import rasterise

SHADOW_SIZE = 96
_SHADOW_DISTANCE = 5000.0
_SHADOW_TAPS = 12


@dataclass(frozen=True)
class Surface:
    """What a batch of meshes is made of, per vertex.

    Attributes:
        albedo: linear RGB in 0..1.
        gloss: strength of the highlight, 0 = none.
        shininess: Blinn-Phong exponent; low is rough.
    """

    albedo: Float[Tensor, "batch v 3"]
    gloss: Float[Tensor, "batch v"]
    shininess: Float[Tensor, "batch v"]


@runtime_checkable
class Illumination(Protocol):
    """A model of light and its reflection, for a batch of pictures."""

    def diffuse(
        self,
        vertices: Float[Tensor, "batch v 3"],
        normals: Float[Tensor, "batch v 3"],
        faces: Int[Tensor, "f 3"],
        surface: Surface,
        sky_seen: Float[Tensor, "batch v"],
    ) -> tuple[Float[Tensor, "batch v 3"], Float[Tensor, "batch v"]]:
        """Light that leaves each vertex diffusely (linear RGB), and the share 0..1 of its gloss that is lit.

        Args:
            vertices: mm, camera frame.
            normals: unit, outwards.
            faces: the mesh that casts shadows.
            surface: what it is made of.
            sky_seen: share of the sky each vertex sees, 0..1.
        """
        ...

    def highlight(
        self, normals: Float[Tensor, "n 3"], gloss: Float[Tensor, "n"], shininess: Float[Tensor, "n"],
        image: Int[Tensor, "n"], view: Float[Tensor, "batch 3"],
    ) -> Float[Tensor, "n 3"]:  # fmt: skip
        """Light reflected towards the camera at each hit (linear RGB), to be added to the diffuse.

        Args:
            normals: unit.
            gloss: lit gloss.
            shininess: exponent.
            image: which picture each hit is in.
            view: unit vector from each mesh's middle to the camera.
        """
        ...


@dataclass(frozen=True)
class Lights:
    """Several directional lights and the sky, in the camera's frame.

    Attributes:
        directions: unit vectors towards each light; the first casts the shadow.
        colours: linear RGB of each light; black switches it off.
        sky: linear RGB of the light from above (-y).
        ground: linear RGB of the light from below.
        wrap: how far light creeps around the terminator, 0..1; skin scatters light, a wall does not.
        shadow_softness: mm by which a shadow's edge spreads.
    """

    directions: Float[Tensor, "batch lights 3"]
    colours: Float[Tensor, "batch lights 3"]
    sky: Float[Tensor, "batch 3"]
    ground: Float[Tensor, "batch 3"]
    wrap: Float[Tensor, "batch"]
    shadow_softness: Float[Tensor, "batch"]

    def diffuse(
        self,
        vertices: Float[Tensor, "batch v 3"],
        normals: Float[Tensor, "batch v 3"],
        faces: Int[Tensor, "f 3"],
        surface: Surface,
        sky_seen: Float[Tensor, "batch v"],
    ) -> tuple[Float[Tensor, "batch v 3"], Float[Tensor, "batch v"]]:
        """Wrapped Lambert light with a soft shadow, and light from sky and ground; see `Illumination`."""
        facing = normals @ self.directions.transpose(-1, -2)
        wrap = self.wrap[:, None, None]
        lit = ((facing + wrap) / (1 + wrap)).clamp_min(0).square()
        visible = soft_shadow(vertices, normals, faces, self)
        lit = torch.cat([lit[..., :1] * visible[..., None], lit[..., 1:]], dim=-1)
        upward = (1 - normals[..., 1:2]) / 2
        ambient = torch.lerp(self.ground[:, None], self.sky[:, None], upward) * sky_seen[..., None]
        return surface.albedo * (lit @ self.colours + ambient), visible

    def highlight(
        self, normals: Float[Tensor, "n 3"], gloss: Float[Tensor, "n"], shininess: Float[Tensor, "n"],
        image: Int[Tensor, "n"], view: Float[Tensor, "batch 3"],
    ) -> Float[Tensor, "n 3"]:  # fmt: skip
        """Blinn-Phong highlight of the first light; see `Illumination`."""
        half = functional.normalize(view + self.directions[:, 0], dim=-1)
        strength = gloss * (normals * half[image]).sum(-1).clamp(1e-4, 1).pow(shininess)
        return strength[:, None] * self.colours[image, 0]


def soft_shadow(
    vertices: Float[Tensor, "batch v 3"],
    normals: Float[Tensor, "batch v 3"],
    faces: Int[Tensor, "f 3"],
    lights: "Lights",
) -> Float[Tensor, "batch v"]:
    """How much of the first light reaches each vertex: percentage-closer filtering in a depth map seen from it."""
    with torch.no_grad():
        axes = _light_axes(lights.directions[:, 0])
        centre = vertices.mean(1, keepdim=True)
        # a far camera at the light sees the mesh almost in parallel projection
        seen = (vertices - centre) @ axes
        seen = seen + seen.new_tensor([0.0, 0.0, _SHADOW_DISTANCE])
        radius = seen[..., :2].abs().amax((1, 2)) + 5
        K = seen.new_zeros(len(seen), 3, 3)
        K[:, 0, 0] = K[:, 1, 1] = SHADOW_SIZE / 2 * _SHADOW_DISTANCE / radius
        K[:, :2, 2] = SHADOW_SIZE / 2 - 0.5
        K[:, 2, 2] = 1
        pixels = project(seen, K)
        nearest = rasterise(pixels, seen[..., 2], faces, SHADOW_SIZE, SHADOW_SIZE).depth_map()
        nearest = torch.where(nearest == 0, torch.inf, nearest)
        spread = lights.shadow_softness / radius * SHADOW_SIZE / 2
        # a surface turned from the light needs more slack before it is called shadowed by itself
        slope = (normals * lights.directions[:, :1]).sum(-1).abs()
        bias = 2.5 + 4 * (1 - slope) + lights.shadow_softness[:, None]
        return _unshadowed_share(nearest, pixels, seen[..., 2] - bias, spread)


def _unshadowed_share(nearest: Tensor, pixels: Tensor, depth: Tensor, spread: Tensor) -> Float[Tensor, "batch v"]:
    """Share of taps around each vertex where nothing lies between it and the light."""
    golden = torch.arange(_SHADOW_TAPS, device=pixels.device) * 2.39996
    radius = ((torch.arange(_SHADOW_TAPS, device=pixels.device) + 0.5) / _SHADOW_TAPS).sqrt()
    disc = torch.stack([golden.cos(), golden.sin()], dim=-1) * radius[:, None]
    taps = pixels[:, :, None] + disc * (spread[:, None, None, None] + 0.7)
    column, row = taps.round().long().clamp(0, SHADOW_SIZE - 1).unbind(-1)
    index = (row * SHADOW_SIZE + column).flatten(1)
    blockers = nearest.flatten(1).gather(1, index).view_as(row)
    return (blockers > depth[..., None]).to(pixels.dtype).mean(-1)


def _light_axes(direction: Float[Tensor, "batch 3"]) -> Float[Tensor, "batch 3 3"]:
    """Columns: a camera's x, y, z with z looking from the light along its rays."""
    forward = -direction
    helper = torch.zeros_like(forward)
    helper.scatter_(1, forward.abs().argmin(1, keepdim=True), 1.0)
    x = functional.normalize(torch.linalg.cross(helper, forward), dim=-1)
    return torch.stack([x, torch.linalg.cross(forward, x), forward], dim=-1)


def sphere_occlusion(
    vertices: Float[Tensor, "batch v 3"],
    normals: Float[Tensor, "batch v 3"],
    centres: Float[Tensor, "batch spheres 3"],
    radii: Float[Tensor, "spheres"],
) -> Float[Tensor, "batch v"]:
    """Share of the sky each vertex sees past spheres that stand for flesh, 1 = all of it.

    A sphere hides about ``cos(angle) r² / d²`` of the sky (Bunnell, GPU Gems 2, chapter 14); a vertex turned from it
    (its own flesh) loses nothing.
    """
    to_sphere = centres[:, None] - vertices[:, :, None]
    squared = to_sphere.square().sum(-1)
    cosine = (to_sphere @ normals[..., None]).squeeze(-1) * squared.clamp_min(1e-6).rsqrt()
    hidden = (cosine.clamp_min(0) * (radii.square() / squared.clamp_min(1)).clamp_max(1)).sum(-1)
    return torch.exp(-0.9 * hidden)

"""From meshes, surfaces and lights to anti-aliased colour, exact depth, mask, face ids and normals."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from handpose_core.camera import project
from handpose_core.mesh import vertex_normals
from handpose_core.render.rasterise import Fragments, rasterise
from handpose_core.render.shading import Illumination, Surface, sphere_occlusion

SAMPLES = 2
"""Colour is sampled SAMPLES x SAMPLES times a pixel."""


@dataclass(frozen=True)
class Rendered:
    """A batch of pictures.

    Attributes:
        colour: linear RGB, premultiplied by ``coverage``.
        coverage: share of each pixel that the meshes cover.
        fragments: the z-buffer at the pixels' centres: ``depth_map()``, ``mask()`` and ``face_ids()``.
        normals: unit outward normals of the vertices, camera frame; ``fragments.interpolate`` makes them a map.
    """

    colour: Float[Tensor, "batch 3 height width"]
    coverage: Float[Tensor, "batch 1 height width"]
    fragments: Fragments
    normals: Float[Tensor, "batch v 3"]


@dataclass(frozen=True)
class Occluders:
    """Spheres that darken what they are near to: see `sphere_occlusion`."""

    centres: Float[Tensor, "batch spheres 3"]
    radii: Float[Tensor, "spheres"]


@dataclass(frozen=True)
class Grain:
    """A fine texture that follows the surface: a tile of factors, looked up by each vertex's own coordinates.

    Attributes:
        tile: factors around 1; the lookup wraps around.
        coordinates: of each vertex in tile cells, in two planes (front, side) so that no side is smeared.
    """

    tile: Float[Tensor, "rows columns"]
    coordinates: Float[Tensor, "batch v 2"]


@dataclass(frozen=True)
class Shading:
    """The light that meshes give off, worked out at their vertices: the same from wherever they are looked at.

    Attributes:
        diffuse: linear RGB.
        gloss: strength of the highlight, where light reaches.
        shininess: its exponent.
        normals: unit outward normals, in the frame that the light is given in.
    """

    diffuse: Float[Tensor, "batch v 3"]
    gloss: Float[Tensor, "batch v"]
    shininess: Float[Tensor, "batch v"]
    normals: Float[Tensor, "batch v 3"]

    def expand(self, count: int) -> "Shading":
        """One mesh's, for so many pictures of it."""
        parts = (self.diffuse, self.gloss, self.shininess, self.normals)
        return Shading(*(part.expand(count, *part.shape[1:]) for part in parts))


def shade(
    vertices: Float[Tensor, "batch v 3"],
    faces: Int[Tensor, "f 3"],
    surface: Surface,
    light: Illumination,
    to_light: Float[Tensor, "batch 3 3"],
    occluders: Occluders | None = None,
) -> Shading:
    """Light meshes that share their faces.

    Args:
        vertices: mm, any frame.
        faces: corners, counter-clockwise seen from outside.
        surface: albedo and gloss of each vertex.
        light: what shines on them, and how they reflect it.
        to_light: rotation from the vertices' frame to the light's.
        occluders: ambient occlusion by spheres; none without.
    """
    normals = vertex_normals(vertices, faces)
    sky_seen = (
        torch.ones_like(vertices[..., 0])
        if occluders is None
        else sphere_occlusion(vertices, normals, occluders.centres, occluders.radii)
    )
    # lit in the light's own frame, in which up is up from every camera
    lit, lit_normals = vertices @ to_light.mT, normals @ to_light.mT
    diffuse, visible = light.diffuse(lit, lit_normals, faces, surface, sky_seen)
    return Shading(diffuse, surface.gloss * visible, surface.shininess, lit_normals)


def render(
    vertices: Float[Tensor, "batch v 3"],
    faces: Int[Tensor, "f 3"],
    K: Float[Tensor, "batch 3 3"],
    size: tuple[int, int],
    surface: Surface,
    light: Illumination,
    to_light: Float[Tensor, "batch 3 3"] | None = None,
    occluders: Occluders | None = None,
    grain: Grain | None = None,
) -> Rendered:
    """Draw a batch of meshes that share their faces.

    Args:
        vertices: mm, camera frame.
        faces: corners, counter-clockwise seen from outside.
        K: intrinsics, px.
        size: (height, width) of the pictures.
        surface: albedo and gloss of each vertex.
        light: what shines on them, and how they reflect it.
        to_light: rotation from the camera's frame to the light's; without, light is given in the camera's.
        occluders: ambient occlusion by spheres; none without.
        grain: a fine texture; none without.
    """
    turn = torch.eye(3, device=K.device).expand(len(K), 3, 3) if to_light is None else to_light
    return draw(vertices, faces, K, size, shade(vertices, faces, surface, light, turn, occluders), light, turn, grain)


def draw(
    vertices: Float[Tensor, "batch v 3"],
    faces: Int[Tensor, "f 3"],
    K: Float[Tensor, "batch 3 3"],
    size: tuple[int, int],
    shading: Shading,
    light: Illumination,
    to_light: Float[Tensor, "batch 3 3"],
    grain: Grain | None = None,
) -> Rendered:
    """Draw meshes that are lit already; as `render`, which see for the arguments.

    Args:
        vertices: mm, camera frame.
        faces: corners.
        K: intrinsics, px.
        size: (height, width) of the pictures.
        shading: what `shade` made of them.
        light: its highlights, which every camera sees elsewhere.
        to_light: rotation from the camera's frame to the light's.
        grain: a fine texture; none without.
    """
    height, width = size
    pixels = project(vertices, K)
    fragments = rasterise(pixels, vertices[..., 2], faces, height, width)
    # sub-pixel sample i of a pixel lies at (i + 0.5) / SAMPLES of its width
    fine_pixels = (pixels + 0.5) * SAMPLES - 0.5
    fine = rasterise(fine_pixels, vertices[..., 2], faces, height * SAMPLES, width * SAMPLES)
    attributes = [shading.diffuse, shading.normals, shading.gloss[..., None], shading.shininess[..., None]]
    if grain is not None:
        attributes.append(grain.coordinates)
    hits = fine.interpolate(torch.cat(attributes, dim=-1), faces)
    colour = hits[:, :3]
    if grain is not None:
        colour = colour * _look_up(grain.tile, hits[:, 8:])[:, None]
    towards_camera = -functional.normalize((vertices @ to_light.mT).mean(1), dim=-1)
    facing = functional.normalize(hits[:, 3:6], dim=-1)
    colour = colour + light.highlight(facing, hits[:, 6], hits[:, 7], fine.image, towards_camera)
    samples = torch.cat([colour, torch.ones_like(colour[:, :1])], dim=-1)
    picture = fine.pool(samples, SAMPLES).permute(0, 3, 1, 2)
    return Rendered(picture[:, :3], picture[:, 3:], fragments, shading.normals @ to_light)


def _look_up(tile: Float[Tensor, "rows columns"], at: Float[Tensor, "n 2"]) -> Float[Tensor, "n"]:
    """The tile's factor at each coordinate, nearest cell, wrapping around."""
    rows, columns = tile.shape
    cell = at.floor().long()
    return tile.flatten()[torch.remainder(cell[:, 1], rows) * columns + torch.remainder(cell[:, 0], columns)]

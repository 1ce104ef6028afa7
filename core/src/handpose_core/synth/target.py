"""The target world: what stands in for the real datasets. It shares nothing with the source world that a picture shows.

Another rig with other shapes, skin by pigments, light from all around, cluttered places, another camera with an
off-centre axis, vignette and JPEG, and a depth sensor that leaves holes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Generator, Tensor
from torch.nn import functional

from handpose_core.render import Environment
from handpose_core.rig import HandRig
from handpose_core.synth.draws import uniform
from handpose_core.synth.forearm import sleeve_rings
from handpose_core.synth.frame import FAR
from handpose_core.synth.scene import Appearance, Size

_MELANIN = torch.tensor([0.9, 1.7, 2.9])
_BLOOD = torch.tensor([0.12, 1.1, 0.85])
_DERMIS = torch.tensor([0.85, 0.78, 0.72])
"""Absorption of the two pigments in red, green and blue, and what the skin beneath them gives back."""


class TargetLook:
    """The target world's people, places and cameras; see `handpose_core.synth.scene.Look`."""

    def __init__(self) -> None:
        self.rig = HandRig("webxr")

    def draw_intrinsics(self, size: Size, generator: Generator) -> Float[Tensor, "3 3"]:
        """K (px): longer lenses than the source world's, pixels not quite square, the axis off the centre."""
        focal = float(uniform(generator, 1.05, 1.45, 1)) * min(size)
        K = torch.eye(3)
        K[0, 0] = focal
        K[1, 1] = focal * float(uniform(generator, 0.997, 1.003, 1))
        K[:2, 2] = (torch.tensor([size[1], size[0]]) - 1) / 2 + uniform(generator, -0.02, 0.02, 2) * min(size)
        return K

    def draw_appearance(self, side: int, generator: Generator) -> Appearance:
        """See `handpose_core.synth.scene.Look`."""
        count = len(self.rig.vertices)
        gloss = uniform(generator, 0.1, 0.6, 1).expand(count)
        return Appearance(
            skin=self._draw_skin(generator),
            gloss=gloss,
            shininess=torch.ones(count),
            cloth=_draw_cloth(sleeve_rings()[1], len(self.rig.data.wrist_loop), generator),
            light=_draw_environment(generator),
            background=_draw_clutter(side, generator),
            camera=_draw_camera(generator),
        )

    def _draw_skin(self, generator: Generator) -> Float[Tensor, "v 3"]:
        """Light through two pigments, both mottled: Beer-Lambert absorption over a pale dermis."""
        melanin = uniform(generator, 0.05, 1.25, 1) * (1 + 0.25 * self._mottle(9, generator))
        blood = uniform(generator, 0.15, 0.5, 1) * (1 + 0.5 * self._mottle(16, generator))
        return (_DERMIS * torch.exp(-melanin[:, None] * _MELANIN - blood[:, None] * _BLOOD)).clamp(0.01, 0.95)

    def _mottle(self, cell: float, generator: Generator) -> Float[Tensor, "v"]:
        """Value noise over the skin, about -1..1, in cells of some mm: trilinear between random lattice values."""
        lattice = 2 * torch.rand(1, 1, 24, 24, 24, generator=generator) - 1
        place = (self.rig.vertices / (cell * 12)).clamp(-1, 1).view(1, 1, 1, -1, 3)
        return functional.grid_sample(lattice, place, padding_mode="border", align_corners=True).flatten()


def _draw_cloth(rings: int, around: int, generator: Generator) -> Float[Tensor, "cloth 3"]:
    """A knitted sleeve: one colour that fades along the arm, each stitch a little different."""
    near, far = torch.rand(2, 3, generator=generator) * uniform(generator, 0.1, 0.8, 1)
    fade = torch.linspace(0, 1, rings)[:, None, None]
    stitches = 1 + 0.25 * torch.randn(rings, around, 1, generator=generator)
    return (torch.lerp(near, far, fade) * stitches).clamp(0.01, 0.95).flatten(0, 1)


def _draw_environment(generator: Generator) -> Environment:
    """Mostly light from above (-y) and from the camera's side (-z), with coloured irregularities."""
    harmonics = 0.22 * torch.randn(1, 9, 1, generator=generator) + 0.06 * torch.randn(1, 9, 3, generator=generator)
    harmonics[:, 0] = uniform(generator, 2.2, 4.2, 1, 1) * (1 + 0.05 * torch.randn(1, 3, generator=generator))
    harmonics[:, 1] -= uniform(generator, 0.1, 1.3, 1, 1)
    harmonics[:, 2] -= uniform(generator, 0.1, 1.3, 1, 1)
    return Environment(
        harmonics=harmonics,
        rim=torch.rand(1, 1, generator=generator) * torch.ones(1, 3),
        contact=uniform(generator, 0.9, 1.8, 1),
    )


def _draw_clutter(size: int, generator: Generator) -> Float[Tensor, "3 size size"]:
    """A mosaic of things: Voronoi cells, each with its own colour, shading and texture, out of focus to some degree."""
    half = size // 2
    count = int(torch.randint(3, 40, (1,), generator=generator))
    seeds = torch.rand(count, 2, generator=generator)
    stretch = torch.tensor([1.0, float(uniform(generator, 0.4, 2.5, 1))])
    axis = (torch.arange(half) + 0.5) / half
    grid = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), dim=-1).flatten(0, 1)
    cell = torch.cdist(grid * stretch, seeds * stretch).argmin(1)
    grey = torch.rand(count, 1, generator=generator)
    colours = torch.lerp(grey.expand(-1, 3), torch.rand(count, 3, generator=generator), 0.35)
    slopes = 0.5 * torch.randn(count, 2, generator=generator)
    shade = 1 + ((grid - seeds[cell]) * slopes[cell]).sum(-1, keepdim=True)
    texture = 1 + uniform(generator, 0, 0.15, count, 1)[cell] * torch.randn(half * half, 1, generator=generator)
    picture = (colours[cell] * shade * texture).clamp(0, 1).T.reshape(1, 3, half, half)
    blurred = max(8, int(half / float(uniform(generator, 1, 6, 1))))
    picture = functional.interpolate(picture, (blurred, blurred), mode="area")
    return functional.interpolate(picture, (size, size), mode="bicubic", align_corners=False)[0].clamp(0, 1)


@dataclass(frozen=True)
class PhoneCamera:
    """A camera with a vignette and JPEG compression, beside a depth sensor with steps and holes.

    Attributes:
        white: factor of each colour.
        vignette: how much darker the corners are, 0..1.
        noise: of each pixel, in units of full white.
        quality: of the JPEG, 1..100.
        depth_step: mm between two values of the depth sensor at 1 m; grows with the square of the distance.
        dropout: share of the depth sensor's pixels without a value.
    """

    white: Float[Tensor, "3"]
    vignette: float
    noise: float
    quality: int
    depth_step: float
    dropout: float

    @staticmethod
    def take(
        cameras: "Sequence[PhoneCamera]", pictures: Float[Tensor, "batch 3 h w"], noise: Float[Tensor, "batch 3 h w"]
    ) -> UInt8[Tensor, "batch 3 h w"]:
        """See `handpose_core.synth.scene.Camera`; the pictures come out of the JPEG."""
        height, width = pictures.shape[-2:]
        y = torch.linspace(-1, 1, height, device=pictures.device)[:, None]
        x = torch.linspace(-1, 1, width, device=pictures.device)
        white = torch.stack([camera.white for camera in cameras]).to(pictures)[..., None, None]
        vignette, strength = (
            torch.tensor([getattr(camera, name) for camera in cameras]).to(pictures)[:, None, None, None]
            for name in ("vignette", "noise")
        )
        seen = pictures * white * (1 - vignette * (x * x + y * y) / 2)
        seen = seen + strength * noise
        pixels = (seen.clamp(0, 1) * 255).to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
        compressed = [_through_jpeg(own, camera.quality) for own, camera in zip(pixels, cameras, strict=True)]
        return torch.stack(compressed).permute(0, 3, 1, 2).to(pictures.device)

    def measure(self, depth: Float[Tensor, "h w"], generator: Generator) -> Float[Tensor, "h w"]:
        """Depth in steps, with holes (0) at random and where it jumps."""
        step = (self.depth_step * (depth / 1000).square()).clamp_min(0.1)
        noisy = depth + step * torch.randn(depth.shape, generator=generator)
        measured = (noisy / step).round() * step
        around = functional.max_pool2d(depth[None], 3, 1, 1) + functional.max_pool2d(-depth[None], 3, 1, 1)
        edge = (around[0] > 60) & (torch.rand(depth.shape, generator=generator) < 0.5)
        lost = edge | (torch.rand(depth.shape, generator=generator) < self.dropout)
        return torch.where(lost, 0.0, measured.clamp(0, FAR))


def _through_jpeg(pixels: UInt8[np.ndarray, "h w 3"], quality: int) -> UInt8[Tensor, "h w 3"]:
    encoded = cv2.imencode(".jpg", np.ascontiguousarray(pixels), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return torch.from_numpy(cv2.imdecode(encoded, cv2.IMREAD_COLOR))


def _draw_camera(generator: Generator) -> PhoneCamera:
    return PhoneCamera(
        white=1 + 0.06 * torch.randn(3, generator=generator),
        vignette=float(uniform(generator, 0, 0.5, 1)),
        noise=float(uniform(generator, 0, 0.03, 1)),
        quality=int(torch.randint(55, 96, (1,), generator=generator)),
        depth_step=float(uniform(generator, 0.8, 2.5, 1)),
        dropout=float(uniform(generator, 0, 0.02, 1)),
    )

"""What a camera does to a picture: exposure, white balance, blur, noise and 8 bits."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Generator, Tensor

from handpose_core.synth.draws import uniform

#: px; a camera that blurs less does not.
_LEAST_BLUR = 0.15


@dataclass(frozen=True)
class Sensor:
    """A webcam: colour with blur and noise, depth without any error. Blur in px, noise in units of full white."""

    gain: Float[Tensor, "3"]
    blur: float
    shot_noise: float
    read_noise: float

    @staticmethod
    def take(
        cameras: "Sequence[Sensor]", pictures: Float[Tensor, "batch 3 h w"], noise: Float[Tensor, "batch 3 h w"]
    ) -> UInt8[Tensor, "batch 3 h w"]:
        """See `handpose_core.synth.scene.Camera`."""
        seen = (pictures * torch.stack([camera.gain for camera in cameras]).to(pictures)[..., None, None]).clamp(0, 1)
        blurred = [i for i, camera in enumerate(cameras) if camera.blur > _LEAST_BLUR]
        if blurred:
            sigmas = [cameras[i].blur for i in blurred]
            seen[blurred] = _blur(_blur(seen[blurred], sigmas, -1), sigmas, -2)
        read, shot = (
            torch.tensor([getattr(camera, name) for camera in cameras]).to(pictures)[:, None, None, None]
            for name in ("read_noise", "shot_noise")
        )
        seen = seen + noise * (read + shot * seen.sqrt())
        return (seen.clamp(0, 1) * 255 + 0.5).to(torch.uint8)

    def measure(self, depth: Float[Tensor, "h w"], generator: Generator) -> Float[Tensor, "h w"]:
        """The true depth, as a renderer's depth pass has it."""
        return depth


def draw_sensor(generator: Generator) -> Sensor:
    """A camera between a good one in daylight and a webcam in a dim room."""
    return Sensor(
        gain=uniform(generator, 0.8, 1.2, 1) * (1 + 0.035 * torch.randn(3, generator=generator)),
        blur=float(uniform(generator, -0.8, 1.0, 1).clamp_min(0)),
        shot_noise=float(uniform(generator, 0, 0.035, 1)),
        read_noise=float(uniform(generator, 0, 0.012, 1)),
    )


def to_srgb(linear: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """The sRGB transfer curve (IEC 61966-2-1), with highlights rolled off instead of cut."""
    bright = torch.where(linear > 0.8, 0.8 + 0.2 * torch.tanh((linear - 0.8) / 0.2), linear).clamp_min(0)
    return torch.where(bright <= 0.0031308, 12.92 * bright, 1.055 * bright.clamp_min(1e-6).pow(1 / 2.4) - 0.055)


def _blur(pictures: Float[Tensor, "batch 3 h w"], sigmas: Sequence[float], axis: int) -> Float[Tensor, "batch 3 h w"]:
    """Gaussian blur along one axis, edges repeated. A handful of shifted sums is quicker here than a convolution."""
    reaches = [max(1, round(2.5 * sigma)) for sigma in sigmas]
    largest = max(reaches)
    taps = torch.zeros(len(sigmas), 2 * largest + 1)
    for row, sigma, reach in zip(taps, sigmas, reaches, strict=True):
        own = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma).square())
        row[largest - reach : largest + reach + 1] = own / own.sum()
    taps = taps.to(pictures)[..., None, None, None]
    size = pictures.shape[axis]
    edges = [pictures.narrow(axis, i, 1).repeat_interleave(largest, dim=axis) for i in (0, size - 1)]
    padded = torch.cat([edges[0], pictures, edges[1]], dim=axis)
    blurred = torch.zeros_like(pictures)
    for i in range(2 * largest + 1):
        blurred = blurred + padded.narrow(axis, i, size) * taps[:, i]
    return blurred

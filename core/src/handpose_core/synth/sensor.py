"""What a camera does to a picture: exposure, white balance, blur, noise and 8 bits."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Generator, Tensor

from handpose_core.synth.draws import uniform


@dataclass(frozen=True)
class Sensor:
    """A webcam: colour with blur and noise, depth without any error. Blur in px, noise in units of full white."""

    gain: Float[Tensor, "3"]
    blur: float
    shot_noise: float
    read_noise: float

    def take(self, picture: Float[Tensor, "3 h w"], noise: Float[Tensor, "3 h w"]) -> UInt8[Tensor, "h w 3"]:
        """The 8-bit picture of an sRGB one; ``noise`` is standard normal."""
        seen = (picture * self.gain.to(picture)[:, None, None]).clamp(0, 1)
        if self.blur > 0.15:
            seen = _blur(_blur(seen, self.blur, -1), self.blur, -2)
        seen = seen + noise * (self.read_noise + self.shot_noise * seen.sqrt())
        return (seen.clamp(0, 1) * 255 + 0.5).to(torch.uint8).permute(1, 2, 0)

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


def _blur(picture: Float[Tensor, "3 h w"], sigma: float, axis: int) -> Float[Tensor, "3 h w"]:
    """Gaussian blur along one axis, edges repeated. A handful of shifted sums is quicker here than a convolution."""
    reach = max(1, round(2.5 * sigma))
    taps = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma).square())
    taps = taps / taps.sum()
    size = picture.shape[axis]
    edges = [picture.narrow(axis, i, 1).repeat_interleave(reach, dim=axis) for i in (0, size - 1)]
    padded = torch.cat([edges[0], picture, edges[1]], dim=axis)
    return sum((padded.narrow(axis, i, size) * float(tap) for i, tap in enumerate(taps)), torch.zeros_like(picture))

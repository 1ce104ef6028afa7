"""Random numbers that belong to one frame: the same whatever batch, process or run it is made in."""

import torch
from jaxtyping import Float
from torch import Generator, Tensor


def frame_generator(seed: int, stream: str, frame: int) -> Generator:
    """A generator of its own for each seed, stream (a split's or a use's name) and frame number."""
    mixed = 0x9E3779B97F4A7C15
    for value in (seed, *stream.encode(), frame):
        mixed = ((mixed ^ value) * 0xBF58476D1CE4E5B9 + 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
        mixed ^= mixed >> 29
    return torch.Generator().manual_seed(mixed & 0x7FFFFFFFFFFFFFFF)


def uniform(generator: Generator, low: float, high: float, *shape: int) -> Float[Tensor, "*shape"]:
    """Even draws from low to high."""
    return low + (high - low) * torch.rand(*shape, generator=generator)


def random_rotation(generator: Generator) -> Float[Tensor, "3 3"]:
    """An orientation drawn evenly from all there are, by a unit quaternion."""
    w, x, y, z = torch.nn.functional.normalize(torch.randn(4, generator=generator), dim=0)
    return torch.stack(
        [
            torch.stack([1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)]),
            torch.stack([2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)]),
            torch.stack([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)]),
        ]
    )

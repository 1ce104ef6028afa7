"""Irradiance by spherical harmonics against integration over the sphere."""

import torch

from handpose_core.render import Environment, Surface


def test_irradiance_agrees_with_integration_over_the_sphere():
    draw = torch.Generator().manual_seed(0)
    harmonics = torch.randn(1, 9, 3, generator=draw)
    harmonics[:, 0] = 6
    directions = torch.nn.functional.normalize(torch.randn(400_000, 3, generator=draw), dim=-1)
    x, y, z = directions.unbind(-1)
    basis = torch.stack(
        [
            torch.full_like(x, 0.282095), 0.488603 * y, 0.488603 * z, 0.488603 * x, 1.092548 * x * y,
            1.092548 * y * z, 0.315392 * (3 * z * z - 1), 1.092548 * x * z, 0.546274 * (x * x - y * y),
        ],
        dim=-1,
    )  # fmt: skip
    radiance = basis @ harmonics[0]
    normals = torch.nn.functional.normalize(torch.randn(1, 5, 3, generator=draw), dim=-1)
    cosine = (directions @ normals[0].T).clamp_min(0)
    integral = 4 * torch.pi * (cosine[:, :, None] * radiance[:, None]).mean(0)
    light = Environment(harmonics, torch.zeros(1, 3), torch.ones(1))
    white = Surface(torch.ones(1, 5, 3), torch.zeros(1, 5), torch.ones(1, 5))
    leaving, _ = light.diffuse(normals, normals, torch.zeros(0, 3, dtype=torch.long), white, torch.ones(1, 5))
    torch.testing.assert_close(leaving[0], integral / torch.pi, atol=0.02, rtol=0.02)


def test_rim_shows_at_grazing_angles_alone():
    light = Environment(torch.zeros(1, 9, 3), torch.ones(1, 3), torch.ones(1))
    view = torch.tensor([[0.0, 0, -1]])
    normals = torch.tensor([[0.0, 0, -1], [1.0, 0, 0]])
    rim = light.highlight(normals, torch.ones(2), torch.ones(2), torch.zeros(2, dtype=torch.long), view)
    assert rim[0].max() == 0
    assert rim[1].min() == 1

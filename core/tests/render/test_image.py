"""Shaded, anti-aliased pictures: coverage, light, shadow, occlusion."""

import pytest
import torch
import trimesh

from handpose_core.mesh import vertex_normals
from handpose_core.render import Lights, Surface, render
from handpose_core.render.shading import soft_shadow, sphere_occlusion

K = torch.tensor([[[200.0, 0, 31.5], [0, 200.0, 31.5], [0, 0, 1]]])


def lights(toward=(0.0, 0.0, -1.0), colour=1.0, ambient=0.0) -> Lights:
    return Lights(
        directions=torch.nn.functional.normalize(torch.tensor([[toward]]), dim=-1),
        colours=torch.full((1, 1, 3), colour),
        sky=torch.full((1, 3), ambient),
        ground=torch.full((1, 3), ambient),
        wrap=torch.zeros(1),
        shadow_softness=torch.ones(1),
    )


def matt(count: int, albedo: float = 0.5) -> Surface:
    return Surface(torch.full((1, count, 3), albedo), torch.zeros(1, count), torch.ones(1, count))


def square(half: float, distance: float, turn: float = 0.0):
    angle = torch.tensor(float(turn))
    corners = half * torch.tensor([[-1.0, -1], [1, -1], [1, 1], [-1, 1]])
    rotation = torch.stack([torch.stack([angle.cos(), -angle.sin()]), torch.stack([angle.sin(), angle.cos()])])
    vertices = torch.cat([corners @ rotation.T, torch.full((4, 1), distance)], dim=1)[None]
    return vertices, torch.tensor([[0, 2, 1], [0, 3, 2]])


@pytest.mark.parametrize("turn", [0.0, 0.3, 0.7])
def test_coverage_sums_to_the_area_and_is_soft_at_edges(turn):
    vertices, faces = square(37.3, 400.0, turn)
    picture = render(vertices, faces, K, (64, 64), matt(4), lights(ambient=1.0))
    side = 2 * 37.3 * 200 / 400
    assert picture.coverage.sum().item() == pytest.approx(side**2, rel=0.02)  # a side is seen to half a pixel
    if turn:
        partial = (picture.coverage > 0) & (picture.coverage < 1)
        assert partial.sum() > 60


def test_ambient_light_alone_gives_the_albedo():
    vertices, faces = square(60, 400.0)
    picture = render(vertices, faces, K, (64, 64), matt(4, 0.37), lights(colour=0.0, ambient=1.0))
    full = picture.coverage[0, 0] == 1
    torch.testing.assert_close(picture.colour[0, :, full], torch.full((3, int(full.sum())), 0.37))


def test_a_sphere_is_bright_towards_the_light_and_dark_away_from_it():
    ball = trimesh.creation.icosphere(4, 40)
    vertices = torch.tensor(ball.vertices, dtype=torch.float32)[None] + torch.tensor([0, 0, 400.0])
    picture = render(vertices, torch.tensor(ball.faces), K, (64, 64), matt(len(ball.vertices)), lights((-1.0, 0, -0.3)))
    row = picture.colour[0, 0, 32]
    assert row[16] > 0.2
    assert row[47] < 0.02


def test_a_thing_between_a_wall_and_the_light_throws_its_shadow_on_the_wall():
    n = 25
    grid = torch.linspace(-110, 110, n)
    y, x = torch.meshgrid(grid, grid, indexing="ij")
    vertices = torch.stack([x, y, torch.full_like(x, 500.0)], dim=-1).reshape(-1, 3)
    a = torch.arange(n * n).view(n, n)
    top = torch.stack([a[:-1, :-1], a[1:, 1:], a[:-1, 1:]], dim=-1).reshape(-1, 3)
    bottom = torch.stack([a[:-1, :-1], a[1:, :-1], a[1:, 1:]], dim=-1).reshape(-1, 3)
    ball = trimesh.creation.icosphere(3, 30)
    blocker = torch.tensor(ball.vertices, dtype=torch.float32) + torch.tensor([0, 0, 430.0])
    everything = torch.cat([vertices, blocker])[None]
    faces = torch.cat([top, bottom, torch.tensor(ball.faces) + len(vertices)])
    visible = soft_shadow(everything, vertex_normals(everything, faces), faces, lights())[0, : n * n].view(n, n)
    assert visible[n // 2, n // 2] == 0
    assert visible[0].mean() == 1
    assert ((visible > 0) & (visible < 1)).any()  # a soft edge


def test_occlusion_of_one_sphere_overhead_is_its_share_of_the_sky():
    vertices, normals = torch.zeros(1, 1, 3), torch.tensor([[[0.0, 0, -1]]])
    centre = torch.tensor([[[0.0, 0, -30]]])
    seen = sphere_occlusion(vertices, normals, centre, torch.tensor([10.0]))
    assert seen.item() == pytest.approx(torch.exp(torch.tensor(-0.9 / 9)).item(), rel=1e-5)
    behind = sphere_occlusion(vertices, normals, -centre, torch.tensor([10.0]))
    assert behind.item() == 1


def test_normals_of_a_sphere_point_outwards():
    ball = trimesh.creation.icosphere(3, 40)
    vertices = torch.tensor(ball.vertices, dtype=torch.float32)[None]
    normals = vertex_normals(vertices, torch.tensor(ball.faces))
    assert ((normals * vertices).sum(-1) / 40 > 0.999).all()

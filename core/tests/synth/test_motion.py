"""Sampled motion: smooth, within limits, without penetration, repeatable."""

import pytest
import torch

from handpose_core.rig import JOINT_LIMITS, HandRig, pose_from_angles
from handpose_core.synth.motion import draw_motion
from handpose_core.synth.poses import PoseSampler
from handpose_core.synth.scene import draw_shape


@pytest.fixture(scope="module")
def poses():
    return PoseSampler(HandRig("webxr"))


def course(poses, seed=0, frames=150, shape=None):
    centre, reach = torch.tensor([0.0, 0, 500]), torch.tensor([60.0, 40, 80])
    return draw_motion(poses, frames, centre, reach, 0.4, torch.Generator().manual_seed(seed), shape)


def test_moves_a_few_millimetres_a_frame_and_does_move(poses):
    motion = course(poses)
    shape = torch.zeros(150, poses.rig.n_shapes)
    hand = poses.rig(pose_from_angles(poses.rig, motion.angles), shape, motion.rotations, motion.centres)
    steps = torch.linalg.vector_norm(hand.joints.diff(dim=0), dim=-1)
    assert steps.mean() > 1
    assert steps.mean() < 15  # a real captured hand moves about 11 mm a frame
    assert steps.max() < 90


def test_stays_within_limits_reach_and_free_of_penetration(poses):
    motion = course(poses)
    assert (motion.angles >= JOINT_LIMITS[..., 0] - 1e-5).all()
    assert (motion.angles <= JOINT_LIMITS[..., 1] + 1e-5).all()
    assert ((motion.centres - torch.tensor([0.0, 0, 500])).abs() <= torch.tensor([60.0, 40, 80]) + 1e-3).all()
    assert not poses.penetrates(motion.angles).any()
    identity = torch.eye(3).expand(150, 3, 3)
    torch.testing.assert_close(motion.rotations @ motion.rotations.mT, identity, atol=1e-5, rtol=0)


def test_the_hand_that_moves_is_freed_of_penetration_at_its_own_shape(poses):
    shapes = [draw_shape(poses.rig, torch.Generator().manual_seed(seed)) for seed in range(4)]
    at_mean = [course(poses, seed).angles for seed in range(4)]
    own = [course(poses, seed, shape=shape).angles for seed, shape in enumerate(shapes)]
    of_frames = [shape.expand(150, -1) for shape in shapes]
    assert any(poses.penetrates(*motion).any() for motion in zip(at_mean, of_frames, strict=True))
    assert not any(poses.penetrates(*motion).any() for motion in zip(own, of_frames, strict=True))


def test_one_frame_and_the_same_course_again(poses):
    assert course(poses, frames=1).angles.shape == (1, 15, 3)
    assert torch.equal(course(poses).angles, course(poses).angles)
    assert not torch.equal(course(poses).angles, course(poses, seed=1).angles)

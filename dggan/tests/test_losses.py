import math

import pytest
import torch

from handpose_dggan.losses import depth_loss


def test_depth_loss_is_the_continuous_smooth_l1():
    errors = torch.zeros(1, 21)
    errors[0, :4] = torch.tensor([0.5, -1.0, 1.5, -3.0])
    counted = torch.zeros(1, 21, dtype=torch.bool)
    counted[0, :4] = True
    expected = (0.5 * 0.25 + 0.5 * 1 + (1.5 - 0.5) + (3 - 0.5)) / 4
    assert depth_loss(errors, torch.zeros(1, 21), counted).item() == pytest.approx(expected)


def test_depth_loss_ignores_uncounted_joints():
    target = torch.full((2, 21), math.nan)
    target[0] = 0
    counted = torch.zeros(2, 21, dtype=torch.bool)
    assert depth_loss(torch.ones(2, 21), target, counted).item() == 0
    counted[0] = True
    predicted = torch.ones(2, 21, requires_grad=True)
    loss = depth_loss(predicted, target, counted)
    loss.backward()
    assert loss.item() == 0.5
    assert torch.isfinite(predicted.grad).all()

import math

import pytest
import torch

from handpose_core.nn.losses import heatmap_loss


def test_heatmap_loss_by_hand():
    target = torch.zeros(1, 2, 4, 4)
    target[0, 0, 0, 0] = 1
    counted = torch.ones(1, 2, dtype=torch.bool)
    # stage 1 is zero: one squared error of 1 among 2 x 16 cells; stage 2 is 0.5 everywhere: all 0.25
    stages = [torch.zeros(1, 2, 2, 2), torch.full((1, 2, 2, 2), 0.5)]
    assert heatmap_loss(stages, target, counted).item() == pytest.approx(1 / 32 + 0.25)


def test_heatmap_loss_upsamples_bilinearly():
    target = torch.tensor([0.0, 0.25, 0.75, 1.0]).expand(1, 1, 4, 4)
    stage = torch.tensor([0.0, 1.0]).expand(1, 1, 2, 2)
    assert heatmap_loss([stage], target, torch.ones(1, 1, dtype=torch.bool)).item() == 0


def test_heatmap_loss_leaves_uncounted_maps_out():
    target = torch.zeros(2, 2, 2, 2)
    target[1, 1] = math.nan  # would show in the result, and in the gradient
    counted = torch.tensor([[True, True], [True, False]])
    stage = torch.ones(2, 2, 2, 2, requires_grad=True)
    loss = heatmap_loss([stage], target, counted)
    assert loss.item() == 1
    loss.backward()
    assert torch.isfinite(stage.grad).all()
    assert not stage.grad[1, 1].any()
    assert heatmap_loss([stage], target, torch.zeros(2, 2, dtype=torch.bool)).item() == 0

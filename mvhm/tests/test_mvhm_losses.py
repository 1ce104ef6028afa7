"""The losses against values worked out by hand."""

import torch

from handpose_mvhm.losses import depth_loss, mesh_loss, pose_loss


def test_the_mesh_loss_is_a_mean_over_vertices():
    predicted = torch.tensor([[[1.0, 0, 2], [0, 0, 0]], [[9.0, 9, 9], [9, 9, 9]]], requires_grad=True)
    target = torch.zeros(2, 2, 3)
    target[1] = torch.nan
    loss = mesh_loss(predicted, target, torch.tensor([True, False]))
    torch.testing.assert_close(loss, torch.tensor(2.5))  # (1 + 4) / 2 vertices
    loss.backward()
    torch.testing.assert_close(predicted.grad[0, 0], torch.tensor([1.0, 0, 2]))
    assert not predicted.grad[1].any()
    assert mesh_loss(predicted, target, torch.tensor([False, False])) == 0


def test_the_depth_loss_is_a_mean_over_counted_joints():
    predicted, target = torch.zeros(1, 21), torch.zeros(1, 21)
    predicted[0, :3] = torch.tensor([1.0, 2, 3])
    counted = torch.zeros(1, 21, dtype=torch.bool)
    assert depth_loss(predicted, target, counted) == 0
    counted[0, :2] = True
    torch.testing.assert_close(depth_loss(predicted, target, counted), torch.tensor(2.5))


def test_the_pose_loss_is_in_reference_bones():
    predicted, target = torch.zeros(2, 21, 3), torch.zeros(2, 21, 3)
    predicted[0, 0] = torch.tensor([30.0, 40, 0])
    predicted.requires_grad_()
    counted = torch.zeros(2, 21, dtype=torch.bool)
    counted[0, :2] = True
    loss = pose_loss(predicted, target, torch.tensor([25.0, torch.nan]), counted)
    torch.testing.assert_close(loss, torch.tensor(2.0))  # (50 / 25)^2 over two joints
    loss.backward()
    assert predicted.grad.isfinite().all()

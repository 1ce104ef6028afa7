"""Constant hands, worked out by hand."""

import pytest
import torch

from handpose_core.errors import HandposeError
from handpose_core.hand import MIDDLE_MCP, MIDDLE_PIP, Side
from handpose_core.metrics.functional.constant_hand import (
    mean_points,
    mean_pose,
    mean_shape,
    mirror_left,
    mirror_left_pixels,
)
from handpose_core.rig import HandRig

ALL = torch.ones(2, 21, dtype=torch.bool)


def two_hands():
    """Wrist at (1, 2, 300) and (9, 9, 500), bones of 40 and 20 mm, index tips at 3 and 1 bone lengths along x."""
    hands = torch.zeros(2, 21, 3)
    hands[:, MIDDLE_MCP, 1], hands[:, MIDDLE_PIP, 1] = torch.tensor([40.0, 20.0]), torch.tensor([80.0, 40.0])
    hands[:, 8, 0] = torch.tensor([3 * 40.0, 1 * 20.0])
    return hands + torch.tensor([[1.0, 2, 300], [9.0, 9, 500]])[:, None]


def test_the_mean_pose_is_relative_to_the_wrist_and_in_bone_lengths():
    mean = mean_pose(two_hands(), ALL)
    torch.testing.assert_close(mean[8], torch.tensor([2.0, 0, 0]))  # of 3 and 1
    torch.testing.assert_close(mean[MIDDLE_PIP], torch.tensor([0, 2.0, 0]))
    assert mean[0].abs().max() == 0


def test_joints_that_are_not_annotated_do_not_count():
    annotated = ALL.clone()
    annotated[1, 8] = False
    torch.testing.assert_close(mean_pose(two_hands(), annotated)[8], torch.tensor([3.0, 0, 0]))
    annotated[0, 8] = False
    with pytest.raises(HandposeError, match="index_tip: found no training sample"):
        mean_pose(two_hands(), annotated)
    annotated = ALL.clone()
    annotated[1, MIDDLE_PIP] = False  # no scale: the whole hand is left out
    torch.testing.assert_close(mean_pose(two_hands(), annotated)[8], torch.tensor([3.0, 0, 0]))


def test_left_hands_are_mirrored_and_mirrored_back():
    side = torch.tensor([int(Side.LEFT), int(Side.RIGHT)])
    points = torch.arange(12.0).view(2, 2, 3)
    mirrored = mirror_left(points, side)
    assert mirrored[0, 1].tolist() == [-3, 4, 5]
    assert mirrored[1].tolist() == points[1].tolist()
    assert torch.equal(mirror_left(mirrored, side), points)
    pixels = mirror_left_pixels(points[..., :2], side, width=64)
    assert pixels[0].tolist() == [[63, 1], [60, 4]]
    assert pixels[1].tolist() == points[1, :, :2].tolist()


def test_the_mean_of_pixels():
    pixels = torch.tensor([[[0.0, 4]], [[10.0, 6]]]).expand(2, 21, 2)
    assert mean_points(pixels, ALL, "2D")[3].tolist() == [5, 5]


def test_the_mean_shape_of_one_hand_turned_moved_and_scaled_is_that_hand():
    torch.manual_seed(0)
    hand = HandRig().joints * 1000
    turns = torch.linalg.qr(torch.randn(6, 3, 3)).Q
    turns = turns * torch.linalg.det(turns).sign()[:, None, None]
    hands = hand @ turns.mT * torch.rand(6)[:, None, None].add(0.5) + torch.randn(6, 1, 3) * 100
    mean = mean_shape(hands, torch.ones(6, 21, dtype=torch.bool))
    gram = ((hand - hand[0]) / (hand[MIDDLE_PIP] - hand[MIDDLE_MCP]).norm()) @ (hand - hand[0]).T
    own = mean @ mean.T * (hand[MIDDLE_PIP] - hand[MIDDLE_MCP]).norm()  # unlike joints, not turned
    torch.testing.assert_close(own, gram, rtol=1e-3, atol=1e-2)

"""Batches of drawn hands for estimators."""

import cv2
import numpy as np
import pytest
import torch

from handpose_core.camera import project
from handpose_core.hand import BONES, Side

SIDE = 64
"""Of the images, px."""


@pytest.fixture
def hands(draw_hand):
    """Four hands, left and right by turns, in 64 px images, with masks."""
    return _drawn_hands(draw_hand, 4)


@pytest.fixture(scope="module")
def eight_hands(draw_hand):
    """Eight such hands, for a whole module."""
    return _drawn_hands(draw_hand, 8)


def _drawn_hands(draw_hand, count):
    rng = np.random.default_rng(1)
    sides = [Side(i % 2) for i in range(count)]
    joints = torch.tensor(np.array([draw_hand(rng, side).joints_3d for side in sides]), dtype=torch.float32)
    joints = joints - joints[:, [9]] + torch.tensor([0.0, 0, 600])
    K = torch.tensor([[110.0, 0, 31.5], [0, 110.0, 31.5], [0, 0, 1]]).expand(count, 3, 3)
    pixels = project(joints, K)
    images, masks = zip(*(_drawn(hand) for hand in pixels), strict=True)
    everything = torch.ones(count, 21, dtype=torch.bool)
    return {
        "image": torch.stack(images),
        "mask": torch.stack(masks),
        "joints_2d": pixels,
        "joints_3d": joints,
        "annotated": everything,
        "visible": everything.clone(),
        "K": K,
        "side": torch.tensor([int(side) for side in sides]),
        "index": torch.arange(count),
    }


def _drawn(pixels):
    """The bones as coloured lines, and where they are."""
    image, mask = np.zeros((SIDE, SIDE, 3), np.float32), np.zeros((SIDE, SIDE), np.uint8)
    for bone, (start, end) in enumerate(BONES):
        ends = [tuple(int(v) for v in pixels[joint].round()) for joint in (start, end)]
        cv2.line(image, *ends, (1 - bone / 20, bone / 20, 0.5), 3)
        cv2.line(mask, *ends, 1, 3)
    return torch.from_numpy(image).permute(2, 0, 1).contiguous(), torch.from_numpy(mask)[None].bool()

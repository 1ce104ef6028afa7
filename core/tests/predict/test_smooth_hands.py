"""Hands are smoothed by the time between frames, not by their count."""

from dataclasses import replace

import numpy as np
import pytest

from handpose_core.predict.cut import Origin
from handpose_core.predict.hands import Hand
from handpose_core.predict.smooth_hands import SmoothHands

HAND = Hand(np.zeros((21, 2)), np.zeros((21, 3)), np.ones(21), None, None, np.array([0.0, 0.0, 200.0]), Origin.WHOLE)


def after(step: float) -> float:
    """Where a hand is seen that moved by 10 mm within a step, s."""
    smooth = SmoothHands()
    smooth([HAND], 1.0)
    return float(smooth([replace(HAND, joints_3d=np.full((21, 3), 10.0))], 1.0 + step)[0].joints_3d[0, 0])


def test_the_longer_ago_the_frame_before_the_less_it_counts() -> None:
    # alpha = 1 / (1 + rate / (2 pi f)): of the speed f = 1, of the value f = 1 + 0.02 |speed|
    for step in (1 / 30, 0.2, 1.0):
        speed = 10 / step / (1 + 1 / step / (2 * np.pi))
        assert after(step) == pytest.approx(10 / (1 + 1 / step / (2 * np.pi * (1 + 0.02 * speed))))
    assert after(1 / 30) < after(0.2) < after(1.0)

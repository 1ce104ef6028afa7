import math

import numpy as np
import pytest

from handpose_core.errors import HandposeError
from handpose_core.predict import OneEuro
from handpose_core.predict.smoothing import smoothing_factor


def test_the_weight_is_the_papers():
    # te = 1/30 s, tau = 1 / (2 pi): alpha = 1 / (1 + 30 / (2 pi)) = 0.17317
    assert smoothing_factor(30.0, np.array([1.0]))[0] == pytest.approx(0.173171, abs=1e-6)


def test_two_steps_worked_by_hand():
    # rate = 2 pi, so that a cutoff of 1 Hz weighs 1 / (1 + 1) = 1/2
    smooth = OneEuro(2 * math.pi, min_cutoff=1.0, beta=1 / math.pi, derivative_cutoff=1.0)
    assert smooth(np.array([0.0]))[0] == 0
    # speed 2 pi, smoothed pi; cutoff 1 + pi/pi = 2; weight 1 / (1 + 1/2) = 2/3
    assert smooth(np.array([1.0]))[0] == pytest.approx(2 / 3)
    # speed (1 - 2/3) 2 pi = 2 pi/3, smoothed (2 pi/3 + pi)/2 = 5 pi/6; cutoff 11/6; weight 11/17
    assert smooth(np.array([1.0]))[0] == pytest.approx(11 / 17 + 6 / 17 * 2 / 3)


def test_a_hand_that_rests_trembles_less_and_one_that_moves_is_followed():
    rng = np.random.default_rng(0)
    smooth = OneEuro(30.0)
    rest = np.array([smooth(value) for value in rng.normal(0, 1, (300, 21, 3))])
    assert rest[50:].std() < 0.45
    fast, slow = OneEuro(30.0, beta=0.1), OneEuro(30.0, beta=0.0)
    for frame in range(60):
        place = np.array([frame * 20.0])  # 600 mm a second
        lag_fast, lag_slow = place - fast(place), place - slow(place)
    assert lag_fast[0] < 10 < 60 < lag_slow[0]


def test_a_rate_of_zero_is_refused():
    with pytest.raises(HandposeError, match="all above 0"):
        OneEuro(0.0)

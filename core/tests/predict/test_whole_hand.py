from dataclasses import replace

import numpy as np
import pytest

from handpose_core.predict.cut import Origin, Square
from handpose_core.predict.recovery import hand_length
from handpose_core.predict.view import View
from handpose_core.predict.whole_hand import WholeHand, whole_hand


def said(there: float) -> WholeHand:
    points = np.random.default_rng(0).normal(0, 1, (21, 3)).astype(np.float32)
    return WholeHand(
        in_crop=(points[:, :2] * 20 + 64).astype(np.float32),
        scores=np.full(21, np.float32(0.5 * there)),
        xyz=points,
        vertices=points,
        right=np.float32(1.0),
        is_right=np.bool_(True),
        middle=np.array([63.5, 63.5], np.float32),
        presence=np.float32(there),
    )


def confidence(there: float, origin: Origin, side: float, info) -> float:
    """In a square of ``side`` px of a picture 200 x 160; joints are half sure."""
    square, K = Square(np.array([100.0, 80.0]), side, origin), np.array([[300.0, 0, 100], [0, 300, 80], [0, 0, 1]])
    view = View(np.zeros((128, 128, 3), np.uint8), square, K, 200, 160, None, False, False, None)
    return whole_hand(view, info, np.zeros((1, 3), np.int64), said(there)).mean_confidence


@pytest.mark.parametrize(
    ("there", "in_a_box", "in_a_search"),
    [(1.0, 1.0, 1.0), (0.5, 20 / 21, 3 / 103), (0.1, 20 / 29, 1 / 301), (0.9, 180 / 181, 27 / 127), (0.0, 0.0, 0.0)],
)
def test_a_box_raises_the_odds_of_a_hand_and_a_search_lowers_them(there, in_a_box, in_a_search, brightest):
    """Odds of 1:9 become 20:9 and 1:300."""
    assert confidence(there, Origin.BOX, 160.0, brightest.info) == pytest.approx(0.5 * in_a_box, abs=1e-6)
    assert confidence(there, Origin.SEARCH, 160.0, brightest.info) == pytest.approx(0.5 * in_a_search, abs=1e-6)
    for origin in (Origin.WHOLE, Origin.FOLLOW):
        assert confidence(there, origin, 160.0, brightest.info) == pytest.approx(0.5 * there, abs=1e-6)


def test_a_search_has_the_more_squares_the_smaller_they_are(brightest):
    """Of half the side, four times as many: odds of 1:1 become 3:400, and no more than 3:100 however large."""
    assert confidence(0.5, Origin.SEARCH, 80.0, brightest.info) == pytest.approx(0.5 * 3 / 403, abs=1e-6)
    assert confidence(0.5, Origin.SEARCH, 200.0, brightest.info) == pytest.approx(0.5 * 3 / 103, abs=1e-6)
    assert confidence(0.5, Origin.BOX, 80.0, brightest.info) == pytest.approx(0.5 * 20 / 21, abs=1e-6)


@pytest.mark.parametrize(
    ("assumed", "given", "length"), [(None, None, None), (180.0, None, 180.0), (180.0, 90.0, 90.0)]
)
def test_a_hand_whose_size_is_not_given_has_the_length_that_its_model_assumes(assumed, given, length, brightest):
    info, square = replace(brightest.info, hand_mm=assumed), Square(np.array([100.0, 80.0]), 160.0, Origin.BOX)
    K = np.array([[300.0, 0, 100], [0, 300, 80], [0, 0, 1]])
    view = View(np.zeros((128, 128, 3), np.uint8), square, K, 200, 160, None, False, False, given)
    output = said(1.0)
    hand = whole_hand(view, info, np.zeros((1, 3), np.int64), output)
    expected = length or info.bone_mm * hand_length(output.xyz)  # a model that assumes none has a reference bone's
    assert hand_length(hand.joints_3d) == pytest.approx(expected, rel=1e-5)

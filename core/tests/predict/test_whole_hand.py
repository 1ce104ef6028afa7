import numpy as np
import pytest

from handpose_core.predict.cut import Origin, Square
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
        there=np.float32(there),
    )


@pytest.mark.parametrize(
    ("there", "in_a_box", "in_a_search"),
    [(1.0, 1.0, 1.0), (0.5, 20 / 21, 1 / 101), (0.1, 20 / 29, 1 / 901), (0.9, 180 / 181, 9 / 109), (0.0, 0.0, 0.0)],
)
def test_a_box_raises_the_odds_of_a_hand_and_a_search_lowers_them(there, in_a_box, in_a_search, brightest):
    """Odds of 1:9 become 20:9 and 1:900; joints are half sure in all cases."""

    def confidence(origin: Origin) -> float:
        square = Square(np.array([100.0, 80.0]), 128.0, origin)
        K = np.array([[300.0, 0, 100], [0, 300, 80], [0, 0, 1]])
        view = View(np.zeros((128, 128, 3), np.uint8), square, K, 200, None, False, False, None)
        return whole_hand(view, brightest.info, np.zeros((1, 3), np.int64), said(there)).mean_confidence

    assert confidence(Origin.BOX) == pytest.approx(0.5 * in_a_box, abs=1e-6)
    assert confidence(Origin.SEARCH) == pytest.approx(0.5 * in_a_search, abs=1e-6)
    for origin in (Origin.WHOLE, Origin.FOLLOW):
        assert confidence(origin) == pytest.approx(0.5 * there, abs=1e-6)

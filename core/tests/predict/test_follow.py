import numpy as np
import pytest

from handpose_core.predict import HandModel, Picture, Search
from handpose_core.predict.cut import Origin
from handpose_core.predict.follow import Follow


@pytest.fixture
def follow(fitting):
    """Searches the whole picture and twice closer: three crops."""
    model = HandModel(fitting)
    return Follow(model, Search(model, grid=()))


@pytest.fixture
def frame(spot):
    def draw(x: int, y: int, half: int = 80) -> Picture:
        return Picture("0", spot(640, 480, x, y, half))

    return draw


def middle(hand):
    return (hand.joints_2d.min(0) + hand.joints_2d.max(0)) / 2


WALL = Picture("0", np.zeros((480, 640, 3), np.uint8))


def test_a_hand_is_kept_while_it_moves_with_one_look_a_frame(follow, frame, fitting):
    for count, x in enumerate(range(150, 500, 25)):
        ((hand,),) = follow([frame(x, 240)])
        np.testing.assert_allclose(middle(hand), [x, 240], atol=12)
        assert hand.origin is (Origin.FOLLOW if count else Origin.SEARCH)
        assert sum(fitting.batches) == 3 + count
    assert hand.square[2] == pytest.approx(240, rel=0.1)


def test_it_keeps_a_hand_that_comes_nearer(follow, frame):
    follow([frame(320, 240, 60)])
    for half in range(65, 140, 8):
        ((hand,),) = follow([frame(320, 240, half)])
        assert hand.origin is Origin.FOLLOW
    assert np.ptp(hand.joints_2d[:, 0]) == pytest.approx(2 * half, rel=0.15)


def test_a_hand_is_lost_and_found_elsewhere(follow, frame):
    frames = [frame(150, 240), WALL, WALL, frame(480, 200), frame(485, 205)]
    hands = [hand for (hand,) in follow(frames)]
    assert [hand.is_low for hand in hands] == [False, True, True, False, False]
    assert [hand.origin for hand in hands] == [Origin.SEARCH] * 4 + [Origin.FOLLOW]
    np.testing.assert_allclose(middle(hands[4]), [485, 205], atol=10)


def test_a_hand_that_jumps_is_found_in_the_same_frame(follow, frame):
    follow([frame(100, 100, 60)])
    ((hand,),) = follow([frame(530, 370, 60)])
    assert hand.origin is Origin.SEARCH
    np.testing.assert_allclose(middle(hand), [530, 370], atol=10)

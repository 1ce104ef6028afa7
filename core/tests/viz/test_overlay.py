import numpy as np
import pytest

from handpose_core.hand import FINGER_COLOURS
from handpose_core.viz import PREDICTION, TRUTH, draw_hand, enlarge, overlay


def _hand(size: int) -> np.ndarray:
    """A fan of fingers that fills an image of this side; the wrist at the bottom."""
    joints = np.full((21, 2), (0.5 * size, 0.9 * size), np.float32)
    for finger in range(5):
        for k in range(4):
            joints[1 + 4 * finger + k] = ((0.1 + 0.2 * finger) * size, (0.7 - 0.18 * k) * size)
    return joints


@pytest.mark.parametrize("size", [32, 224, 640])
def test_fingers_have_their_colours_at_the_joints(size):
    image = np.zeros((size, size, 3), np.uint8)
    drawn, factor = enlarge(image)
    joints = (_hand(size) + 0.5) * factor - 0.5
    drawn = draw_hand(drawn, joints, PREDICTION)
    for finger, (joint, colour) in enumerate(zip((4, 8, 12, 16, 20), FINGER_COLOURS.values(), strict=True)):
        x, y = joints[joint].round().astype(int)
        assert np.abs(drawn[y, x].astype(int) - colour).max() <= 2, finger


def test_the_input_is_left_as_it_was():
    image = np.zeros((400, 400, 3), np.uint8)
    overlay(image, _hand(400), _hand(400))
    draw_hand(image, _hand(400))
    assert not image.any()


def test_small_images_are_enlarged_and_large_ones_kept():
    joints = _hand(64)
    assert overlay(np.zeros((64, 64, 3), np.uint8), joints).shape == (384, 384, 3)
    assert overlay(np.zeros((480, 640, 3), np.uint8), joints).shape == (480, 640, 3)


def test_enlarged_joints_stay_on_their_pixel():
    """The centre of a pixel goes to the centre of its enlarged block: a mark at (10, 20) covers that block's middle."""
    image = np.zeros((48, 48, 3), np.uint8)
    joints = np.tile(np.array([[10.0, 20.0]], np.float32), (21, 1))
    drawn = overlay(image, joints)
    ys, xs = np.nonzero(drawn.any(axis=2))
    assert (xs.mean(), ys.mean()) == pytest.approx(((10.5 * 8) - 0.5, (20.5 * 8) - 0.5), abs=0.3)


def test_truth_is_thinner_than_the_prediction():
    image = np.full((384, 384, 3), 128, np.uint8)
    changed = [(draw_hand(image, _hand(384), style) != image).any(axis=2).sum() for style in (TRUTH, PREDICTION)]
    assert changed[0] < changed[1]


def test_joints_that_are_not_finite_or_far_away_are_left_out():
    image = np.zeros((384, 384, 3), np.uint8)
    joints = _hand(384)
    joints[8] = np.nan
    joints[20] = 1e12
    drawn = draw_hand(image, joints)
    x, y = _hand(384)[8].round().astype(int)
    assert not drawn[y, x].any()
    x, y = _hand(384)[12].round().astype(int)
    assert drawn[y, x].any()

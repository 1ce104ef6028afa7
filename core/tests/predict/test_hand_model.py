import numpy as np
import pytest
from PIL import Image

from handpose_core.errors import HandposeError
from handpose_core.hand import Side
from handpose_core.predict import Box, HandModel, Known
from handpose_core.predict.cut import cut, square_of

from .conftest import SIZE, Brightest

CLOSE = 1.5
"""px of pictures whose crop has about their size."""


def wrist_of(hand):
    return hand.joints_2d[0]


def test_without_a_box_the_whole_picture_is_squared_and_said_so(model, spot):
    (hand,) = model(spot(64, 40, 50, 10))
    np.testing.assert_allclose(wrist_of(hand), [50, 10], atol=CLOSE)
    assert hand.whole_picture
    assert hand.square.tolist() == [31.5, 19.5, 64]


def test_a_box_is_looked_at_alone_with_the_trainings_margin(model, spot):
    picture = spot(200, 100, 40, 60) + spot(200, 100, 150, 20) // 2
    (hand,) = model(picture, Box(140, 10, 20, 10))
    np.testing.assert_allclose(wrist_of(hand), [150, 20], atol=CLOSE)
    assert not hand.whole_picture
    assert hand.square.tolist() == [149.5, 14.5, 30]


def test_two_hands_have_a_box_each(model, spot):
    picture = spot(200, 100, 40, 60) // 2 + spot(200, 100, 150, 20) // 2
    hands = model(picture, [Box(30, 50, 20, 20, Side.LEFT), Box(140, 10, 20, 20, Side.RIGHT)])
    np.testing.assert_allclose([wrist_of(hand) for hand in hands], [[40, 60], [150, 20]], atol=CLOSE)
    assert [hand.side for hand in hands] == [Side.LEFT, Side.RIGHT]


def test_a_hand_cut_off_by_the_border_has_all_its_joints(model, spot):
    (hand,) = model(spot(100, 80, 97, 40), Box(90, 30, 30, 20))
    np.testing.assert_allclose(wrist_of(hand), [97, 40], atol=CLOSE)
    assert np.isfinite(hand.joints_3d).all()


def test_a_box_outside_the_picture_is_refused(model, spot):
    with pytest.raises(HandposeError, match="100 x 80 px"):
        model(spot(100, 80, 50, 40), Box(100, 10, 20, 20))


def test_a_picture_without_a_hand_is_of_low_confidence(spot):
    (hand,) = HandModel(Brightest(confidence=0.02))(np.zeros((20, 30, 3), np.uint8))
    assert hand.as_dict()["low_confidence"]
    assert np.isfinite(hand.joints_2d).all()


def test_a_mirror_image_has_its_2d_as_it_is_and_the_real_hand_in_3d(model, spot):
    picture, box = spot(200, 100, 40, 60), Box(25, 40, 40, 40)
    known = Known(side=Side.RIGHT, focal=(300.0, 310.0, 90.0, 45.0), hand_mm=180)
    (hand,) = model(picture, box, known)
    # the same scene without the mirror: the picture flipped, the box and the principal point with it
    turned = Known(side=Side.RIGHT, focal=(300.0, 310.0, 199 - 90.0, 45.0), hand_mm=180, mirrored=True)
    (mirrored,) = model(np.ascontiguousarray(picture[:, ::-1]), Box(200 - 65, 40, 40, 40), turned)
    np.testing.assert_allclose(mirrored.joints_2d, hand.joints_2d * [-1, 1] + [199, 0], atol=1e-9)
    np.testing.assert_allclose(mirrored.absolute, hand.absolute, atol=1e-9)
    assert mirrored.side == Side.RIGHT
    assert mirrored.square[0] == 199 - hand.square[0]


@pytest.mark.parametrize(("known", "placed"), [({}, False), ({"focal": 90.0}, True), ({"hand_mm": 180.0}, True)])
def test_the_place_is_told_where_something_absolute_is_known(model, spot, known, placed):
    (hand,) = model(spot(64, 64, 30, 30), known=Known(**known))
    assert (hand.wrist is not None) == placed == (hand.absolute is not None)
    np.testing.assert_allclose(hand.joints_3d[0], 0)


def test_twice_the_focal_length_is_further_away(model, spot):
    near, far = (model(spot(64, 64, 30, 30), known=Known(focal=f))[0].wrist[2] for f in (100.0, 200.0))
    assert far > 1.8 * near > 0


def test_a_model_that_is_told_the_side_asks_for_it(spot):
    runtime = Brightest(told_side=True)
    with pytest.raises(HandposeError, match="--side left or --side right"):
        HandModel(runtime)(spot(64, 64, 30, 30))
    HandModel(runtime)(spot(64, 64, 30, 30), known=Known(side=Side.RIGHT))
    assert runtime.sides == [Side.RIGHT]


def test_crops_are_run_in_batches_and_come_back_in_order(model, brightest, spot):
    places = [(10, 10), (20, 30), (30, 20), (40, 40), (50, 5)]
    views = [model.look("p", spot(64, 64, x, y), None, Known()) for x, y in places]
    hands = model.estimate(views)
    assert brightest.batches == [3, 2]
    np.testing.assert_allclose([wrist_of(hand) for hand in hands], places, atol=CLOSE)


def test_three_lines_from_a_file(model, spot, tmp_path):
    Image.fromarray(spot(64, 64, 30, 20)).save(tmp_path / "photo.png")
    (hand,) = model(tmp_path / "photo.png")
    np.testing.assert_allclose(wrist_of(hand), [30, 20], atol=CLOSE)
    assert hand.joint_names[0] == "wrist"


def test_a_picture_of_a_hundred_megapixels_is_averaged_not_sampled(model):
    picture = np.zeros((9000, 12000, 3), np.uint8)
    picture[::2] = 200  # fine lines: sampling them would give 0 or 200
    picture[3000:3400, 8000:8400] = 255
    (hand,) = model(picture)
    np.testing.assert_allclose(wrist_of(hand), [8200, 3200], atol=12000 / SIZE)
    crop = cut(picture, square_of("p", None, 12000, 9000, 1.5), SIZE)
    assert np.abs(crop[10, 5].astype(int) - 100).max() <= 2


@pytest.mark.parametrize("side", [70.0, 100.0, 333.0])
def test_averaged_crops_lie_where_the_map_says(side):
    ramp = np.tile(np.arange(240, dtype=np.uint8)[:, None, None], (1, 300, 3))
    square = square_of("p", Box(120, 90, side / 1.5, 20), 300, 240, 1.5)
    inside = cut(ramp, square, SIZE)
    A = square.to_crop(SIZE)
    rows = (np.arange(SIZE) - A[1, 2]) / A[1, 1]
    seen = (rows > 8) & (rows < 231)
    np.testing.assert_allclose(inside[seen, SIZE // 2, 0], rows[seen], atol=1.1)


@pytest.mark.parametrize("size", [0.0, -5.0, float("nan")])
def test_a_hand_size_must_be_above_zero(size):
    with pytest.raises(HandposeError, match="--hand-size"):
        Known(hand_mm=size)

import numpy as np
import pytest
from core.tests.predict.conftest import Fitting

from handpose_core.errors import HandposeError
from handpose_core.predict import HandModel, Known, Picture, Search
from handpose_core.predict.cut import Origin
from handpose_core.predict.search import squares


def picture_of(spot, x, y, half, width=640, height=480):
    return Picture("photo.png", spot(width, height, x, y, half))


def middle(hand):
    return (hand.joints_2d.min(0) + hand.joints_2d.max(0)) / 2


@pytest.mark.parametrize(
    ("width", "height", "count"), [(480, 480, 39), (640, 480, 54), (480, 640, 54), (1280, 720, 77)]
)
def test_some_fifty_squares_cover_the_picture(width, height, count):
    looked = squares(width, height)
    assert len(looked) == count
    assert looked[0].side == max(width, height)
    assert all(square.origin is Origin.SEARCH for square in looked)
    for side in {square.side for square in looked[1:]}:
        ends = np.array(
            [[square.centre - side / 2, square.centre + side / 2] for square in looked if square.side == side]
        )
        assert ends.min() == pytest.approx(-0.5)
        np.testing.assert_allclose(ends.max((0, 1)), [width - 0.5, height - 0.5])


def test_the_squares_of_a_panorama_are_not_countless():
    assert len(squares(60_000, 300)) < 30
    assert len(squares(1, 5_000)) < 30
    assert len(squares(1, 1)) > 1


@pytest.mark.parametrize(("x", "y", "half"), [(500, 100, 30), (80, 400, 45), (320, 240, 120), (150, 90, 35)])
def test_a_hand_of_any_size_and_place_is_found_and_looked_at_closely(fitting, spot, x, y, half):
    ((hand,),) = Search(HandModel(fitting))([picture_of(spot, x, y, half)])
    np.testing.assert_allclose(middle(hand), [x, y], atol=half / 4)
    assert hand.origin is Origin.SEARCH
    assert not hand.whole_picture
    assert hand.square[2] == pytest.approx(1.5 * 2 * half, rel=0.25)
    assert hand.mean_confidence > 0.8


def test_a_small_hand_is_beyond_the_whole_picture_alone(fitting, spot):
    picture = picture_of(spot, 500, 100, 30)
    ((hand,),) = Search(HandModel(fitting), grid=(), closer=0)([picture])
    assert hand.is_low
    assert not Search(HandModel(fitting), closer=0)([picture])[0][0].is_low


def test_a_hand_of_a_third_is_approached_from_the_whole_picture(fitting, spot):
    picture = picture_of(spot, 203, 297, 80)
    errors = []
    for closer in (0, 1, 2):
        ((hand,),) = Search(HandModel(fitting), grid=(), closer=closer)([picture])
        ends = np.stack([hand.joints_2d.min(0), hand.joints_2d.max(0)])
        errors.append(np.abs(ends - [[123, 217], [283, 377]]).max())
    assert errors[0] > 2 * errors[2]
    assert errors[2] < 15
    assert hand.square[2] == pytest.approx(240, rel=0.1)


def test_pictures_are_searched_in_batches_and_come_back_in_order(fitting, spot):
    pictures = [picture_of(spot, x, 150, 40) for x in (100, 300, 500)]
    hands = Search(HandModel(fitting, batch=100))(pictures)
    assert fitting.batches == [100, 62, 3, 3]
    np.testing.assert_allclose([middle(hand)[0] for (hand,) in hands], [100, 300, 500], atol=10)


class Fickle(Fitting):
    """Takes a red spot for a hand from farther off, and knows from nearby that the green one is."""

    def run(self, images, sides):
        output = super().run(images, sides)
        for number, image in enumerate(images):
            red, green = ((image[one] > image[other] + 0.3).mean() for one, other in ((0, 1), (1, 0)))
            sure = (0.9, 0.7) if red > green == 0 else (0.6, 0.95) if green > red == 0 else (0.05, 0.05)
            cut = (image[:, [0, -1]] > 0.5).any() or (image[:, :, [0, -1]] > 0.5).any()
            output.scores[number] = sure[1] if max(red, green) > 0.2 else 0.05 if cut else sure[0]
        return output


@pytest.mark.parametrize(("candidates", "found"), [(1, [480, 330]), (3, [150, 120])])
def test_the_best_from_nearby_is_taken_among_the_best_from_farther_off(candidates, found):
    pixels = np.full((480, 640, 3), 20, np.uint8)
    pixels[90:151, 120:181] = 150, 255, 150
    pixels[300:361, 450:511] = 255, 150, 150
    search = Search(HandModel(Fickle()), candidates=candidates)
    ((hand,),) = search([Picture("two.png", pixels)])
    np.testing.assert_allclose(middle(hand), found, atol=8)


def test_a_picture_without_a_hand_is_of_low_confidence(fitting):
    ((hand,),) = Search(HandModel(fitting))([Picture("wall.png", np.zeros((48, 64, 3), np.uint8))])
    assert hand.as_dict()["low_confidence"]


def test_a_closer_look_that_loses_the_hand_does_not_count(fitting, spot, monkeypatch):
    model = HandModel(fitting)
    monkeypatch.setattr("handpose_core.predict.search.square_around", lambda *_: squares(9, 9)[0])
    pictures = [picture_of(spot, 320, 240, 120)]
    kept, before = (Search(model, closer=closer)(pictures)[0][0] for closer in (1, 0))
    np.testing.assert_array_equal(kept.joints_2d, before.joints_2d)


def test_joints_outside_what_was_looked_at_count_less(fitting, spot):
    run = fitting.run

    def astray(images, sides):
        output = run(images, sides)
        wild = images.mean((1, 2, 3)) == images.mean((1, 2, 3)).max()
        output.joints_2d[wild] += 100
        output.scores[wild] = 1.0
        return output

    fitting.run = astray
    ((hand,),) = Search(HandModel(fitting, batch=100), closer=0)([picture_of(spot, 520, 100, 60)])
    np.testing.assert_allclose(middle(hand), [520, 100], atol=20)


def test_a_mirror_image_is_searched_as_it_is(fitting, spot):
    ((hand,),) = Search(HandModel(fitting), Known(mirrored=True))([picture_of(spot, 500, 100, 30)])
    np.testing.assert_allclose(middle(hand), [500, 100], atol=8)


def test_a_model_without_numbers_is_told(fitting, spot):
    fitting._hand = lambda bright: (np.full((21, 2), np.nan, np.float32), 0.5)
    with pytest.raises(HandposeError, match="not numbers"):
        Search(HandModel(fitting))([picture_of(spot, 320, 240, 120)])

"""``model(picture, boxes, known)`` as people call it: pictures, boxes and priors of any type, pickles, threads."""

import copy
import io
import pickle
import warnings
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
import torch
from PIL import Image

from handpose_core.errors import HandposeError
from handpose_core.hand import Side
from handpose_core.predict import Box, HandModel, Known, Picture, Search, load

from .conftest import Brightest

pytestmark = pytest.mark.usefixtures("no_type_check")
BOX = (30, 20, 40, 30)


@pytest.fixture
def picture(spot):
    return spot(100, 80, 45, 30)


def joints(hands):
    return np.stack([hand.joints_2d for hand in hands])


@pytest.mark.parametrize(
    "convert",
    [
        lambda rgb: rgb / 255,
        lambda rgb: rgb.astype(np.float32),
        lambda rgb: rgb.astype(np.uint16) * 257,
        Image.fromarray,
        lambda rgb: Image.fromarray(rgb).convert("L"),
        lambda rgb: rgb[..., 0],
        lambda rgb: np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)]),
        lambda rgb: torch.from_numpy(rgb).permute(2, 0, 1),
        lambda rgb: (torch.from_numpy(rgb).float() / 255).requires_grad_(),
    ],
)
def test_pictures_of_any_type_have_the_same_hands(model, fitting, picture, convert):
    given, hand = convert(picture), joints(model(picture, BOX))
    np.testing.assert_array_equal(joints(model(given, BOX)), hand)
    np.testing.assert_array_equal(joints(model(given)), joints(model(picture)))
    search = Search(HandModel(fitting))
    (expected,), (found,) = search([Picture("p", picture)]), search(Picture(name, given) for name in ["p"])
    np.testing.assert_array_equal(joints(found), joints(expected))


@pytest.mark.parametrize("bad", [None, b"picture", [], np.zeros((0, 0, 3), np.uint8), io.BytesIO(), 3])
def test_pictures_that_are_none_are_refused(model, bad):
    with pytest.raises(HandposeError, match=r"^picture: found"):
        model(bad)
    with pytest.raises(HandposeError, match=r"^p: found"):
        Picture("p", bad)


def test_paths_may_be_strings(model, picture, tmp_path):
    Image.fromarray(picture).save(tmp_path / "photo.png")
    expected = joints(model(picture))
    for path in (tmp_path / "photo.png", str(tmp_path / "photo.png")):
        np.testing.assert_array_equal(joints(model(path)), expected)
    with pytest.raises(HandposeError, match=r"nowhere\.png"):
        model(str(tmp_path / "nowhere.png"))


@pytest.mark.parametrize(
    "boxes",
    [
        Box(*BOX),
        BOX,
        list(BOX),
        np.array(BOX),
        np.array([BOX], np.float32),
        torch.tensor([BOX]),
        [Box(*BOX)],
        [BOX],
        [np.array(BOX)],
        [torch.tensor(BOX)],
        (Box(*BOX) for _ in range(1)),
        {"box": BOX},
        [{"box": list(BOX), "side": None}],
        "30,20,40,30",
        tuple(np.float64(edge) for edge in BOX),
    ],
)
def test_a_box_may_be_given_in_many_ways(model, picture, boxes):
    (hand,) = model(picture, boxes)
    assert hand.square.tolist() == [49.5, 34.5, 60.0]


def test_several_boxes_have_a_hand_each_and_none_has_none(model, picture):
    assert len(model(picture, np.array([BOX, BOX, BOX]))) == 3
    assert len(model(picture, [BOX, Box(*BOX), None])) == 3
    assert model(picture, []) == model(picture, np.zeros((0, 4))) == []


@pytest.mark.parametrize(
    "boxes",
    [
        (30, 20, np.nan, 30),
        np.array([30, 20, np.inf, 30]),
        (30, 20, -40, 30),
        (30, 20, 40, 0),
        (30, 20, 40),
        (30, 20, 40, 30, 0.9),
        (True, True, True, True),
        (0, 0, 1e300, 1e300),
        (0, 0, 10**400, 5),
        np.array([[*BOX, 0.9]]),
        np.zeros((2, 2, 4)),
        "a box",
        {"x": 3},
        7,
        [BOX, "no"],
        [7],
        (200, 20, 40, 30),
        (30, -50, 40, 30),
    ],
)
def test_boxes_that_are_none_are_refused(model, picture, boxes):
    with pytest.raises(HandposeError):
        model(picture, boxes)


@pytest.mark.parametrize("edges", [(np.nan, 0, 5, 5), (0, 0, 0, 5), (0, 0, 5, -5), ("a", 0, 5, 5), (None, 0, 5, 5)])
def test_a_box_holds_pixels(edges):
    with pytest.raises(HandposeError, match=r"^box: found"):
        Box(*edges)


@pytest.mark.parametrize(("given", "side"), [("left", Side.LEFT), ("Right", Side.RIGHT), (Side.LEFT, Side.LEFT)])
def test_sides_may_be_words(model, picture, given, side):
    assert Known(side=given).side is side
    (hand,) = model(picture, Box(*BOX, side=given))
    assert hand.side is side


@pytest.mark.parametrize("side", ["both", "l", 1, True, 0.5, ["left"]])
def test_other_sides_are_refused(side):
    with pytest.raises(HandposeError, match="left"):
        Known(side=side)
    with pytest.raises(HandposeError, match="left"):
        Box(*BOX, side=side)


@pytest.mark.parametrize(
    "given",
    [
        {"focal": "1200"},
        {"focal": -5},
        {"focal": (1200, 1200)},
        {"focal": np.nan},
        {"focal": 1e-300},
        {"focal": 1e300},
        {"focal": (500, 500, 1e300, 0)},
        {"hand_mm": 1e300},
        {"hand_mm": 10**400},
        {"hand_mm": "180"},
        {"hand_mm": -1},
        {"hand_mm": np.inf},
        {"hand_mm": True},
        {"hand_mm": [180]},
        {"mirrored": "no"},
    ],
)
def test_priors_of_another_type_are_refused(given):
    with pytest.raises(HandposeError, match=r"--(focal|hand-size|mirrored)"):
        Known(**given)


def test_priors_may_be_numpys(model, picture):
    (expected,) = model(picture, BOX, Known(focal=90.0, hand_mm=180.0))
    for focal in (np.float32(90), 90, (90, 90, 49.5, 39.5), np.array([[90, 0, 49.5], [0, 90, 39.5], [0, 0, 1]])):
        (hand,) = model(picture, BOX, Known(focal=focal, hand_mm=np.int64(180)))
        np.testing.assert_allclose(hand.absolute, expected.absolute)


@pytest.mark.parametrize("known", [{"side": "left"}, Side.LEFT, "left", None])
def test_priors_are_given_as_known(model, picture, known):
    with pytest.raises(HandposeError, match="Known"):
        model(picture, None, known)


@pytest.mark.parametrize(
    ("known", "remark"),
    [
        ({"hand_mm": 18}, "a hand of 18 mm"),
        ({"hand_mm": 1800}, "a hand of 1800 mm"),
        ({"focal": 0.026}, "a focal length of 0.026 px"),
        ({"focal": 26000}, "a focal length of 26000 px"),
        ({"focal": (90, 40, 90, 40)}, None),
        ({"focal": (90, 90, 4000, 40)}, "a principal point at 4000, 40 px"),
        ({"hand_mm": 180, "focal": 90}, None),
    ],
)
def test_priors_that_no_hand_or_camera_has_are_remarked_on(model, picture, known, remark):
    if remark is None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model(picture, BOX, Known(**known))
    else:
        with pytest.warns(UserWarning, match=remark):
            model(picture, BOX, Known(**known))


@pytest.mark.parametrize("batch", [0, -1, "8", 2.5, None])
def test_a_batch_is_a_number(batch):
    with pytest.raises(HandposeError, match="--batch"):
        HandModel(Brightest(), batch)


def test_twice_and_at_once_give_the_same(model, picture):
    first = joints(model(picture, BOX))
    with ThreadPoolExecutor(4) as pool:
        for again in pool.map(lambda _: joints(model(picture, BOX)), range(8)):
            np.testing.assert_array_equal(again, first)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_checkpoint_can_be_copied_whatever_builds_its_optimiser(checkpoint, picture, copied):
    model = load(checkpoint())
    model._runtime.module._build_optimizer = lambda parameters: torch.optim.SGD(parameters, lr=1)
    again = copied(model)
    np.testing.assert_array_equal(joints(again(picture, BOX)), joints(model(picture, BOX)))
    assert again.info == model.info
    assert again.batch == model.batch
    assert model._runtime.module._build_optimizer is not None


def test_another_process_answers_the_same(picture):
    model = load()
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        (hand,) = pool.submit(model, picture, BOX).result()
    (expected,) = model(picture, BOX)
    np.testing.assert_allclose(hand.joints_3d, expected.joints_3d, atol=1e-3)
    np.testing.assert_array_equal(hand.mesh.faces, expected.mesh.faces)

import cv2
import numpy as np
import pytest
import torch

from handpose_core.camera import project
from handpose_core.errors import HandposeError
from handpose_core.estimators.onehand.canonical_crop import REACH, Upright, upright_of
from handpose_core.estimators.onehand.detector_sampling import sights
from handpose_core.estimators.onehand.hand_detector import Glimpse, glance_loss
from handpose_core.estimators.onehand.negatives import HandlessPictures
from handpose_core.estimators.onehand.virtual_camera import to_middle
from handpose_core.hand import JOINT_NAMES, WRIST

KNUCKLES = [JOINT_NAMES.index(f"{finger}_mcp") for finger in ("index", "middle", "ring", "little")]
ALL = torch.ones(5, 21, dtype=torch.bool)
K = torch.tensor([[[210.0, 0, 40], [0, 210, 90], [0, 0, 1]]]).expand(5, 3, 3)
POINTS = torch.randn(5, 21, 3, generator=torch.Generator().manual_seed(0)) * 40 + torch.tensor([30.0, -60, 500])
BATCH = {"joints_2d": project(POINTS, K), "joints_3d": POINTS, "K": K, "annotated": ALL}


def test_upright_crops_have_the_knuckles_above_the_wrist_and_the_joints_fill_a_set_share():
    upright = upright_of(BATCH["joints_2d"], ALL).upright
    joints = upright.carried(BATCH, 96)["joints_2d"]
    palm = joints[:, KNUCKLES].mean(1) - joints[:, WRIST]
    assert torch.allclose(palm[:, 0], torch.zeros(5), atol=1e-3)
    assert (palm[:, 1] < 0).all()
    low, high = joints.amin(1), joints.amax(1)
    assert torch.allclose((high - low).amax(1), torch.full((5,), 96 / REACH), atol=1e-2)
    assert torch.allclose((high + low) / 2, torch.full((5, 2), 47.5), atol=1e-2)


def test_what_is_read_upright_comes_back_to_the_picture():
    """Pixels and points, by the labels' own way there; the frame is a camera's that looks at the hand's middle."""
    upright = upright_of(BATCH["joints_2d"], ALL).upright.varied()
    there = upright.carried(BATCH, 96)
    assert torch.allclose(project(there["joints_3d"], there["K"]), there["joints_2d"], atol=1e-2)
    assert torch.allclose(upright.back_to_picture(there["joints_2d"], 96), BATCH["joints_2d"], atol=1e-2)
    read = there["joints_3d"] @ to_middle(there["K"], torch.full((5, 2), 47.5)).mT
    assert torch.allclose(upright.back_in_space(read), POINTS @ to_middle(K, upright.centre).mT, atol=1e-2)


def test_cutting_a_crop_shows_what_the_labels_say():
    """A bright spot at each of two places is found again where carried labels put it."""
    image = torch.zeros(1, 3, 64, 64)
    spots = torch.tensor([[20, 41], [45, 12]])
    for x, y in spots.tolist():
        image[:, :, y - 1 : y + 2, x - 1 : x + 2] = 1.0
    upright = Upright(torch.tensor([[33.0, 28.0]]), torch.tensor([50.0]), torch.tensor([[0.6, -0.8]]))
    crop = upright.cut(image, 96)[0, 0]
    expected = upright.carried({"joints_2d": spots[None].float()}, 96)["joints_2d"][0]
    for x, y in expected.round().long().tolist():
        assert crop[y, x] > 0.9
    assert crop.sum() == pytest.approx(18 * (96 / (REACH * 50)) ** 2, rel=0.1)


def test_joints_without_labels_do_not_count_and_a_palm_without_them_says_no_direction():
    annotated = ALL.clone()
    annotated[0, 8] = annotated[1, WRIST] = False
    far = BATCH["joints_2d"].clone()
    far[0, 8] = torch.nan
    far[1, WRIST] = 1e6
    seen = upright_of(far, annotated)
    assert torch.isfinite(seen.upright.side).all()
    assert seen.certain[1] == 0
    assert (seen.certain[2:] > 0).all()


def test_the_glances_loss_is_least_for_the_truth_and_asks_nothing_of_a_hand_that_is_not_there():
    seen = upright_of(BATCH["joints_2d"], ALL)
    there = torch.tensor([True, True, True, False, False])
    known = torch.tensor([True, True, True, True, False])
    sure = torch.where(there, 20.0, -20.0)
    assert glance_loss(Glimpse(sure, seen.upright), seen, there, known) < 1e-5
    elsewhere = seen.upright._replace(centre=seen.upright.centre + torch.where(there, 0.0, 30.0)[:, None])
    assert glance_loss(Glimpse(sure, elsewhere), seen, there, known) < 1e-5
    unknown = torch.where(known, sure, 20.0)
    assert glance_loss(Glimpse(unknown, seen.upright), seen, there, known) < 1e-5
    turned = seen.upright._replace(direction=-seen.upright.direction)
    assert glance_loss(Glimpse(sure, turned), seen, there, known) > 0.5


def test_sights_carry_the_joints_along_and_those_without_a_hand_show_none():
    torch.manual_seed(0)
    image = torch.zeros(64, 3, 64, 64)
    image[:, 2] = 0.3
    image[:, 0, 28:36, 28:36] = 1.0  # the hand is the only red
    mask = image[:, :1] > 0.5
    joints = torch.full((64, 21, 2), 31.5)
    seen = sights(image, joints, mask)
    assert 0.4 < seen.there.float().mean() < 0.9
    assert (seen.image[~seen.there & seen.known][:, 0] < 0.5).float().mean() > 0.99
    places = seen.joints_2d[seen.there, 0].round().long()
    inside = ((places > 2) & (places < 61)).all(1)
    assert inside.sum() > 20
    x, y = places[inside].T
    assert (seen.image[seen.there][inside, 0, y, x] > 0.5).all()
    bare = sights(image, joints, None)
    assert bare.there.all()
    assert bare.known.all()


def test_pictures_known_to_be_without_hands_stand_in_and_around(tmp_path):
    torch.manual_seed(0)
    for folder in ("people", "things"):
        (tmp_path / folder).mkdir()
        cv2.imwrite(str(tmp_path / folder / "0.png"), np.full((40, 60, 3), (255, 0, 0), np.uint8))  # blue
    pictures = HandlessPictures(tmp_path)
    assert len(pictures) == 2
    assert pictures.draw(4, 32, torch.device("cpu"))[:, 2].min() > 0.999
    hands = torch.zeros(64, 3, 32, 32)
    hands[:, 0] = 1.0
    seen = sights(hands, torch.full((64, 21, 2), 15.5), None, pictures)
    assert seen.known.all()
    assert 0.3 < seen.there.float().mean() < 0.7
    without = seen.image[~seen.there]
    assert without[:, 0, 16, 16].max() < 0.001
    assert without[:, 2, 16, 16].min() > 0.999
    with_hand = seen.image[seen.there]
    assert (with_hand[:, 0].amax((1, 2)) > 0.9).all()
    assert (with_hand[:, 2].amax((1, 2)) > 0.9).any()  # some of them stand before such pictures


def test_a_folder_without_pictures_is_told(tmp_path):
    with pytest.raises(HandposeError, match="handpose data people"):
        HandlessPictures(tmp_path)
    with pytest.raises(HandposeError, match="handpose data people"):
        HandlessPictures(tmp_path / "nowhere")

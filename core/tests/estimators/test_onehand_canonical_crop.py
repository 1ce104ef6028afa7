import cv2
import numpy as np
import pytest
import torch

from handpose_core.camera import project
from handpose_core.errors import HandposeError
from handpose_core.estimators.onehand.canonical_crop import CROP_SCALE, OrientedBox, label_boxes
from handpose_core.estimators.onehand.detector_sampling import draw_detector_samples
from handpose_core.estimators.onehand.hand_detector import Detection, detector_loss
from handpose_core.estimators.onehand.negatives import NegativeImages
from handpose_core.estimators.onehand.virtual_camera import virtual_camera_rotation
from handpose_core.hand import JOINT_NAMES, WRIST

KNUCKLES = [JOINT_NAMES.index(f"{finger}_mcp") for finger in ("index", "middle", "ring", "little")]
ALL = torch.ones(5, 21, dtype=torch.bool)
K = torch.tensor([[[210.0, 0, 40], [0, 210, 90], [0, 0, 1]]]).expand(5, 3, 3)
POINTS = torch.randn(5, 21, 3, generator=torch.Generator().manual_seed(0)) * 40 + torch.tensor([30.0, -60, 500])
BATCH = {"joints_2d": project(POINTS, K), "joints_3d": POINTS, "K": K, "annotated": ALL}


def test_canonical_crops_have_the_knuckles_above_the_wrist_and_the_joints_fill_a_fixed_share():
    box = label_boxes(BATCH["joints_2d"], ALL).box
    joints = box.transform_labels(BATCH, 96)["joints_2d"]
    palm = joints[:, KNUCKLES].mean(1) - joints[:, WRIST]
    assert torch.allclose(palm[:, 0], torch.zeros(5), atol=1e-3)
    assert (palm[:, 1] < 0).all()
    low, high = joints.amin(1), joints.amax(1)
    assert torch.allclose((high - low).amax(1), torch.full((5,), 96 / CROP_SCALE), atol=1e-2)
    assert torch.allclose((high + low) / 2, torch.full((5, 2), 47.5), atol=1e-2)


def test_pixels_and_points_of_canonical_crops_map_back_to_the_image():
    """Pixels and points, by the labels' own way there; the frame is a camera's that looks at the hand's middle."""
    box = label_boxes(BATCH["joints_2d"], ALL).box.jittered()
    there = box.transform_labels(BATCH, 96)
    assert torch.allclose(project(there["joints_3d"], there["K"]), there["joints_2d"], atol=1e-2)
    assert torch.allclose(box.to_image_pixels(there["joints_2d"], 96), BATCH["joints_2d"], atol=1e-2)
    read = there["joints_3d"] @ virtual_camera_rotation(there["K"], torch.full((5, 2), 47.5)).mT
    assert torch.allclose(box.to_image_axes(read), POINTS @ virtual_camera_rotation(K, box.centre).mT, atol=1e-2)


def test_a_cropped_image_agrees_with_the_transformed_labels():
    """A bright spot at each of two places is found again where the transformed labels put it."""
    image = torch.zeros(1, 3, 64, 64)
    spots = torch.tensor([[20, 41], [45, 12]])
    for x, y in spots.tolist():
        image[:, :, y - 1 : y + 2, x - 1 : x + 2] = 1.0
    box = OrientedBox(torch.tensor([[33.0, 28.0]]), torch.tensor([50.0]), torch.tensor([[0.6, -0.8]]))
    crop = box.crop(image, 96)[0, 0]
    expected = box.transform_labels({"joints_2d": spots[None].float()}, 96)["joints_2d"][0]
    for x, y in expected.round().long().tolist():
        assert crop[y, x] > 0.9
    assert crop.sum() == pytest.approx(18 * (96 / (CROP_SCALE * 50)) ** 2, rel=0.1)


def test_joints_without_labels_do_not_count_and_a_palm_without_them_has_direction_certainty_0():
    annotated = ALL.clone()
    annotated[0, 8] = annotated[1, WRIST] = False
    far = BATCH["joints_2d"].clone()
    far[0, 8] = torch.nan
    far[1, WRIST] = 1e6
    seen = label_boxes(far, annotated)
    assert torch.isfinite(seen.box.side).all()
    assert seen.certainty[1] == 0
    assert (seen.certainty[2:] > 0).all()


def test_the_detectors_loss_is_least_for_the_truth_and_ignores_boxes_where_there_is_no_hand():
    seen = label_boxes(BATCH["joints_2d"], ALL)
    there = torch.tensor([True, True, True, False, False])
    known = torch.tensor([True, True, True, True, False])
    sure = torch.where(there, 20.0, -20.0)
    assert detector_loss(Detection(sure, seen.box), seen, there, known) < 1e-5
    elsewhere = seen.box._replace(centre=seen.box.centre + torch.where(there, 0.0, 30.0)[:, None])
    assert detector_loss(Detection(sure, elsewhere), seen, there, known) < 1e-5
    unknown = torch.where(known, sure, 20.0)
    assert detector_loss(Detection(unknown, seen.box), seen, there, known) < 1e-5
    turned = seen.box._replace(direction=-seen.box.direction)
    assert detector_loss(Detection(sure, turned), seen, there, known) > 0.5


def test_detector_samples_move_their_joints_and_those_without_a_hand_show_none():
    torch.manual_seed(0)
    image = torch.zeros(64, 3, 64, 64)
    image[:, 2] = 0.3
    image[:, 0, 28:36, 28:36] = 1.0  # the hand is the only red
    mask = image[:, :1] > 0.5
    joints = torch.full((64, 21, 2), 31.5)
    seen = draw_detector_samples(image, joints, mask)
    assert 0.4 < seen.presence.float().mean() < 0.9
    assert (seen.image[~seen.presence & seen.known][:, 0] < 0.5).float().mean() > 0.99
    places = seen.joints_2d[seen.presence, 0].round().long()
    inside = ((places > 2) & (places < 61)).all(1)
    assert inside.sum() > 20
    x, y = places[inside].T
    assert (seen.image[seen.presence][inside, 0, y, x] > 0.5).all()
    bare = draw_detector_samples(image, joints, None)
    assert bare.presence.all()
    assert bare.known.all()


def test_negative_images_replace_and_surround_hands(tmp_path):
    torch.manual_seed(0)
    for folder in ("people", "things"):
        (tmp_path / folder).mkdir()
        cv2.imwrite(str(tmp_path / folder / "0.png"), np.full((40, 60, 3), (255, 0, 0), np.uint8))  # blue
    pictures = NegativeImages(tmp_path)
    assert len(pictures) == 2
    assert pictures.sample(4, 32, torch.device("cpu"))[:, 2].min() > 0.999
    hands = torch.zeros(64, 3, 32, 32)
    hands[:, 0] = 1.0
    seen = draw_detector_samples(hands, torch.full((64, 21, 2), 15.5), None, pictures)
    assert seen.known.all()
    assert 0.3 < seen.presence.float().mean() < 0.7
    without = seen.image[~seen.presence]
    assert without[:, 0, 16, 16].max() < 0.001
    assert without[:, 2, 16, 16].min() > 0.999
    with_hand = seen.image[seen.presence]
    assert (with_hand[:, 0].amax((1, 2)) > 0.9).all()
    assert (with_hand[:, 2].amax((1, 2)) > 0.9).any()  # some of them stand before such pictures


def test_a_folder_without_images_is_refused(tmp_path):
    with pytest.raises(HandposeError, match="handpose data people"):
        NegativeImages(tmp_path)
    with pytest.raises(HandposeError, match="handpose data people"):
        NegativeImages(tmp_path / "nowhere")

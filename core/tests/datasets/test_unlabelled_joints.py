"""Joints that are not annotated may be anything in every reader's files, and are numbers in its samples."""

import json
import shutil
from itertools import chain

import cv2
import numpy as np
import pytest
import torch

from handpose_core.checks.report import check
from handpose_core.checks.verdict import Status
from handpose_core.datamodules.cropped import CroppedDataset
from handpose_core.datasets.cmu_ps import CMUPS
from handpose_core.datasets.cmu_ps_layout import JOINTS_FIELD, LIST_FIELD, LIST_JOINTS_FIELD, PATH_FIELD, SIDE_FIELD
from handpose_core.datasets.folder import Folder
from handpose_core.datasets.labels import labels_3d, without_unlabelled
from handpose_core.errors import HandposeError

UNLABELLED = [3, 4, 20]
ANNOTATED = ~np.isin(np.arange(21), UNLABELLED)
K = np.array([[300.0, 0, 160], [0, 300, 120], [0, 0, 1]])
RUBBISH = pytest.mark.parametrize("rubbish", [np.nan, np.inf, -1.0, 1e12], ids=str)


def pixels(count=1):
    return np.random.default_rng(0).uniform(20, 100, (count, 21, 2))


def points(count=1):
    return np.random.default_rng(1).normal([0, 0, 500], 50, (count, 21, 3))


@pytest.fixture
def images(tmp_path):
    for seed, name in enumerate(("a.jpg", "b.jpg")):
        cv2.imwrite(str(tmp_path / name), np.random.default_rng(seed).integers(0, 255, (120, 160, 3), np.uint8))
    return tmp_path


def spoilt(joints, rubbish):
    joints = joints.copy()
    joints[:, UNLABELLED] = rubbish
    return joints


def assert_clean(sample):
    assert torch.equal(sample["annotated"], torch.from_numpy(ANNOTATED))
    assert not sample["visible"][UNLABELLED].any()
    for key in sample.keys() & {"joints_2d", "joints_3d"}:
        assert torch.isfinite(sample[key]).all()
        assert not sample[key][UNLABELLED].any()


@RUBBISH
@pytest.mark.parametrize("given", ["2d", "3d and K", "both"])
def test_arrays_of_a_folder(images, rubbish, given):
    arrays = {"annotated": np.stack([ANNOTATED] * 2)}
    if given != "3d and K":
        arrays["joints_2d"] = spoilt(pixels(2), rubbish)
    if given != "2d":
        arrays |= {"joints_3d": spoilt(points(2), rubbish), "K": K}
    np.savez(images / "labels.npz", **arrays)
    dataset = Folder(images)
    assert_clean(dataset[1])
    if given == "2d":
        np.testing.assert_allclose(dataset[1]["joints_2d"][ANNOTATED], pixels(2)[1][ANNOTATED], rtol=1e-6)
    crop = CroppedDataset(dataset, [0, 1], 32, 1.5)[1]
    assert all(torch.isfinite(value).all() for value in crop.values() if value.is_floating_point())


def test_annotated_joints_must_still_be_numbers(images):
    joints = pixels(2)
    joints[1, 5, 0] = np.nan
    np.savez(images / "labels.npz", joints_2d=joints, annotated=np.stack([ANNOTATED] * 2))
    with pytest.raises(HandposeError, match=r"joints_2d\[1, 5, 0\]: found nan"):
        Folder(images)


def test_visible_of_joints_without_a_label_is_false(images):
    visible = np.ones((2, 21))
    visible[:, UNLABELLED] = np.nan
    np.savez(images / "labels.npz", joints_2d=pixels(2), annotated=np.stack([ANNOTATED] * 2), visible=visible)
    assert_clean(Folder(images)[0])


@pytest.mark.parametrize("flat", [True, False])
@pytest.mark.parametrize("nothing", [[None, None, 0], [float("nan"), float("nan"), 0], [0, 0, 0], [-1e12, 5, -1]])
def test_keypoints_of_coco(images, flat, nothing):
    hand = [nothing if i in UNLABELLED else [*map(float, xy), 2] for i, xy in enumerate(pixels()[0])]
    content = {
        "images": [{"id": 1, "file_name": "a.jpg"}],
        "annotations": [{"image_id": 1, "keypoints": list(chain(*hand)) if flat else hand}],
    }
    (images / "coco.json").write_text(json.dumps(content))
    assert_clean(Folder(images, "coco.json")[0])


@pytest.mark.parametrize("part", ["manual_test", "hands_v143"])
@pytest.mark.parametrize("nothing", [[float("nan"), None, 0], [0, 0, 0]])
def test_joints_of_cmu_ps(images, part, nothing):
    hand = [nothing if i in UNLABELLED else [*map(float, xy), 1] for i, xy in enumerate(pixels()[0])]
    if part == "hands_v143":
        content = {LIST_FIELD: [{PATH_FIELD: "a.jpg", LIST_JOINTS_FIELD: hand}]}
        (images / "hands_v143_14817.json").write_text(json.dumps(content))
    else:
        (images / part).mkdir()
        shutil.copy(images / "a.jpg", images / part / "000000001_01_l.jpg")
        content = {JOINTS_FIELD: hand, SIDE_FIELD: 1}
        (images / part / "000000001_01_l.json").write_text(json.dumps(content))
    assert_clean(CMUPS(images, part)[0])


def test_labels_in_three_dimensions():
    joints = spoilt(points(), np.nan)[0]
    assert_clean(labels_3d("here", joints, K, ANNOTATED))
    without_wrist = np.arange(21) > 4
    assert not labels_3d("here", points()[0], K, without_wrist)["joints_3d"][:5].any()
    with pytest.raises(HandposeError, match="a hand that reaches"):
        labels_3d("here", joints / 1000, K, ANNOTATED)


@pytest.mark.parametrize("axes", [(), (4,), (2, 3)])
def test_clips_and_views(axes):
    joints = torch.full((*axes, 21, 2), float("nan"))
    sample = {"annotated": torch.zeros(*axes, 21, dtype=torch.bool), "joints_2d": joints}
    assert not without_unlabelled(sample)["joints_2d"].any()


def test_data_check_takes_no_joint_without_a_label_for_a_hand_s(images):
    np.savez(
        images / "labels.npz",
        joints_3d=spoilt(points(2), np.nan),
        K=K,
        annotated=np.stack([ANNOTATED] * 2),
    )
    verdicts = {f.check: f.verdict for f in check(images, 4).findings}
    assert verdicts["numbers"].status == Status.OK
    assert [name for name, verdict in verdicts.items() if verdict.status == Status.WRONG] == []

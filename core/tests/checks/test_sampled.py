"""Datasets that are looked at through their readers."""

import cv2
import numpy as np
import pytest

from handpose_core.checks.report import check
from handpose_core.checks.verdict import Status
from handpose_core.datasets.detect import LAYOUTS, detect, open_split
from handpose_core.errors import HandposeError


def found(root, at_most=20):
    return {(f.part, f.check): f.verdict for f in check(root, at_most).findings}


def test_mhp_is_found_and_fine(drawn_mhp):
    verdicts = found(drawn_mhp.root)
    assert detect(drawn_mhp.root).name == "MHP"
    assert not [verdict for verdict in verdicts.values() if verdict.status == Status.WRONG]
    assert verdicts["train", "files"].seen == f"{19 * 3 * 4} of {19 * 3 * 4} pictures"
    assert "a sample of 228" in verdicts["train", "labels"].seen


def write_folder(root, joints, cut=None):
    K = np.array([[200.0, 0, 80], [0, 200, 80], [0, 0, 1]])
    (root / "images").mkdir()
    for i in range(len(joints)):
        noise = np.random.default_rng(i).integers(0, 255, (160, 160, 3), np.uint8)
        path = root / "images" / f"{i}.jpg"
        cv2.imwrite(str(path), noise)
        if i == cut:
            path.write_bytes(path.read_bytes()[:-500])
    np.savez(root / "labels.npz", joints_3d=joints, K=np.stack([K] * len(joints)))


def test_a_cut_picture_of_a_capture_is_named_and_the_rest_is_checked(drawn_mhp, tmp_path):
    joints = open_split(drawn_mhp.root, "train")[0]["joints_3d"].numpy()
    write_folder(tmp_path, np.stack([joints] * 5), cut=3)
    verdicts = found(tmp_path)
    wrong = {name: verdict.seen for (_, name), verdict in verdicts.items() if verdict.status == Status.WRONG}
    assert set(wrong) == {"whole"}
    assert "3.jpg" in wrong["whole"]
    assert verdicts["all", "unit"].status == Status.OK


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: f"{layout.name}-{layout.splits[0].name}")
def test_an_empty_folder_is_no_dataset(layout, tmp_path):
    assert layout.splits_in(tmp_path) == ()


def test_layouts_are_told_apart(rhd_root, drawn_stb, drawn_mhp):
    assert [detect(root).name for root in (rhd_root, drawn_stb.root, drawn_mhp.root)] == ["RHD", "STB", "MHP"]
    assert [split.name for split in detect(drawn_stb.root).splits_in(drawn_stb.root)] == ["train", "test"]


def test_images_of_any_case_are_found_and_others_named(tmp_path):
    picture = cv2.imencode(".jpg", np.random.default_rng(0).integers(0, 255, (40, 40, 3), np.uint8))[1].tobytes()
    for name in ("a.JPG", "b.jfif", "._a.JPG"):
        (tmp_path / name).write_bytes(picture + name.encode())
    (tmp_path / "c.HEIC").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0")
    verdicts = found(tmp_path)
    assert verdicts["all", "files"].seen.startswith("2 of 2 pictures")
    assert verdicts["all", "left out"].status == Status.WARNING
    assert verdicts["all", "left out"].seen == "left out: 1 file (c.HEIC: a HEIC picture)"


def test_only_hidden_pictures_are_no_dataset(tmp_path):
    (tmp_path / "._a.jpg").write_bytes(b"\0\5\x16\7")
    with pytest.raises(HandposeError, match="a folder with nothing"):
        detect(tmp_path)

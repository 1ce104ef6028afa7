import inspect
import os
import pickle
import shutil
import time

import cv2
import numpy as np
import pytest
import scipy.io
import torch

from handpose_core.camera import project
from handpose_core.datasets.rhd import RHD
from handpose_core.datasets.rhd_layout import hand_mask, image_path
from handpose_core.errors import HandposeError
from handpose_core.hand import Side
from handpose_core.synth.layouts.rhd import write_annotations

SHAPES = {
    "image": ((3, 320, 320), torch.float32),
    "joints_2d": ((21, 2), torch.float32),
    "joints_3d": ((21, 3), torch.float32),
    "annotated": ((21,), torch.bool),
    "visible": ((21,), torch.bool),
    "K": ((3, 3), torch.float32),
    "depth": ((1, 320, 320), torch.float32),
    "mask": ((1, 320, 320), torch.bool),
    "side": ((), torch.int64),
    "index": ((), torch.int64),
    "frame": ((), torch.int64),
}


@pytest.fixture
def root(rhd_root, tmp_path):
    """A copy to spoil."""
    return shutil.copytree(rhd_root, tmp_path / "rhd")


def annotations(root, split="evaluation"):
    return pickle.loads((root / split / f"anno_{split}.pickle").read_bytes())


def as_mat(root, split="evaluation"):
    """Put the authors' .mat twin in the pickle's place: struct fields frame0, frame1, ... not padded."""
    content = {f"frame{number}": entry for number, entry in annotations(root, split).items()}
    scipy.io.savemat(root / split / f"anno_{split}.mat", content)
    (root / split / f"anno_{split}.pickle").unlink()


def test_samples_keep_to_the_contract(rhd_root):
    sample = RHD(rhd_root, "evaluation")[3]
    assert {key: (tuple(value.shape), value.dtype) for key, value in sample.items()} == SHAPES
    assert sample["image"].min() >= 0
    assert sample["image"].max() <= 1
    assert (sample["index"], sample["frame"]) == (3, 3)
    assert sample["annotated"].all()


def test_gives_back_the_drawn_hand(rhd_root, drawn_hands):
    dataset = RHD(rhd_root, "training")
    assert len(dataset) == 12
    for hand, sample in zip(drawn_hands["training"], (dataset[i] for i in range(12)), strict=True):
        assert sample["side"] == hand.side
        np.testing.assert_allclose(sample["joints_2d"], hand.joints_2d, atol=1e-4)
        np.testing.assert_allclose(sample["joints_3d"], hand.joints_3d, atol=1e-3)
        np.testing.assert_array_equal(sample["visible"], hand.visible)
        np.testing.assert_allclose(project(sample["joints_3d"], sample["K"]), sample["joints_2d"], atol=1e-3)
        np.testing.assert_array_equal((sample["image"] * 255).round().permute(1, 2, 0).byte(), hand.frame.colour)
        mask = hand_mask(hand.frame.classes, hand.side)
        np.testing.assert_array_equal(sample["mask"][0], mask)
        step = 5000 / 65535
        np.testing.assert_allclose(sample["depth"][0], np.where(mask, hand.frame.depth, 0), atol=step / 2 + 1e-3)


def test_mat_and_pickle_read_the_same(root):
    pickled = [RHD(root, "evaluation")[i] for i in range(7)]
    as_mat(root)
    for one, other in zip(pickled, (RHD(root, "evaluation")[i] for i in range(7)), strict=True):
        assert all(torch.equal(one[key], other[key]) for key in SHAPES)


def test_hand_rules_can_disagree(root, drawn_hands):
    entries = annotations(root)
    entries[0]["uv_vis"][:, 2] = 0
    other = Side(1 - drawn_hands["evaluation"][0].side)
    entries[0]["uv_vis"][21 * other : 21 * other + 5, 2] = 1
    write_annotations(root, "evaluation", entries)
    assert RHD(root, "evaluation", "mask_area")[0]["side"] == 1 - other
    assert RHD(root, "evaluation", "visible_joints")[0]["side"] == other


def test_a_copy_without_depth_has_no_depth(root):
    shutil.rmtree(root / "evaluation" / "depth")
    dataset = RHD(root, "evaluation")
    assert not dataset.has_depth
    assert dataset[0].keys() == SHAPES.keys() - {"depth"}


def test_joints_behind_the_camera_are_data(root):
    entries = annotations(root)
    for field, rows in (("xyz", 2), ("uv_vis", 0)):
        entries[0][field][:, rows] -= 1000
    write_annotations(root, "evaluation", entries)
    assert (RHD(root, "evaluation")[0]["joints_3d"][:, 2] < 0).all()


def test_missing_image_is_an_error_that_names_it(root):
    (root / "evaluation" / "color" / "00002.png").unlink()
    with pytest.raises(HandposeError, match=r"color/00002\.png: found no such image; 1 of 7 .* missing: skip"):
        RHD(root, "evaluation")


@pytest.mark.parametrize("kind", ["color", "mask", "depth"])
def test_missing_skip_reads_the_rest_and_counts(root, kind):
    (root / "evaluation" / kind / "00002.png").unlink()
    dataset = RHD(root, "evaluation", missing="skip")
    assert dataset.frames == (0, 1, 3, 4, 5, 6)
    assert dataset.missing_frames == (2,)
    assert dataset.describe()["missing_frames"] == "1"
    assert dataset[2]["frame"] == 3


def test_exclude_leaves_frames_out_and_says_so(rhd_root):
    dataset = RHD(rhd_root, "evaluation", exclude=[0, 5])
    assert dataset.frames == (1, 2, 3, 4, 6)
    assert dataset.describe()["excluded_frames"] == "2"


def test_no_frame_left(root):
    shutil.rmtree(root / "evaluation" / "color")
    with pytest.raises(HandposeError, match="no frame to read: 7 annotated, 7 without images"):
        RHD(root, "evaluation", missing="skip")


@pytest.mark.parametrize("kind", ["color", "mask", "depth"])
def test_truncated_image_is_named(root, kind):
    path = root / "evaluation" / kind / "00004.png"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(HandposeError, match=rf"{kind}/00004\.png: found \d+ bytes that do not decode"):
        RHD(root, "evaluation")[4]


def test_empty_image_is_named(root):
    (root / "evaluation" / "color" / "00004.png").write_bytes(b"")
    with pytest.raises(HandposeError, match=r"00004\.png: found an empty file"):
        RHD(root, "evaluation")[4]


@pytest.mark.parametrize(
    ("image", "found"),
    [
        (np.full((320, 320), 34, np.uint8), "class 34"),
        (np.zeros((320, 320, 3), np.uint8), r"shape \(320, 320, 3\)"),
        (np.zeros((200, 320), np.uint8), "320 x 200 pixels"),
    ],
)
def test_mask_of_another_kind_is_named(root, image, found):
    cv2.imwrite(str(root / "evaluation" / "mask" / "00001.png"), image)
    with pytest.raises(HandposeError, match=rf"mask/00001\.png: found .*{found}"):
        RHD(root, "evaluation")[1]


def test_wrong_root_says_what_is_there(tmp_path):
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(HandposeError, match=r"found a folder with holiday\.jpg; expected RHD's layout"):
        RHD(tmp_path, "training")
    with pytest.raises(HandposeError, match="no such folder"):
        RHD(tmp_path / "nowhere", "training")


def test_absent_split_says_which_are_there(root):
    shutil.rmtree(root / "training")
    assert len(RHD(root, "evaluation")) == 7
    with pytest.raises(HandposeError, match=r"no anno_training\.pickle .*splits there: evaluation"):
        RHD(root, "training")


@pytest.mark.parametrize(
    ("field", "row", "named"),
    [("xyz", 29, r"xyz, joint right index_mcp \(row 29\)"), ("uv_vis", 1, "joint left thumb_tip"), ("K", 0, "K:")],
)
def test_not_a_number_names_file_frame_and_joint(root, field, row, named):
    entries = annotations(root)
    entries[5][field][row, 1] = np.nan
    write_annotations(root, "evaluation", entries)
    with pytest.raises(HandposeError, match=rf"anno_evaluation\.pickle, frame 5, .*{named}"):
        RHD(root, "evaluation")


@pytest.mark.parametrize(
    ("entry", "found"),
    [({"xyz": np.zeros((21, 3))}, r"shape \(21, 3\)"), ({"xyz": "text"}, "str"), ({"xyz": None}, "NoneType")],
)
def test_field_of_another_shape_is_named(root, entry, found):
    entries = annotations(root)
    entries[6].update(entry)
    (root / "evaluation" / "anno_evaluation.pickle").write_bytes(pickle.dumps(entries))
    with pytest.raises(HandposeError, match=rf"frame 6, xyz: found {found}"):
        RHD(root, "evaluation")


def test_pickle_with_a_foreign_class_is_not_run(root):
    class Foreign:
        def __reduce__(self):
            return (os.mkdir, (str(root / "made"),))

    (root / "evaluation" / "anno_evaluation.pickle").write_bytes(pickle.dumps({0: Foreign()}))
    with pytest.raises(HandposeError, match=r"anno_evaluation\.pickle: found the class posix\.mkdir"):
        RHD(root, "evaluation")
    assert not (root / "made").exists()


def test_pickle_of_something_else(root):
    (root / "evaluation" / "anno_evaluation.pickle").write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(HandposeError, match="found list without frames"):
        RHD(root, "evaluation")


def test_damaged_mat_is_named(root):
    as_mat(root)
    path = root / "evaluation" / "anno_evaluation.mat"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(HandposeError, match=r"anno_evaluation\.mat: found a file that is no MATLAB file"):
        RHD(root, "evaluation")


@pytest.mark.parametrize("choice", [{"split": "test"}, {"hand_rule": "left"}, {"missing": "ignore"}])
def test_unknown_choice_is_named(rhd_root, choice):
    unchecked = inspect.unwrap(RHD.__init__)  # without the tests' own check of argument types
    with pytest.raises(HandposeError, match=rf"RHD, {next(iter(choice))}: found"):
        unchecked(RHD.__new__(RHD), **{"root": rhd_root, "split": "evaluation", **choice})


def test_listing_the_full_training_split_opens_no_image(tmp_path):
    count = 41258
    entry = {"uv_vis": np.zeros((42, 3), np.float32), "xyz": np.zeros((42, 3), np.float32), "K": np.eye(3, dtype="f4")}
    write_annotations(tmp_path, "training", dict.fromkeys(range(count), entry))
    for kind in ("color", "mask"):
        folder = tmp_path / "training" / kind
        folder.mkdir()
        for number in range(count):
            os.close(os.open(folder / f"{number:05d}.png", os.O_CREAT))  # empty: opening one would be an error
    start = time.process_time()
    assert len(RHD(tmp_path, "training")) == count
    assert time.process_time() - start < 15  # 2 s on one unloaded core


def test_another_case_of_an_image_is_named(root):
    path = image_path(root, "evaluation", "color", 2)
    path.rename(path.with_suffix(".PNG"))
    for missing in ("error", "skip"):
        with pytest.raises(HandposeError, match=r"00002\.PNG: found the name 00002\.PNG; expected 00002\.png"):
            RHD(root, "evaluation", missing=missing)


def test_hidden_files_change_nothing_and_missing_frames_are_said(root, capsys):
    path = image_path(root, "evaluation", "color", 2)
    path.rename(path.with_name("._00002.png"))
    assert len(RHD(root, "evaluation", missing="skip")) == 6
    assert "1 of 7 annotated frames left out, their files are missing: 00002" in capsys.readouterr().err


def test_depth_of_another_kind_is_named_and_not_converted(root):
    cv2.imwrite(str(image_path(root, "evaluation", "depth", 2)), np.full((320, 320), 700, np.uint16))
    with pytest.raises(HandposeError, match=r"00002\.png: found an image of shape \(320, 320\) and type uint16"):
        RHD(root, "evaluation")[2]

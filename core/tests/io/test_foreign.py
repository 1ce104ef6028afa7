"""Every reader of files from strangers names a file that holds something else, and says what to do."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from handpose_core.checks.looks.files import files_whole
from handpose_core.checks.part import Files, Part
from handpose_core.cli.score import main as score
from handpose_core.datasets.folder import Folder
from handpose_core.datasets.folder_labels import read_labels
from handpose_core.datasets.images import read_rgb
from handpose_core.datasets.mat_files import load_mat
from handpose_core.datasets.mhp_text import read_joints
from handpose_core.datasets.mvhm_layout import read_manifest as read_mvhm
from handpose_core.datasets.parsing import read_json
from handpose_core.datasets.untrusted import load_pickle
from handpose_core.errors import HandposeError
from handpose_core.estimators.onehand.module import OneHandModule
from handpose_core.estimators.onehand.serialization import unpack
from handpose_core.io.jpeg import is_cut_jpeg
from handpose_core.predict.boxes import read_boxes
from handpose_core.predict.pictures import read_picture
from handpose_core.prepare.manifest import read_manifest as read_prepared
from handpose_core.rig import HandRig
from handpose_core.rig.glb import load_glb
from handpose_core.synth.generate import read_manifest as read_synth
from handpose_core.training.checkpoints import check_checkpoint

FOREIGN = {
    "a Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
    "an HTML page": b"<!DOCTYPE html>\n<html><title>Sign in</title></html>",
    "a MATLAB 7.3 file": b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: ".ljust(512) + b"\x89HDF\r\n\x1a\n",
    "an empty file": b"",
}


def score_itself(path):
    return score(["--pred", str(path), "--truth", str(path)])


READERS = {
    "picture.jpg": read_picture,
    "frame.png": read_rgb,
    "labels.mat": lambda path: load_mat(path, "labels"),
    "anno.pickle": load_pickle,
    "training_xyz.json": read_json,
    "0_joints.txt": read_joints,
    "labels.npz": lambda path: read_labels(path, ["a.jpg"]),
    "labels.json": lambda path: read_labels(path, ["a.jpg"]),
    "boxes.json": read_boxes,
    "pred.npz": score_itself,
    "pred.npy": score_itself,
    "pred.json": score_itself,
    "model.safetensors": unpack,
    "last.ckpt": lambda path: check_checkpoint(path, OneHandModule),
    "mvhm.json": lambda path: read_mvhm(path.parent),
    "prepared.json": lambda path: read_prepared(path.parent),
    "synth.json": lambda path: read_synth(path.parent),
    "hand.glb": load_glb,
}


@pytest.mark.parametrize("found", FOREIGN)
@pytest.mark.parametrize("name", READERS)
def test_a_file_that_holds_something_else_is_named_for_it(tmp_path, name, found):
    path = tmp_path / name
    path.write_bytes(FOREIGN[found])
    with pytest.raises(HandposeError) as raised:
        READERS[name](path)
    assert str(path) in raised.value.where
    if name != "0_joints.txt" or found != "an empty file":
        assert raised.value.found.startswith(found)
    if found == "a Git LFS pointer":
        assert "git lfs pull" in raised.value.fix
    if found == "a MATLAB 7.3 file":
        assert "-v7" in raised.value.fix


@pytest.mark.parametrize("name", ["labels.npz", "last.ckpt", "pred.npz"])
def test_a_damaged_zip_is_no_archive_to_unpack(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"PK\x03\x04 cut off here")
    with pytest.raises(HandposeError) as raised:
        READERS[name](path)
    assert not raised.value.found.startswith("a zip archive")


def test_data_check_names_pointers_among_pictures(tmp_path):
    whole = cv2.imencode(".png", np.zeros((8, 8, 3), np.uint8))[1].tobytes()
    contents = {"a.png": whole, "b.png": FOREIGN["a Git LFS pointer"], "c.png": whole[:-4], "d.JPG": b""}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "e.png").symlink_to(tmp_path / "nowhere.png")
    paths = sorted(tmp_path.iterdir())
    verdict = files_whole(Part("all", [Files("pictures", paths, 5, 0)], None, None, np.empty(0, int), 0))
    assert "1 of 5 files are a Git LFS pointer" in verdict.seen
    assert "1 of 5 files are cut off" in verdict.seen
    assert "1 of 5 files are a link to a file that is not there" in verdict.seen
    assert "1 of 5 files are an empty file" in verdict.seen
    assert "git lfs pull" in verdict.fix


BOXES = '{"a.jpg": [1, 2, 3, 4]}'


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-8"])
def test_json_with_a_byte_order_mark_is_read(tmp_path, encoding):
    (tmp_path / "boxes.json").write_text(BOXES, encoding=encoding)
    assert read_boxes(tmp_path / "boxes.json")["a.jpg"][0].height == 4
    assert read_json(tmp_path / "boxes.json") == json.loads(BOXES)
    hands = (HandRig().joints.numpy() / 1000)[None].repeat(2, 0).tolist()
    (tmp_path / "pred.json").write_text(json.dumps(hands), encoding=encoding)
    assert score_itself(tmp_path / "pred.json") == 0
    (tmp_path / "synth.json").write_text('{"like": "rhd"}', encoding=encoding)
    assert read_synth(tmp_path) == {"like": "rhd"}


def test_labels_and_texts_with_a_byte_order_mark_are_read(tmp_path, drawn_folder, drawn_mhp):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((64, 64, 3), np.uint8))
    hand = [[float(i), 2.0, 1] for i in range(21)]
    content = {
        "images": [{"id": 1, "file_name": "a.png"}],
        "annotations": [{"image_id": 1, "keypoints": hand}],
    }
    (tmp_path / "coco.json").write_text(json.dumps(content), encoding="utf-8-sig")
    assert Folder(tmp_path, "coco.json")[0]["joints_2d"][3, 0] == 3
    source = next(Path(drawn_mhp.root).rglob("*_joints.txt"))
    marked = tmp_path / "0_joints.txt"
    marked.write_text(source.read_text(), encoding="utf-8-sig")
    np.testing.assert_array_equal(read_joints(marked), read_joints(source))


def test_a_jpeg_is_cut_where_its_scans_have_no_end():
    whole = cv2.imencode(".jpg", np.random.default_rng(0).integers(0, 255, (40, 40, 3), np.uint8))[1].tobytes()
    assert not is_cut_jpeg(whole)
    assert not is_cut_jpeg(whole + b"\xff\xda a motion photo's video")
    assert not is_cut_jpeg(whole[:2] + b"\xff\xff" + whole[2:])  # fill bytes between segments
    assert all(is_cut_jpeg(whole[:end]) for end in range(2, len(whole), 7))
    progressive = cv2.imencode(
        ".jpg", np.random.default_rng(0).integers(0, 255, (40, 40, 3), np.uint8), [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]
    )[1].tobytes()
    assert not is_cut_jpeg(progressive)
    assert is_cut_jpeg(progressive[: len(progressive) * 2 // 3])
    assert not is_cut_jpeg(b"\x89PNG")

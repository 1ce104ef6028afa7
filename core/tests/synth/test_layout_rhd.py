import pickle

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handpose_core.datasets.rhd_layout import (
    BONE_CLASSES,
    FINGER_CLASSES,
    PALM_CLASSES,
    decode_depth,
    encode_depth,
    raw_joints,
)
from handpose_core.hand import BONES, JOINT_NAMES, Side
from handpose_core.synth.layouts.rhd import annotation, frame_is_written, write_annotations, write_frame


def test_classes_are_the_authors():
    assert FINGER_CLASSES[Side.LEFT]["thumb"] == (2, 3, 4)
    assert FINGER_CLASSES[Side.LEFT]["little"] == (14, 15, 16)
    assert FINGER_CLASSES[Side.RIGHT]["index"] == (21, 22, 23)
    assert PALM_CLASSES == {Side.LEFT: 17, Side.RIGHT: 33}


@pytest.mark.parametrize(
    ("side", "child", "expected"),
    [
        (Side.LEFT, "thumb_cmc", 17),
        (Side.LEFT, "thumb_mcp", 4),
        (Side.LEFT, "thumb_tip", 2),
        (Side.RIGHT, "middle_mcp", 33),
        (Side.RIGHT, "middle_pip", 26),
        (Side.RIGHT, "middle_tip", 24),
    ],
)
def test_class_of_each_bone(side, child, expected):
    bone = next(i for i, (_, end) in enumerate(BONES) if JOINT_NAMES[end] == child)
    assert BONE_CLASSES[side][bone] == expected


@given(st.floats(0, 5000))
def test_depth_survives_to_half_a_step(depth):
    image = encode_depth(np.full((2, 2), depth))
    assert (image[..., 2] == 0).all()
    np.testing.assert_allclose(decode_depth(image), depth, atol=5000 / 65535 / 2 + 1e-3)


def test_depth_by_hand():
    image = np.zeros((1, 2, 3), np.uint8)
    image[0, 0], image[0, 1] = (255, 255, 7), (1, 2, 0)
    np.testing.assert_allclose(decode_depth(image), [[5000, 258 / 65535 * 5000]], rtol=1e-6)
    assert encode_depth(np.array([[9000.0, -1.0]])).tolist() == [[[255, 255, 0], [0, 0, 0]]]


def test_raw_rows_run_from_tip_to_palm(draw_hand):
    hand = draw_hand(np.random.default_rng(0), Side.RIGHT)
    uv_vis, xyz = raw_joints(hand.joints_2d, hand.visible, hand.joints_3d, Side.RIGHT)
    names = {21: "wrist", 22: "thumb_tip", 25: "thumb_cmc", 26: "index_tip", 29: "index_mcp", 41: "little_mcp"}
    for row, name in names.items():
        joint = JOINT_NAMES.index(name)
        np.testing.assert_allclose(xyz[row] * 1000, hand.joints_3d[joint], rtol=1e-5)
        np.testing.assert_allclose(uv_vis[row], [*hand.joints_2d[joint], hand.visible[joint]], rtol=1e-5)
    assert not uv_vis[:21].any()
    assert not xyz[:21].any()


def test_files_are_as_the_authors_store_them(tmp_path, draw_hand):
    hand = draw_hand(np.random.default_rng(0), Side.LEFT)
    assert not frame_is_written(tmp_path, "training", 7)
    write_frame(tmp_path, "training", 7, hand.frame)
    assert frame_is_written(tmp_path, "training", 7)
    names = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*"))
    assert names == ["training/color/00007.png", "training/depth/00007.png", "training/mask/00007.png"]
    colour = cv2.imread(str(tmp_path / names[0]))
    np.testing.assert_array_equal(colour[..., ::-1], hand.frame.colour)
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / names[2]), cv2.IMREAD_UNCHANGED), hand.frame.classes)
    blue, green, red = np.moveaxis(cv2.imread(str(tmp_path / names[1])).astype(int), -1, 0)
    metres = (red * 256 + green) / 65535 * 5
    np.testing.assert_allclose(metres * 1000, hand.frame.depth, atol=0.04)
    assert not blue.any()


def test_annotation_pickle_is_read_by_plain_pickle(tmp_path, draw_hand):
    hand = draw_hand(np.random.default_rng(0), Side.LEFT)
    path = write_annotations(tmp_path, "evaluation", {3: annotation(hand.frame), 1: annotation(hand.frame)})
    assert path == tmp_path / "evaluation" / "anno_evaluation.pickle"
    data = path.read_bytes()
    assert data[:2] == b"\x80\x02"
    assert b"numpy._core" not in data  # numpy before 1.26 does not know that name
    content = pickle.loads(data)
    assert list(content) == [1, 3]
    assert {name: (value.shape, value.dtype.name) for name, value in content[3].items()} == {
        "uv_vis": ((42, 3), "float32"),
        "xyz": ((42, 3), "float32"),
        "K": ((3, 3), "float32"),
    }


def test_a_failed_write_leaves_the_old_file(tmp_path, draw_hand, monkeypatch):
    hand = draw_hand(np.random.default_rng(0), Side.LEFT)
    path = write_annotations(tmp_path, "training", {0: annotation(hand.frame)})
    before = path.read_bytes()
    monkeypatch.setattr("pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_annotations(tmp_path, "training", {1: annotation(hand.frame)})
    assert path.read_bytes() == before

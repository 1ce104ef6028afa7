import cv2
import numpy as np
import pytest
import scipy.io
from hypothesis import given
from hypothesis import strategies as st

from handpose_core.datasets.stb_layout import CAMERAS, SEQUENCES, decode_depth, encode_depth, raw_joints
from handpose_core.hand import JOINT_NAMES
from handpose_core.synth.layouts.stb import frame_is_written, write_frame, write_labels


def test_sequences_are_the_authors():
    assert SEQUENCES[:3] == ("B1Counting", "B1Random", "B2Counting")
    assert len(SEQUENCES) == 12


@given(st.floats(0, 65535))
def test_depth_survives_to_half_a_millimetre(depth):
    np.testing.assert_allclose(decode_depth(encode_depth(np.full((2, 2), depth))), depth, atol=0.5 + 1e-3)


def test_depth_by_hand():
    """R + 256 G: red is the low byte, which RHD has the other way round."""
    image = np.array([[[5, 2, 9], [255, 255, 0]]], np.uint8)
    np.testing.assert_array_equal(decode_depth(image), [[517, 65535]])
    assert encode_depth(np.array([[517.2, -3.0]])).tolist() == [[[5, 2, 0], [0, 0, 0]]]


def test_raw_rows_run_from_the_palm_over_the_little_finger_to_the_thumb():
    joints = np.arange(2 * 21 * 3, dtype=float).reshape(2, 21, 3)
    raw = raw_joints(joints, CAMERAS["bb_left"], "ring_2.0")
    assert raw.shape == (3, 21, 2)
    rows = {1: "little_mcp", 4: "little_tip", 5: "ring_mcp", 9: "middle_mcp", 16: "index_tip", 17: "thumb_cmc"}
    for row, name in rows.items():
        np.testing.assert_allclose(raw[:, row, 1], joints[1, JOINT_NAMES.index(name)])
    palm = (joints[1, 0] + joints[1, JOINT_NAMES.index("ring_mcp")]) / 2
    np.testing.assert_allclose(raw[:, 0, 1], palm)


@pytest.mark.parametrize("name", CAMERAS)
def test_cameras_there_and_back(name):
    points = np.random.default_rng(0).normal(0, 300, (50, 3))
    moved = CAMERAS[name].from_labels(points)
    np.testing.assert_allclose(CAMERAS[name].to_labels(moved), points, atol=1e-9)


def test_colour_to_depth_is_the_published_motion():
    R = cv2.Rodrigues(np.array([0.00531, -0.01196, 0.00301]))[0]
    in_colour = np.array([10.0, -20, 600])
    in_depth = R @ in_colour + [-24.0381, -0.4563, -1.2326]
    np.testing.assert_allclose(CAMERAS["sk"].from_labels(in_depth), in_colour, atol=1e-9)


def test_files_are_as_the_authors_store_them(tmp_path):
    rng = np.random.default_rng(0)
    colours = {kind: rng.integers(0, 255, (480, 640, 3), np.uint8) for kind in ("BB_left", "BB_right", "SK_color")}
    depth = rng.uniform(300, 2000, (480, 640))
    assert not frame_is_written(tmp_path, "B3Random", 12)
    write_frame(tmp_path, "B3Random", 12, colours, depth)
    assert frame_is_written(tmp_path, "B3Random", 12)
    names = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*"))
    folder = "images/B3Random/"
    assert names == [f"{folder}{kind}_12.png" for kind in ("BB_left", "BB_right", "SK_color", "SK_depth")]
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / names[1]))[..., ::-1], colours["BB_right"])
    _, green, red = np.moveaxis(cv2.imread(str(tmp_path / names[3])).astype(int), -1, 0)
    np.testing.assert_allclose(red + 256 * green, depth, atol=0.5)


def test_labels_are_as_the_authors_store_them(tmp_path):
    joints = np.random.default_rng(0).normal([0, 0, 500], 50, (4, 21, 3))
    path = write_labels(tmp_path, "B1Counting", CAMERAS["bb_right"], joints, "palm")
    assert path == tmp_path / "labels" / "B1Counting_BB.mat"
    stored = scipy.io.loadmat(path)["handPara"]
    assert (stored.shape, stored.dtype) == ((3, 21, 4), np.float64)
    np.testing.assert_allclose(stored[:, 0, 2], joints[2, 0] + [120.054, 0, 0])  # in the left camera's frame

import contextlib
import inspect
import shutil

import cv2
import numpy as np
import pytest
import scipy.io
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handpose_core.camera import project
from handpose_core.datasets.stb import STB
from handpose_core.datasets.stb_annotations import read_joints
from handpose_core.datasets.stb_depth import hand_depth, register
from handpose_core.datasets.stb_layout import CAMERAS, SEQUENCES, SK_DEPTH_K, label_path
from handpose_core.datasets.video import Clips, Views
from handpose_core.errors import HandposeError
from handpose_core.hand import JOINT_NAMES, Side

SHAPES = {
    "image": ((3, 480, 640), torch.float32),
    "joints_2d": ((21, 2), torch.float32),
    "joints_3d": ((21, 3), torch.float32),
    "annotated": ((21,), torch.bool),
    "visible": ((21,), torch.bool),
    "K": ((3, 3), torch.float32),
    "R": ((3, 3), torch.float32),
    "t": ((3,), torch.float32),
    "depth": ((1, 480, 640), torch.float32),
    **dict.fromkeys(("side", "index", "sequence", "frame", "view"), ((), torch.int64)),
}
TEST_FRAMES = 10  # two sequences of five


@pytest.fixture
def root(drawn_stb, tmp_path):
    """A copy of the test split to spoil."""
    for sequence in SEQUENCES[:2]:
        shutil.copytree(drawn_stb.root / "images" / sequence, tmp_path / "images" / sequence)
        for rig in ("BB", "SK"):
            source = label_path(drawn_stb.root, sequence, rig)
            (tmp_path / "labels").mkdir(exist_ok=True)
            shutil.copy(source, tmp_path / "labels")
    return tmp_path


def hand_para(root):
    return scipy.io.loadmat(label_path(root, "B1Random", "SK"))["handPara"]


def write_hand_para(root, joints, name="handPara"):
    scipy.io.savemat(label_path(root, "B1Random", "SK"), {name: joints})


def test_samples_keep_to_the_contract(drawn_stb):
    sample = STB(drawn_stb.root, "test", depth=True)[8]
    assert {key: (tuple(value.shape), value.dtype) for key, value in sample.items()} == SHAPES
    assert (sample["index"], sample["sequence"], sample["frame"], sample["view"]) == (8, 1, 3, 0)
    assert sample["side"] == Side.LEFT
    assert STB(drawn_stb.root, "test")[8].keys() == SHAPES.keys() - {"depth"}


@pytest.mark.parametrize("camera", ["sk", "bb_left", "bb_right"])
def test_gives_back_the_drawn_hand(drawn_stb, camera):
    dataset = STB(drawn_stb.root, "train", camera)
    assert len(dataset) == 50
    for i in (0, 7, 49):
        sample = dataset[i]
        drawn = drawn_stb.joints[camera][SEQUENCES[sample["sequence"]]][sample["frame"]]
        np.testing.assert_allclose(sample["joints_3d"], drawn, atol=1e-3)
        np.testing.assert_allclose(project(sample["joints_3d"], sample["K"]), sample["joints_2d"], atol=0.1)
        u, v = sample["joints_2d"].round().long().T
        assert torch.equal(
            (sample["image"][:, v, u] * 255).round(), torch.tensor([[210.0], [160], [130]]).expand(3, 21)
        )


def test_the_pair_is_shifted_by_the_baseline(drawn_stb):
    both = STB(drawn_stb.root, "test", "bb")
    assert len(both) == 2 * TEST_FRAMES
    for left, right in ((both[i], both[i + 1]) for i in (0, 6, 18)):
        assert (left["frame"], left["view"], right["view"]) == (right["frame"], 0, 1)
        shift = left["joints_3d"] - right["joints_3d"]
        np.testing.assert_allclose(shift, np.broadcast_to([120.054, 0, 0], (21, 3)), atol=1e-3)
        assert torch.equal(left["K"], right["K"])
        disparity = (left["joints_2d"] - right["joints_2d"])[:, 0]
        torch.testing.assert_close(disparity, 822.79041 * 120.054 / left["joints_3d"][:, 2], rtol=1e-3, atol=0)


def test_views_of_the_pair_map_the_same_world(drawn_stb):
    group = Views(STB(drawn_stb.root, "test", "bb"))[4]
    world = (group["joints_3d"] - group["t"][:, None]) @ group["R"]
    torch.testing.assert_close(world[0], world[1], atol=1e-3, rtol=0)


def test_splits_are_the_authors(drawn_stb):
    test, train = STB(drawn_stb.root, "test"), STB(drawn_stb.root, "train")
    assert {SEQUENCES[n] for n in test.sequences} == {"B1Counting", "B1Random"}
    assert {SEQUENCES[n][:2] for n in train.sequences} == {"B2", "B3", "B4", "B5", "B6"}


def test_palm_rule_keeps_the_palm_and_says_so(drawn_stb):
    wrist, palm = STB(drawn_stb.root, "test")[0], STB(drawn_stb.root, "test", wrist_rule="palm")
    ring = JOINT_NAMES.index("ring_mcp")
    middle = (wrist["joints_3d"][ring] + wrist["joints_3d"][0]) / 2  # ring_2.0 by hand: the palm is half way
    torch.testing.assert_close(palm[0]["joints_3d"][0], middle, atol=1e-3, rtol=0)
    torch.testing.assert_close(palm[0]["joints_3d"][1:], wrist["joints_3d"][1:])
    assert palm.describe()["root_joint"] == "palm"
    assert STB(drawn_stb.root, "test").describe()["root_joint"] == "wrist (from the palm by ring_2.0)"


def test_depth_lies_under_the_hand_and_nowhere_else(drawn_stb):
    dataset = STB(drawn_stb.root, "test", depth=True)
    for i in (0, 9):
        sample = dataset[i]
        skin = (sample["image"] * 255).round()[0] == 210
        depth = sample["depth"][0]
        assert (depth[skin] > 0).float().mean() > 0.99  # no holes; the drawn bones are thicker in depth
        assert (depth > 0).float().mean() < 0.1
        u, v = sample["joints_2d"].round().long().T
        assert (depth[v, u] - sample["joints_3d"][:, 2]).abs().max() < 60  # each bone was drawn at its mean depth


def test_registration_is_the_two_cameras_projection():
    depth = np.zeros((480, 640), np.float32)
    depth[200, 300] = 500
    point = CAMERAS["sk"].from_labels(np.linalg.inv(SK_DEPTH_K) @ [300, 200, 1] * 500)
    u, v, w = CAMERAS["sk"].K @ point
    rows, columns = np.nonzero(register(depth))
    assert len(rows) == 4
    np.testing.assert_allclose([columns.mean(), rows.mean()], [u / w, v / w], atol=0.5)
    np.testing.assert_allclose(register(depth).max(), point[2], rtol=1e-6)


def test_the_nearest_surface_wins_without_holes():
    depth = np.full((480, 640), 1000, np.float32)
    depth[100:300, 200:400] = 500
    moved = register(depth)
    inner = moved[120:340, 180:380]
    assert ((inner > 450) & (inner < 550)).any()
    near = (moved > 0) & (moved < 600)
    assert near.sum() > 200 * 200 * 1.28**2 * 0.98
    rows, columns = np.nonzero(near)
    box = moved[rows.min() + 3 : rows.max() - 2, columns.min() + 3 : columns.max() - 2]
    assert ((box > 0) & (box < 600)).mean() == 1
    assert not (register(depth, 600) > 600).any()
    assert np.array_equal(register(depth, 600)[near], moved[near])


def test_hand_depth_by_hand():
    depth = np.array([[500.0, 601, 399, 450, 500]], np.float32).repeat(3, 0)
    joints = np.zeros((21, 2))
    joints[1:] = [2, 2]
    found = hand_depth(depth, joints, 500.0)
    np.testing.assert_array_equal(found, [[500, 0, 0, 450, 0]] * 3)  # joints' box 0..2, x 1.5 and to whole pixels 0..3


def test_depth_is_of_the_sk_camera_only(drawn_stb):
    with pytest.raises(HandposeError, match="STB, depth: found camera 'bb'"):
        STB(drawn_stb.root, "test", "bb", depth=True)


def test_missing_image_is_an_error_that_names_it(root):
    (root / "images" / "B1Random" / "SK_color_2.png").unlink()
    with pytest.raises(HandposeError, match=r"B1Random/SK_color_2\.png: found no such file; 1 of 10 .* missing: skip"):
        STB(root, "test")
    assert len(STB(root, "test", "bb")) == 20


def test_missing_skip_reads_the_rest_and_counts(root):
    (root / "images" / "B1Random" / "SK_depth_2.png").unlink()
    assert len(STB(root, "test")) == 10
    dataset = STB(root, "test", depth=True, missing="skip")
    assert dataset.selection.missing == ("B1Random/2",)
    assert [int(frame) for frame in dataset.video_index[5:, 1]] == [0, 1, 3, 4]
    assert dataset.describe()["missing_frames"] == "1"


def test_missing_labels_are_named(root):
    label_path(root, "B1Random", "SK").unlink()
    with pytest.raises(HandposeError, match=r"B1Random_SK\.mat: found no such file"):
        STB(root, "test")
    dataset = STB(root, "test", missing="skip")
    assert (len(dataset), dataset.missing_sequences) == (5, ("B1Random",))
    assert dataset.describe()["missing_sequences"] == "B1Random"


def test_exclude_leaves_frames_out_and_says_so(drawn_stb):
    dataset = STB(drawn_stb.root, "test", exclude=["B1Counting/0", "B1Random/4", "B2Random/1"])
    assert len(dataset) == 8
    assert dataset.describe()["excluded_frames"] == "2"
    assert "B1Counting/1" in dataset.where(0)


@pytest.mark.parametrize("name", ["SK_color_1.png", "SK_depth_1.png"])
@pytest.mark.parametrize("keep", [0, 0.5])
def test_truncated_image_is_named(root, name, keep):
    path = root / "images" / "B1Counting" / name
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(HandposeError, match=rf"{name}: found (\d+ bytes that do not decode|an empty file)"):
        STB(root, "test", depth=True)[1]


def test_image_of_another_size_is_named(root):
    cv2.imwrite(str(root / "images" / "B1Counting" / "SK_color_1.png"), np.zeros((240, 320, 3), np.uint8))
    with pytest.raises(HandposeError, match=r"SK_color_1\.png: found 320 x 240 pixels; expected STB's 640 x 480"):
        STB(root, "test")[1]


def test_truncated_labels_are_named(root):
    path = label_path(root, "B1Random", "SK")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(HandposeError, match=r"B1Random_SK\.mat: found a file that is no MATLAB file"):
        STB(root, "test")


@pytest.mark.parametrize("rows", [20, 22])
def test_another_number_of_joints_is_named(root, rows):
    write_hand_para(root, np.ones((3, rows, 5)))
    with pytest.raises(HandposeError, match=rf"handPara: found shape \(3, {rows}, 5\).*expected 3 x 21 x n"):
        STB(root, "test")


def test_another_variable_is_named(root):
    write_hand_para(root, np.ones((3, 21, 5)), "hand")
    with pytest.raises(HandposeError, match="handPara: found no such variable"):
        STB(root, "test")


def test_not_a_number_is_named(root):
    joints = hand_para(root)
    joints[1, 4, 3] = np.nan
    write_hand_para(root, joints)
    with pytest.raises(HandposeError, match=r"B1Random_SK\.mat, handPara\[1, 4, 3\]: found nan \(1 such"):
        STB(root, "test")


def test_metres_are_named(root):
    write_hand_para(root, hand_para(root) / 1000)
    with pytest.raises(HandposeError, match=r"B1Random/0 .*joints: found a hand that reaches 0\.\d+ mm.*millimetres"):
        STB(root, "test")[5]


def test_wrong_root_says_what_is_there(tmp_path):
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(HandposeError, match=r"found a folder with holiday\.jpg; expected STB's layout"):
        STB(tmp_path, "train")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(HandposeError, match="no such folder"):
        STB(tmp_path / "loop", "train")


@pytest.mark.parametrize(
    "choice", [{"split": "val"}, {"camera": "kinect"}, {"wrist_rule": "ring"}, {"missing": "ignore"}]
)
def test_unknown_choice_is_named(drawn_stb, choice):
    unchecked = inspect.unwrap(STB.__init__)  # without the tests' own check of argument types
    with pytest.raises(HandposeError, match=rf"{next(iter(choice))}: found '{next(iter(choice.values()))}'"):
        unchecked(STB.__new__(STB), **{"root": drawn_stb.root, "split": "test", **choice})


def test_clips_follow_one_another_and_never_jump(root):
    (root / "images" / "B1Random" / "SK_color_1.png").unlink()
    clips = Clips(STB(root, "test", missing="skip"), 3, 1)
    found = [(clip["sequence"].tolist(), clip["frame"].tolist()) for clip in (clips[i] for i in range(len(clips)))]
    assert found == [([0] * 3, [0, 1, 2]), ([0] * 3, [1, 2, 3]), ([0] * 3, [2, 3, 4]), ([1] * 3, [2, 3, 4])]
    assert clips[0]["image"].shape == (3, 3, 480, 640)
    assert "B1Random/2" in clips.where(3)
    assert clips.describe()["clips"] == "4 of 3 frames, one every 1"


def test_clips_of_the_pair_keep_to_one_camera(drawn_stb):
    clips = Clips(STB(drawn_stb.root, "test", "bb"), 2)
    assert len(clips) == 8
    views = [clips[i]["view"].tolist() for i in range(8)]
    assert sorted(map(tuple, views)) == [(0, 0)] * 4 + [(1, 1)] * 4


@pytest.mark.parametrize(("length", "step"), [(6, 1), (0, 1), (2, 0)])
def test_clips_that_cannot_be_are_named(drawn_stb, length, step):
    with pytest.raises(HandposeError, match="clip"):
        Clips(STB(drawn_stb.root, "test"), length, step)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_mutated_labels_read_or_are_named(drawn_stb, tmp_path, data):
    whole = label_path(drawn_stb.root, "B1Random", "SK").read_bytes()
    mutated = bytearray(whole[: data.draw(st.integers(0, len(whole)) | st.just(len(whole)))])
    places = st.integers(0, 250) | st.integers(0, len(whole) - 1)  # the header is short, and where most can go wrong
    for place, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=5)):
        if place < len(mutated):
            mutated[place] = value
    path = label_path(tmp_path, "B1Random", "SK")
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(mutated)
    with contextlib.suppress(HandposeError):  # and nothing else
        joints = read_joints(tmp_path, "B1Random", "SK")
        assert joints.shape[1:] == (21, 3)
        assert np.isfinite(joints).all()

import contextlib
import inspect
import os
import pickle
import shutil

import cv2
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handpose_core.camera import project
from handpose_core.datasets.mhp import MHP
from handpose_core.datasets.mhp_calibration import project_distorted, undistort_image, undistort_pixels
from handpose_core.datasets.mhp_layout import DISTORTION, ROW_NAMES, calibration_path, frames_folder
from handpose_core.datasets.mhp_layout import K as WEBCAM_K
from handpose_core.datasets.mhp_text import read_joints
from handpose_core.datasets.video import Clips, Views
from handpose_core.datasets.wrist import wrist_to_palm
from handpose_core.errors import HandposeError
from handpose_core.hand import Side

SHAPES = {
    "image": ((3, 480, 640), torch.float32),
    "joints_2d": ((21, 2), torch.float32),
    "joints_3d": ((21, 3), torch.float32),
    "annotated": ((21,), torch.bool),
    "visible": ((21,), torch.bool),
    "K": ((3, 3), torch.float32),
    "R": ((3, 3), torch.float32),
    "t": ((3,), torch.float32),
    "box": ((4,), torch.float32),
    **dict.fromkeys(("side", "index", "sequence", "frame", "view"), ((), torch.int64)),
}
TESTED = 24  # two sequences of three frames before four cameras


@pytest.fixture
def root(drawn_mhp, tmp_path):
    """A copy of the test split to spoil."""
    for sequence in (1, 2):
        for part in ("annotated_frames", "calibrations"):
            shutil.copytree(drawn_mhp.root / part / f"data_{sequence}", tmp_path / part / f"data_{sequence}")
    return tmp_path


def spoil(root, change, name="1_joints.txt"):
    """Rewrite a text file of data_2, from its lines; ``labels="computed"`` reads the joints'."""
    path = frames_folder(root, 2) / name
    path.write_text("\n".join(change(path.read_text().splitlines())))


def computed(root, **options):
    return MHP(root, "test", labels="computed", **options)


def test_samples_keep_to_the_contract(drawn_mhp):
    sample = MHP(drawn_mhp.root, "test", boxes="published")[18]
    assert {key: (tuple(value.shape), value.dtype) for key, value in sample.items()} == SHAPES
    assert (sample["index"], sample["sequence"], sample["frame"], sample["view"]) == (18, 2, 1, 2)
    assert sample["side"] == Side.RIGHT
    assert MHP(drawn_mhp.root, "test")[18].keys() == SHAPES.keys() - {"box"}


@pytest.mark.parametrize("labels", ["published", "computed"])
@pytest.mark.parametrize("rule", ["palm", "ring_2.0"])
def test_gives_back_the_drawn_hand(drawn_mhp, labels, rule):
    dataset = MHP(drawn_mhp.root, "test", labels=labels, wrist_rule=rule)
    assert len(dataset) == TESTED
    for i in (0, 7, 23):
        sample = dataset[i]
        drawn = drawn_mhp.joints[int(sample["sequence"])][sample["frame"]]
        expected = drawn if rule == "ring_2.0" else wrist_to_palm(drawn, "ring_2.0")
        world = (sample["joints_3d"] - sample["t"]) @ sample["R"]
        np.testing.assert_allclose(world, expected, atol=1e-2)


def test_published_joints_are_taken_where_they_are(root):
    spoil(root, lambda lines: [f"{line.rsplit(' ', 1)[0]} 700" for line in lines], "1_jointsCam_3.txt")
    (frames_folder(root, 2) / "0_jointsCam_3.txt").unlink()
    dataset = MHP(root, "test")
    assert (dataset[18]["joints_3d"][:, 2] == 700).all()
    assert not (computed(root)[18]["joints_3d"][:, 2] == 700).any()
    torch.testing.assert_close(dataset[14], computed(root)[14])
    assert dataset.describe()["labels"] == "23 published, the others computed"


@pytest.mark.parametrize("lens", ["undistorted", "as_is"])
def test_joints_lie_on_the_drawn_hand(drawn_mhp, lens):
    dataset = MHP(drawn_mhp.root, "test", lens=lens, wrist_rule="ring_2.0")
    for i in range(0, TESTED, 5):
        sample = dataset[i]
        u, v = sample["joints_2d"].round().long().T
        skin = torch.tensor([[210.0], [160], [130]]) / 255
        assert (sample["image"][:, v, u] - skin).abs().max() < 0.1  # JPEG, and the lens
        landed = (project(sample["joints_3d"], sample["K"]) - sample["joints_2d"]).norm(dim=-1)
        assert landed.max() < 0.1 if lens == "undistorted" else landed.max() > 0.2


def test_the_lens_by_hand():
    """Brown's model, written out."""
    k1, k2, p1, p2, _ = DISTORTION
    points = np.array([[120.0, -80, 500], [-150, 100, 600]])
    x, y = points[:, 0] / points[:, 2], points[:, 1] / points[:, 2]
    r2 = x**2 + y**2
    radial = 1 + k1 * r2 + k2 * r2**2
    distorted = np.stack(
        [x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x**2), y * radial + p1 * (r2 + 2 * y**2) + 2 * p2 * x * y], -1
    )
    expected = distorted @ WEBCAM_K[:2, :2].T + WEBCAM_K[:2, 2]
    np.testing.assert_allclose(project_distorted(points), expected, atol=1e-6)
    straight = np.stack([x, y], -1) @ WEBCAM_K[:2, :2].T + WEBCAM_K[:2, 2]
    np.testing.assert_allclose(undistort_pixels(expected), straight, atol=1e-2)
    assert np.abs(expected - straight).max() > 1


def test_undistorted_image_moves_a_spot_to_its_pinhole_place():
    point = np.array([[170.0, -120, 500]])
    u, v = project_distorted(point)[0]
    rows, columns = np.mgrid[:480, :640]
    spot = 255 * np.exp(-((columns - u) ** 2 + (rows - v) ** 2) / (2 * 4**2))
    moved = undistort_image(np.repeat(spot[..., None], 3, -1).astype(np.uint8))[..., 0].astype(float)
    centroid = [(moved * columns).sum() / moved.sum(), (moved * rows).sum() / moved.sum()]
    pinhole = WEBCAM_K @ point[0]
    np.testing.assert_allclose(centroid, pinhole[:2] / pinhole[2], atol=0.2)


def test_view_groups_map_the_same_world(drawn_mhp):
    groups = Views(MHP(drawn_mhp.root, "test"))
    assert len(groups) == TESTED / 4
    group = groups[4]
    assert group["image"].shape == (4, 3, 480, 640)
    assert (group["view"].tolist(), group["frame"].tolist(), group["sequence"].tolist()) == (
        [0, 1, 2, 3],
        [1] * 4,
        [2] * 4,
    )
    world = (group["joints_3d"] - group["t"][:, None]) @ group["R"]
    torch.testing.assert_close(world, world[:1].expand_as(world), atol=1e-2, rtol=0)
    apart = (group["joints_3d"][0] - group["joints_3d"][3]).norm(dim=-1)
    assert apart.max() > 30  # they are four views, not one four times


def test_groups_without_a_view_are_counted(root):
    (frames_folder(root, 1) / "2_webcam_3.jpg").unlink()
    groups = Views(MHP(root, "test", missing="skip"))
    assert (len(groups), groups.incomplete) == (5, 1)
    assert groups.describe()["incomplete_groups"] == "1"
    assert "data_1/0" in groups.where(0)


def test_clips_are_of_one_camera(root):
    for path in frames_folder(root, 1).glob("1_*"):
        path.unlink()
    clips = Clips(MHP(root, "test"), 2, 1)
    found = {tuple(map(tuple, clips.source.video_index[rows].tolist())) for rows in clips.rows}
    assert found == {((2, f, view), (2, f + 1, view)) for f in (0, 1) for view in range(4)}
    assert clips[0]["image"].shape == (2, 3, 480, 640)


def test_cameras_can_be_chosen(drawn_mhp):
    dataset = MHP(drawn_mhp.root, "test", cameras=[2])
    assert len(dataset) == TESTED / 4
    assert dataset[0]["view"] == 1
    assert dataset.describe()["camera"] == "webcam 2"


def test_splits_are_the_authors(drawn_mhp):
    assert set(MHP(drawn_mhp.root, "test").sequences) == {1, 2}
    assert set(MHP(drawn_mhp.root, "train").sequences) == set(range(3, 22))


def test_rows_are_mapped_by_name_whatever_their_order(root):
    before = computed(root)[16]
    spoil(root, lambda lines: ["", *lines[::-1]])
    torch.testing.assert_close(computed(root)[16], before)


def test_boxes_are_published_or_around_the_joints(root):
    (frames_folder(root, 1) / "0_bbox_1.txt").unlink()
    dataset = MHP(root, "test", boxes="published", wrist_rule="ring_2.0")
    pixels = dataset[0]["joints_2d"]
    torch.testing.assert_close(dataset[0]["box"], torch.cat([pixels.amin(0), pixels.amax(0)]))
    pixels = dataset[1]["joints_2d"]
    torch.testing.assert_close(dataset[1]["box"], torch.cat([pixels.amin(0) - 20, pixels.amax(0) + 20]), atol=3, rtol=0)
    assert dataset.describe()["boxes"] == "23 published, the others around the joints"


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda lines: lines[1:], r"21 rows; unknown: none; absent: F4_KNU1_A"),
        (lambda lines: lines[:-2], r"20 rows; unknown: none; absent: PALM_POSITION"),
        (lambda lines: [*lines, "F5_KNU1_A 1 2 3"], r"22 rows; unknown: F5_KNU1_A; absent: none"),
        (lambda lines: ["INDEX 1 2 3", *lines[1:]], r"21 rows; unknown: INDEX; absent: F4_KNU1_A"),
    ],
)
def test_other_rows_are_named(root, change, found):
    spoil(root, change)
    expected = found.replace("21 rows; unknown: none", "20 rows; unknown: none")
    with pytest.raises(HandposeError, match=rf"1_joints\.txt: found {expected}.*the 21 rows"):
        computed(root)[16]


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ("TH_KNU2_A 1 2", r"'1 2'; expected 3 number"),
        ("TH_KNU2_A 1 2 3 4", "'1 2 3 4'"),
        ("TH_KNU2_A 1 two 3", "'1 two 3'"),
        ("TH_KNU2_A nan 2 3", "nan"),
        ("TH_KNU2_A 1 2 -inf", "-inf"),
        ("F1_KNU1_A 1 2 3", "two such rows"),
    ],
)
def test_a_bad_row_is_named(root, row, found):
    spoil(root, lambda lines: [row if line.startswith("TH_KNU2_A") else line for line in lines])
    with pytest.raises(HandposeError, match=rf"1_joints\.txt, {row.split()[0]}.*found {found}"):
        computed(root)[16]


def test_metres_are_named(root):
    change = lambda line: " ".join([line.split()[0], *(str(float(x) / 1000) for x in line.split()[1:])])  # noqa: E731
    spoil(root, lambda lines: list(map(change, lines)))
    with pytest.raises(HandposeError, match=r"data_2/1 .*a hand that reaches 0\.\d+ mm.*millimetres"):
        computed(root)[16]


def test_joints_behind_the_camera_are_named(root):
    for camera in (1, 2, 3, 4):
        path = calibration_path(root, 2, camera, "tvec")
        path.write_bytes(pickle.dumps(-pickle.loads(path.read_bytes()), protocol=2))
    with pytest.raises(HandposeError, match=r"data_2/0 \(webcam 1\), joint \d+: found z = -"):
        computed(root)[12]


@pytest.mark.parametrize("text", ["TOP 1\nLEFT 2\nBOTTOM 3", "TOP 9\nLEFT 2\nBOTTOM 3\nRIGHT 4", ""])
def test_a_bad_box_is_named(root, text):
    (frames_folder(root, 1) / "0_bbox_1.txt").write_text(text)
    with pytest.raises(HandposeError, match=r"0_bbox_1\.txt: found"):
        MHP(root, "test", boxes="published")[0]


def test_binary_joints_are_named(root):
    (frames_folder(root, 2) / "1_joints.txt").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(HandposeError, match=r"1_joints\.txt: found bytes that are no text"):
        computed(root)[16]


@pytest.mark.parametrize("name", ["1_webcam_2.jpg", "1_joints.txt"])
def test_missing_files_are_named_or_skipped(root, name):
    (frames_folder(root, 2) / name).unlink()
    with pytest.raises(HandposeError, match=rf"data_2/{name}: found no such file; \d of 24 .* missing: skip"):
        MHP(root, "test")
    dataset = MHP(root, "test", missing="skip")
    gone = 1 if name.endswith("jpg") else 4
    assert (len(dataset), dataset.selection.missing) == (TESTED - gone, ("data_2/1",) * gone)


def test_missing_sequence_is_named_or_skipped(root):
    shutil.rmtree(frames_folder(root, 2))
    with pytest.raises(HandposeError, match=r"annotated_frames, data_2: found no files; 1 of 2 sequences"):
        MHP(root, "test")
    dataset = MHP(root, "test", missing="skip")
    assert dataset.describe()["missing_sequences"] == "data_2"


def test_exclude_leaves_a_frame_of_all_cameras_out(drawn_mhp):
    dataset = MHP(drawn_mhp.root, "test", exclude=["data_1/1", "data_3/0"])
    assert (len(dataset), dataset.describe()["excluded_frames"]) == (TESTED - 4, "4")


def test_missing_calibration_is_named(root):
    calibration_path(root, 2, 3, "tvec").unlink()
    with pytest.raises(HandposeError, match=r"data_2/webcam_3/tvec\.pkl: found no readable file"):
        MHP(root, "test")
    assert len(MHP(root, "test", cameras=[1, 2, 4])) == 18


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (pickle.dumps(np.zeros((4, 1)), protocol=2), r"shape \(4,\)"),
        (pickle.dumps(np.array([1, np.nan, 3]), protocol=2), "nan"),
        (pickle.dumps("text", protocol=2), "str"),
        (b"\x80\x02]q", "a pickle that cannot be read"),
    ],
)
def test_bad_calibration_is_named(root, content, found):
    calibration_path(root, 1, 2, "rvec").write_bytes(content)
    with pytest.raises(HandposeError, match=rf"data_1/webcam_2/rvec\.pkl.*found {found}"):
        MHP(root, "test")


def test_calibration_with_a_foreign_class_is_not_run(root):
    class Foreign:
        def __reduce__(self):
            return (os.mkdir, (str(root / "made"),))

    calibration_path(root, 1, 2, "rvec").write_bytes(pickle.dumps(Foreign()))
    with pytest.raises(HandposeError, match=r"rvec\.pkl: found the class posix\.mkdir"):
        MHP(root, "test")
    assert not (root / "made").exists()


@pytest.mark.parametrize("keep", [0, 0.3, 0.9])
def test_truncated_image_is_named(root, keep):
    path = frames_folder(root, 1) / "0_webcam_1.jpg"
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(HandposeError, match=r"0_webcam_1\.jpg: found (\d+ bytes that do not decode|an empty file)"):
        MHP(root, "test")[0]


def test_image_of_another_size_is_named(root):
    cv2.imwrite(str(frames_folder(root, 1) / "0_webcam_1.jpg"), np.zeros((240, 320, 3), np.uint8))
    with pytest.raises(HandposeError, match="found 320 x 240 pixels; expected MHP's 640 x 480"):
        MHP(root, "test")[0]


def test_wrong_root_says_what_is_there(tmp_path):
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(HandposeError, match=r"found a folder with holiday\.jpg; expected MHP's layout"):
        MHP(tmp_path, "train")


@pytest.mark.parametrize(
    "choice",
    [
        {"split": "validation"},
        {"lens": "fish"},
        {"labels": "mine"},
        {"boxes": "all"},
        {"cameras": [5]},
        {"missing": "no"},
    ],
)
def test_unknown_choice_is_named(drawn_mhp, choice):
    unchecked = inspect.unwrap(MHP.__init__)  # without the tests' own check of argument types
    with pytest.raises(HandposeError, match=rf"MHP, {next(iter(choice))}: found"):
        unchecked(MHP.__new__(MHP), **{"root": drawn_mhp.root, "split": "test", **choice})


LINES = [f"{name} {i} -{i}.5 {i}e1" for i, name in enumerate(ROW_NAMES)]
WORDS = st.sampled_from([*ROW_NAMES, "", "1", "nan", "inf", "1e999", "1_0", "0x1", "PALM_NORMAL"]) | st.text(max_size=4)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_mutated_joints_read_or_are_named(tmp_path, data):
    lines = [line.split() for line in data.draw(st.permutations(LINES))]
    for _ in range(data.draw(st.integers(0, 3))):
        line = data.draw(st.sampled_from(lines))
        line[data.draw(st.integers(0, len(line) - 1))] = data.draw(WORDS)
    raw = bytearray("\n".join(map(" ".join, lines)).encode("utf-8", "surrogatepass"))
    del raw[data.draw(st.just(len(raw)) | st.integers(0, len(raw))) :]
    for place, value in data.draw(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 255)), max_size=2)):
        raw[place : place + 1] = bytes([value])
    path = tmp_path / "0_joints.txt"
    path.write_bytes(raw)
    with contextlib.suppress(HandposeError):  # and nothing else
        joints = read_joints(path)
        assert joints.shape == (21, 3)
        assert np.isfinite(joints).all()

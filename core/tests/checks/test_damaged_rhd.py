"""Every kind of damage to a copy in RHD's layout is found and named; the clean twin is fine."""

import pickle
import shutil

import cv2
import numpy as np
import pytest

from handpose_core.checks.parts.rhd import rhd_parts
from handpose_core.checks.report import check
from handpose_core.checks.verdict import Status
from handpose_core.hand import JOINT_ORDERS

BOTH = np.r_[0:21, 21:42]


@pytest.fixture
def root(clean_rhd, copy_of):
    return copy_of(clean_rhd)


def edit(root, change):
    path = root / "evaluation" / "anno_evaluation.pickle"
    annotations = pickle.loads(path.read_bytes())
    for number, entry in annotations.items():
        change(number, entry)
    path.write_bytes(pickle.dumps(annotations, protocol=2))


def of_both_hands(order):
    return np.concatenate([np.array(order), np.array(order) + 21])


def problems(root):
    return {f.check: f.verdict for f in check(root, 50).findings if f.verdict.status == Status.WRONG}


def statuses(root):
    return {f.check: f.verdict.status for f in check(root, 50).findings}


def test_a_clean_partial_copy_is_fine_with_warnings(clean_rhd):
    found = statuses(clean_rhd)
    assert found.pop("parts") == found.pop("files") == Status.WARNING
    assert found.pop("bone constancy") == Status.SKIPPED
    assert set(found.values()) == {Status.OK}
    assert check(clean_rhd, 50).fine


def test_missing_pictures_are_a_warning(root):
    for path in (root / "evaluation" / "color").glob("0000[0-5].png"):
        path.unlink()
    report = check(root, 50)
    assert report.fine
    files = next(f.verdict for f in report.findings if f.check == "files")
    assert (files.status, "6 of 2728 color" in files.seen) == (Status.WARNING, True)


def test_permuted_joints_are_named(root):
    rows = of_both_hands(JOINT_ORDERS["rhd"])  # as if the file were in canonical order

    def permute(_, entry):
        entry.update(xyz=entry["xyz"][rows], uv_vis=entry["uv_vis"][rows])

    edit(root, permute)
    assert "looks like canonical order, read as rhd" in problems(root)["joint order"].seen
    assert "fingers run the other way" in problems(root)["joint order"].seen


def test_millimetres_for_metres(root):
    edit(root, lambda _, entry: entry.update(xyz=entry["xyz"] * 1000))
    found = problems(root)
    assert set(found) == {"unit"}  # what only follows from it is not told
    assert "millimetres, and the layout is in metres" in found["unit"].seen
    assert "by 0.001" in found["unit"].fix


def test_one_frame_in_another_unit(root):
    edit(root, lambda number, entry: entry.update(xyz=entry["xyz"] * (1000 if number == 4 else 1)))
    assert "units are mixed" in problems(root)["unit"].seen
    assert "frame 4" in problems(root)["unit"].seen


def test_exchanged_sides(root):
    rows = np.r_[21:42, 0:21]

    def exchange(_, entry):
        entry.update(xyz=entry["xyz"][rows], uv_vis=entry["uv_vis"][rows])

    edit(root, exchange)
    found = problems(root)
    assert "the other side's hands" in found["side"].seen
    assert "left and right are exchanged" in found["mask"].seen


def test_pixels_of_another_camera(root):
    edit(root, lambda _, entry: entry["K"].__setitem__((0, 2), entry["K"][0, 2] + 12))
    assert "12 px from the stored pixels" in problems(root)["reprojection"].seen


@pytest.mark.parametrize(
    ("channels", "name"), [([2, 1, 0], "B and R are swapped"), ([0, 2, 1], "high and low byte (R and G) are swapped")]
)
def test_depth_with_swapped_channels(root, channels, name):
    for path in (root / "evaluation" / "depth").iterdir():
        cv2.imwrite(str(path), cv2.imread(str(path))[..., channels])
    found = problems(root)
    assert set(found) == {"depth"}
    assert found["depth"].seen.startswith(name)


def test_depth_of_another_frame(root):
    paths = sorted((root / "evaluation" / "depth").iterdir())
    contents = [path.read_bytes() for path in paths]
    for path, content in zip(paths, [*contents[1:], contents[0]], strict=True):
        path.write_bytes(content)
    assert "same frame" in problems(root)["depth"].fix


def test_masks_of_other_frames(root):
    paths = sorted((root / "evaluation" / "mask").iterdir())
    contents = [path.read_bytes() for path in paths]
    for path, content in zip(paths, [*contents[1:], contents[0]], strict=True):
        path.write_bytes(content)
    assert "same frames" in problems(root)["mask"].fix


def test_a_truncated_picture(root):
    path = root / "evaluation" / "color" / "00007.png"
    path.write_bytes(path.read_bytes()[:-900])
    assert "evaluation/color/00007.png" in problems(root)["whole"].seen


def test_a_damaged_picture_with_a_whole_end(root):
    path = root / "evaluation" / "mask" / "00003.png"
    content = path.read_bytes()
    path.write_bytes(b"no picture" + content[10:])
    assert "00003.png" in problems(root)["whole"].seen


def test_duplicates(root):
    folder = root / "evaluation" / "color"
    shutil.copy(folder / "00002.png", folder / "00005.png")
    found = problems(root)
    assert set(found) == {"duplicates"}
    assert "00002.png, evaluation/color/00005.png" in found["duplicates"].seen


def test_not_a_number(root):
    edit(root, lambda number, entry: entry["xyz"].__setitem__((3, 1), np.nan if number == 6 else 0.1))
    found = problems(root)["labels"]
    assert "frame 6" in found.seen
    assert "nan" in found.seen


def test_the_number_of_pictures_looked_at_is_kept_and_spread(clean_rhd):
    (part,) = rhd_parts(clean_rhd, 4)
    rows = [picture.row for picture in part.pictures]
    assert len(rows) == 4
    assert (rows[0], rows[-1]) == (part.pictured[0], part.pictured[-1])


def test_images_named_in_another_case_are_told_of_and_hidden_ones_are_not_counted(clean_rhd, copy_of):
    root = copy_of(clean_rhd)
    color = root / "evaluation" / "color"
    (color / "00003.png").rename(color / "00003.PNG")
    (color / "._00004.png").write_bytes(b"\0\5\x16\7")
    verdicts = {f.check: f.verdict for f in check(root, 4).findings if f.part == "evaluation"}
    assert "11 of 2728 color" in verdicts["files"].seen
    assert "evaluation/color/00003.PNG: a name that differs in case" in verdicts["left out"].seen
    assert "._" not in verdicts["whole"].seen

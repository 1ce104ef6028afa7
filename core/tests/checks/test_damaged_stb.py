"""Every kind of damage to a copy in STB's layout is found and named; the clean twin is fine."""

import cv2
import numpy as np
import pytest
import scipy.io

from handpose_core.checks.report import check
from handpose_core.checks.verdict import Status
from handpose_core.hand import JOINT_ORDERS, to_raw_order

STB = np.array(JOINT_ORDERS["stb"])


@pytest.fixture
def root(clean_stb, copy_of):
    return copy_of(clean_stb)


def edit(root, change):
    path = root / "labels" / "B1Counting_SK.mat"
    scipy.io.savemat(path, {"handPara": change(scipy.io.loadmat(path)["handPara"])})


def problems(root):
    found = {f.check: (f.part, f.verdict) for f in check(root, 50).findings if f.verdict.status == Status.WRONG}
    assert {part for part, _ in found.values()} <= {"B1Counting SK"}  # the other rig's labels are as they were
    return {name: verdict for name, (_, verdict) in found.items()}


def test_a_clean_partial_copy_is_fine_with_warnings(clean_stb):
    report = check(clean_stb, 50)
    assert report.fine
    looked = {f.check: f.verdict.status for f in report.findings if f.part == "B1Counting SK"}
    assert looked["files"] == Status.WARNING
    for name in ("unit", "joint order", "side", "bones", "bone constancy", "in picture", "depth"):
        assert looked[name] == Status.OK


@pytest.mark.parametrize(
    ("rows", "name"),
    [
        (STB, "looks like canonical order"),
        (STB[list(to_raw_order("rhd"))], "looks like rhd order"),
        (STB[list(to_raw_order("mhp"))], "looks like mhp order"),
        (np.array([0, *range(4, 0, -1), *range(8, 4, -1), *range(12, 8, -1), *range(16, 12, -1), *range(20, 16, -1)]),
         "fingers run tip to palm"),
        (np.array([0, *range(5, 9), *range(1, 5), *range(9, 21)]), "ring stands as little, little stands as ring"),
        (np.array([*range(1, 21), 0]), "the wrist stands last"),
        (np.array([0, 4, 3, 2, 1, *range(5, 21)]), "the little runs tip to palm"),
    ],
)  # fmt: skip
def test_permuted_joints_are_named(root, rows, name):
    edit(root, lambda joints: joints[:, rows])
    assert name in problems(root)["joint order"].seen


def test_an_order_of_nothing_known_is_refused(root):
    edit(root, lambda joints: joints[:, np.random.default_rng(4).permutation(21)])
    assert "none of" in problems(root)["joint order"].seen


def test_metres_for_millimetres(root):
    edit(root, lambda joints: joints / 1000)
    found = problems(root)
    assert set(found) == {"unit"}
    assert "metres, and the layout is in millimetres" in found["unit"].seen
    assert "by 1000" in found["unit"].fix


def test_a_mirrored_hand(root):
    edit(root, lambda joints: joints * np.array([-1, 1, 1])[:, None, None])
    assert "the other side's hands" in problems(root)["side"].seen


def test_not_a_number_leaves_the_rest_checked(root):
    def spoil(joints):
        joints[0, 3, 2] = np.nan
        return joints

    edit(root, spoil)
    found = problems(root)
    assert set(found) == {"numbers"}
    assert "frame 2" in found["numbers"].seen


def test_bones_that_change(root):
    edit(root, lambda joints: joints * np.linspace(0.5, 1.5, joints.shape[2]))
    assert "by 35%" in problems(root)["bone constancy"].seen  # the deviation of 0.5, 0.75, ... 1.5


def test_swapped_depth(root):
    for path in (root / "images" / "B1Counting").glob("SK_depth_*"):
        cv2.imwrite(str(path), cv2.imread(str(path))[..., ::-1])
    found = problems(root)
    assert set(found) == {"depth"}
    assert found["depth"].seen.startswith("B and R are swapped")


def test_a_damaged_label_file(root):
    path = root / "labels" / "B1Counting_SK.mat"
    path.write_bytes(path.read_bytes()[:300])
    assert "no MATLAB file" in problems(root)["labels"].seen

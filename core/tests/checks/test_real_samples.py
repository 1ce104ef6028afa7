"""The checks on real files: valid data is called fine, and known faults are found."""

import numpy as np
import pytest

from handpose_core.checks.looks.order import joint_order
from handpose_core.checks.parts.rhd import rhd_parts
from handpose_core.checks.parts.stb import stb_parts
from handpose_core.checks.report import check
from handpose_core.checks.verdict import Status


@pytest.mark.parametrize(
    ("folder", "dataset"),
    [
        ("rhd", "RHD"),
        ("stb", "STB"),
        ("stb/poses_sk", "STB"),
        ("cmu_ps", "CMU-PS"),
        ("realworld_dev", "folder"),
        ("freihand/train8", "folder"),
        ("freihand/unlabelled", "folder"),
        ("phone_photos", "folder"),
    ],
)
def test_nothing_is_wrong_with_real_data(real_samples, folder, dataset):
    report = check(real_samples / folder, 20)
    assert report.dataset == dataset
    assert [f for f in report.findings if f.verdict.status == Status.WRONG] == []


def test_the_video_s_bones_vary(real_samples):
    report = check(real_samples / "realworld_dev", 200)
    verdict = next(f.verdict for f in report.findings if f.check == "bone constancy")
    assert verdict.status == Status.WARNING
    assert "1.8 to 5.8 mm" in verdict.seen


def test_a_list_in_rhd_s_order_under_canonical_names_is_found(real_samples):
    report = check(real_samples / "rhd" / "training_3", 20)
    verdict = next(f.verdict for f in report.findings if f.check == "joint order")
    assert "looks like rhd order, read as canonical" in verdict.seen


def test_every_exchange_of_fingers_shows_in_real_hands(real_samples):
    """RHD's rows (several people) and STB's, with any two neighbouring fingers exchanged."""
    for part in (*rhd_parts(real_samples / "rhd", 1), stb_parts(real_samples / "stb", 1)[0]):
        joints = part.labels.joints_3d
        kept = joints.copy()
        for first in (1, 5, 9, 13):
            rows = np.arange(21)
            rows[first : first + 8] = np.r_[first + 4 : first + 8, first : first + 4]
            joints[...] = kept[:, rows]
            assert "fingers are exchanged" in joint_order(part).seen
            joints[...] = kept

"""A sample's labels in words, against the numbers that they were made of."""

import pytest
import torch

from handpose_core.hand import JOINT_NAMES
from handpose_core.web.labels import label_rows


@pytest.fixture
def sample():
    """All joints on a line of 10 mm steps, 500 to 700 mm away, before a camera of 100 px."""
    joints = torch.tensor([[0.0, 0.0, 500.0 + 10 * joint] for joint in range(21)])
    depth = torch.zeros(1, 40, 60)
    depth[0, :4, :6], depth[0, 0, 0] = 650.0, 900.0
    mask = torch.zeros(1, 40, 60, dtype=torch.bool)
    mask[0, 1:3, :6] = True
    return {
        "image": torch.zeros(3, 40, 60),
        "side": torch.tensor(1),
        "K": torch.tensor([[100.0, 0, 30], [0, 100, 20], [0, 0, 1]]),
        "joints_3d": joints,
        "joints_2d": torch.tensor([30.0, 20.0]).repeat(21, 1),
        "annotated": torch.ones(21, dtype=torch.bool),
        "visible": torch.ones(21, dtype=torch.bool),
        "depth": depth,
        "mask": mask,
        "frame": torch.tensor(17),
    }


def test_every_value_is_the_samples(sample):
    assert dict(label_rows(sample)) == {
        "image": "60 x 40 px",
        "hand": "right",
        "K": "fx 100.0, fy 100.0, cx 30.0, cy 20.0 px",
        "joints annotated": "21 of 21",
        "joints visible": "21 of 21",
        "joints in the picture": "21 of 21",
        "depth of the joints": "500 to 700 mm",
        "wrist": "0.0, 0.0, 500.0 mm",
        "middle mcp to middle pip": "10.0 mm",
        "bones": "10.0 to 170.0 mm",  # wrist to little_mcp, joint 17
        "reprojection error": "at most 0 px",
        "depth image": "650 to 900 mm, 1% of the pixels",
        "depth of the hand": "650 to 650 mm",
        "mask": "12 px, 0.5% of the picture",
        "frame": "17",
    }


def test_joints_without_a_label_count_for_nothing(sample):
    sample["annotated"][[0, 20]] = False
    sample["joints_3d"][20, 2] = 9000.0
    sample["joints_2d"][20] = -50.0
    sample["joints_2d"][3] += torch.tensor([3.0, 4.0])
    sample["joints_2d"][4, 0] = 59.6
    rows = dict(label_rows(sample))
    assert rows["joints annotated"] == f"19 of 21; not wrist, {JOINT_NAMES[20]}"
    assert rows["joints in the picture"] == "18 of 19"
    assert rows["depth of the joints"] == "510 to 690 mm"
    assert rows["reprojection error"] == "at most 30 px"
    assert "wrist" not in rows
    assert "bones" not in rows


def test_only_what_a_sample_has_is_told(sample):
    assert label_rows({key: sample[key] for key in ("image", "frame")}) == [("image", "60 x 40 px"), ("frame", "17")]
    bare = sample | {"depth": torch.zeros(1, 40, 60), "annotated": torch.zeros(21, dtype=torch.bool)}
    rows = dict(label_rows(bare))
    assert rows["depth image"] == "nothing measured, 0% of the pixels"
    assert rows["joints in the picture"] == "0 of 0"
    assert "depth of the joints" not in rows

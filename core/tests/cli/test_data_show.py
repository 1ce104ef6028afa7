"""``handpose data show`` draws what a sample has."""

import cv2
import numpy as np
import pytest
import torch

from handpose_core.cli.data import main
from handpose_core.datasets.rhd import RHD
from handpose_core.errors import HandposeError
from handpose_core.hand import FINGER_COLOURS, TIPS
from handpose_core.viz.sample import draw_sample


def test_a_sample_is_drawn_with_its_name(rhd_root, tmp_path, capsys):
    out = tmp_path / "picture.png"
    assert main(["show", str(rhd_root), "--index", "3", "--split", "evaluation", "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "evaluation, frame 3" in said
    assert "hand_rule mask_area" in said
    assert cv2.imread(str(out)).shape[1] == 3 * 384 + 4 * 8  # image, close-up, mask; depth, two views


def test_joints_stand_where_they_belong(rhd_root):
    """The tips' colours lie at the tips' pixels in the panel of the whole image, 384 px of 320."""
    sample = RHD(rhd_root, "evaluation")[2]
    sheet = draw_sample(sample)
    for finger, tip in zip(FINGER_COLOURS, TIPS, strict=True):
        u, v = ((sample["joints_2d"][tip] + 0.5) * 384 / 320 - 0.5).round().int().tolist()
        assert tuple(sheet[8 + 24 + v, 8 + u]) == FINGER_COLOURS[finger]


def test_what_is_absent_or_not_annotated_is_left_out():
    sample = {
        "image": torch.zeros(3, 50, 80),
        "joints_2d": torch.full((21, 2), 20.0),
        "annotated": torch.zeros(21, dtype=torch.bool),
    }
    sheet = draw_sample(sample, side=100)
    assert sheet.shape == (100 + 24 + 16, 2 * 100 + 3 * 8, 3)
    panel = sheet[32:132, 8:108]
    assert (np.unique(panel) == [0, 255]).all()  # black image, white around it, no joint


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--index", "12"], r"--index: found 12; expected 0 to 11"),
        (["--split", "test"], r"expected one of training, evaluation"),
    ],
)
def test_what_is_not_there_is_named(rhd_root, argv, message):
    with pytest.raises(HandposeError, match=message):
        main(["show", str(rhd_root), *argv])

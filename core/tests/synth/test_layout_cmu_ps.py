import json

import cv2
import numpy as np

from handpose_core.datasets.cmu_ps_layout import picture
from handpose_core.hand import Side
from handpose_core.synth.layouts.cmu_ps import hand_is_written, write_hand, write_list


def test_files_are_as_the_authors_store_them(tmp_path):
    joints, valid = np.arange(42.0).reshape(21, 2), np.arange(21) != 3
    colour = np.full((40, 60, 3), (200, 100, 50), np.uint8)
    assert not hand_is_written(tmp_path, "manual_test", "7_01_l")
    write_hand(tmp_path, "manual_test", "7_01_l", colour, joints, valid, Side.LEFT)
    assert hand_is_written(tmp_path, "manual_test", "7_01_l")
    content = json.loads((tmp_path / "manual_test" / "7_01_l.json").read_text())
    assert content["is_left"] == 1
    assert content["hand_pts"][:4] == [[0, 1, 1], [2, 3, 1], [4, 5, 1], [6, 7, 0]]
    assert content["hand_box_center"] == [20, 21]
    image = cv2.imread(str(tmp_path / "manual_test" / "7_01_l.jpg"))[..., ::-1]
    assert np.abs(image.astype(int) - colour).max() < 4


def test_list_is_as_the_authors_store_it(tmp_path):
    joints, valid = np.arange(42.0).reshape(21, 2), np.ones(21, bool)
    path = write_list(tmp_path, {"imgs/00000000.jpg": (joints, valid)})
    assert path.name == "hands_v143_14817.json"
    (entry,) = json.loads(path.read_text())["root"]
    assert entry["img_paths"] == "imgs/00000000.jpg"
    assert entry["joint_self"][20] == [40, 41, 1]


def test_both_hands_name_their_photograph():
    assert picture("000015774_01_l") == picture("000015774_01_r") == "000015774"

import pickle

import cv2
import numpy as np

from handpose_core.datasets.mhp_layout import CANONICAL_ROWS, ROW_NAMES
from handpose_core.hand import JOINT_NAMES
from handpose_core.synth.layouts.mhp import MHPView, frame_is_written, write_calibration, write_frame


def test_rows_are_the_authors():
    assert ROW_NAMES[:5] == ("F4_KNU1_A", "F4_KNU1_B", "F4_KNU2_A", "F4_KNU3_A", "F3_KNU1_A")
    assert (len(ROW_NAMES), ROW_NAMES[-1]) == (21, "PALM_POSITION")
    named = dict(zip(JOINT_NAMES, CANONICAL_ROWS, strict=True))
    assert named["wrist"] == "PALM_POSITION"
    assert named["thumb_cmc"] == "TH_KNU1_B"
    assert named["thumb_mcp"] == "TH_KNU1_A"
    assert named["index_mcp"] == "F4_KNU1_B"
    assert named["middle_pip"] == "F3_KNU1_A"
    assert named["ring_dip"] == "F2_KNU2_A"
    assert named["little_tip"] == "F1_KNU3_A"


def test_calibration_is_read_by_plain_pickle(tmp_path):
    write_calibration(tmp_path, 4, 2, np.array([0.1, 0.2, 0.3]), np.array([10.0, 20, 600]))
    folder = tmp_path / "calibrations" / "data_4" / "webcam_2"
    data = (folder / "tvec.pkl").read_bytes()
    assert data[:2] == b"\x80\x02"
    assert b"numpy._core" not in data  # numpy before 1.26 does not know that name
    np.testing.assert_array_equal(pickle.loads(data), [[10.0], [20], [600]])
    np.testing.assert_array_equal(pickle.loads((folder / "rvec.pkl").read_bytes()), [[0.1], [0.2], [0.3]])


def test_files_are_as_the_authors_store_them(tmp_path):
    rng = np.random.default_rng(0)
    joints = rng.normal(0, 50, (21, 3))
    smooth = cv2.resize(rng.integers(0, 255, (6, 8, 3), np.uint8), (640, 480))
    views = {
        camera: MHPView(smooth, joints + np.array([0, 0, 500 + camera]), np.array([10.0, 20, 30, 40]))
        for camera in (1, 2, 3, 4)
    }
    assert not frame_is_written(tmp_path, 3, 7)
    write_frame(tmp_path, 3, 7, joints, views, "palm")
    assert frame_is_written(tmp_path, 3, 7)
    folder = tmp_path / "annotated_frames" / "data_3"
    kinds = ("webcam_{}.jpg", "jointsCam_{}.txt", "bbox_{}.txt")
    expected = {"7_joints.txt", *(f"7_{kind.format(camera)}" for kind in kinds for camera in (1, 2, 3, 4))}
    assert {path.name for path in folder.iterdir()} == expected
    rows = [line.split() for line in (folder / "7_joints.txt").read_text().splitlines()]
    assert [row[0] for row in rows] == [*ROW_NAMES, "PALM_NORMAL"]
    np.testing.assert_allclose(np.array(rows[0][1:], float), joints[JOINT_NAMES.index("index_pip")])
    np.testing.assert_allclose(np.linalg.norm(np.array(rows[-1][1:], float)), 1)
    in_camera = [line.split() for line in (folder / "7_jointsCam_3.txt").read_text().splitlines()]
    np.testing.assert_allclose(np.array(in_camera[-1][1:], float), joints[0] + [0, 0, 503])
    assert (folder / "7_bbox_1.txt").read_text() == "TOP 20.0\nLEFT 10.0\nBOTTOM 40.0\nRIGHT 30.0\n"
    colour = cv2.imread(str(folder / "7_webcam_1.jpg"))[..., ::-1]
    assert np.abs(colour.astype(int) - smooth).mean() < 2

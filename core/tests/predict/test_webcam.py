"""A camera's frames become a video's files; a stand-in takes OpenCV's place."""

import json

import cv2
import numpy as np
import pytest

from handpose_core.errors import HandposeError
from handpose_core.io.video import Video
from handpose_core.predict import Box, HandModel
from handpose_core.predict.run import Job, predict_video
from handpose_core.predict.webcam import Webcam
from handpose_core.predict.window import Window, check_window

from .conftest import Camera, estimated


@pytest.fixture
def camera(monkeypatch, spot):
    def connect(count: int, **more) -> Camera:
        made = Camera([spot(128, 96, 50 + 2 * (i // 2), 50, 20) for i in range(count)], **more)
        monkeypatch.setattr(cv2, "VideoCapture", made)
        return made

    return connect


def test_a_camera_gives_the_files_of_a_video(camera, fitting, out):
    made = camera(6)
    steps, shown = [], []
    webcam = Webcam(2, clock=made.clock)
    done = predict_video(HandModel(fitting), webcam, out, Job(), steps.append, False, shown.append)
    assert made.numbers == [2]
    assert made.released
    assert steps == [1] * 5  # one is taken beforehand
    assert len(shown) == done.pictures == 5
    written = json.loads((out.folder / "hands.json").read_text())
    assert written["source"] == "webcam 2"
    assert written["frames_per_second"] == 10
    assert "webcam 2 gave no more pictures after 5" in written["notes"]
    assert [one["hands"][0]["square_from"] for one in written["pictures"]] == ["search"] + ["frame before"] * 4
    assert len(np.load(out.folder / "hands.npz")["joints_2d"]) == 5
    assert (out.folder / "webcam.mp4").is_file()


def test_a_slow_model_leaves_numbers_out_and_the_video_keeps_its_time(camera, fitting, out, monkeypatch):
    made = camera(6, takes=0.5)
    predict_video(HandModel(fitting), Webcam(0, clock=made.clock), out, Job(), lambda _: None, smooth=True)
    assert [one["name"] for one in estimated(out.folder)] == ["5", "10", "15", "20", "25"]
    monkeypatch.undo()
    drawn = Video(out.folder / "webcam.mp4")
    assert drawn.rate == 10
    assert [frame.number for frame in drawn] == list(range(26))


def test_it_ends_when_time_is_over(camera, fitting, out):
    made = camera(100)
    webcam = Webcam(0, seconds=0.95, clock=made.clock)
    done = predict_video(HandModel(fitting), webcam, out, Job(), lambda _: None, smooth=False)
    assert done.pictures == 10
    assert not any("no more pictures" in note for note in done.notes)
    assert made.released


def test_stopped_before_the_first_frame_it_writes_that_there_is_none(camera, fitting, out):
    webcam = Webcam(0, clock=camera(3).clock)
    webcam.stop()
    done = predict_video(HandModel(fitting), webcam, out, Job(), lambda _: None, smooth=False)
    assert done.pictures == 0
    assert json.loads((out.folder / "hands.json").read_text())["pictures"] == []


def test_frames_with_a_box_are_not_waited_for(camera, fitting, out):
    camera(5)
    job = Job(box=Box(20, 20, 60, 60))
    predict_video(HandModel(fitting, batch=16), Webcam(0), out, job, lambda _: None, smooth=False)
    assert fitting.batches == [1] * 4


@pytest.mark.parametrize("opens", [True, False])
def test_a_camera_that_is_not_there_is_told(camera, monkeypatch, opens):
    made = camera(0)
    monkeypatch.setattr(made, "isOpened", lambda: opens)
    with pytest.raises(HandposeError, match=r"--webcam 1: found no camera that gives pictures.*--webcam 2"):
        Webcam(1)
    assert made.released


def test_opencvs_own_warnings_are_kept_away(capfd):
    with pytest.raises(HandposeError):
        Webcam(97)
    assert "WARN" not in capfd.readouterr().err


def test_without_windows_or_screen_no_window_is_opened(monkeypatch):
    monkeypatch.setattr(cv2, "currentUIFramework", lambda: "")
    with pytest.raises(HandposeError, match="pip install opencv-python;"):
        check_window()
    monkeypatch.setattr(cv2, "currentUIFramework", lambda: "QT5")
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(HandposeError, match="no screen"):
        check_window({})
    check_window({"DISPLAY": ":0"})


@pytest.mark.parametrize(("key", "visible", "ended"), [(-1, 1.0, 0), (ord("q"), 1.0, 1), (27, 1.0, 1), (-1, 0.0, 1)])
def test_a_window_shows_pictures_until_it_is_closed(monkeypatch, key, visible, ended):
    shown, closed = [], []
    monkeypatch.setattr(cv2, "imshow", lambda title, picture: shown.append((title, picture[0, 0].tolist())))
    monkeypatch.setattr(cv2, "waitKey", lambda _: key)
    monkeypatch.setattr(cv2, "getWindowProperty", lambda *_: visible)
    monkeypatch.setattr(cv2, "destroyAllWindows", lambda: shown.append("gone"))
    with Window("webcam 0", lambda: closed.append(True)) as window:
        window.show(np.full((4, 4, 3), (10, 20, 30), np.uint8))
    assert shown == [("webcam 0", [30, 20, 10]), "gone"]
    assert len(closed) == ended

import json
import tracemalloc

import cv2
import numpy as np
import pytest
from core.tests.io.videos import grey, with_damage, with_steps
from PIL import Image

from handpose_core.errors import HandposeError
from handpose_core.hand import N_JOINTS, Side
from handpose_core.io.video import Frame, Video, is_video
from handpose_core.predict import Box, HandModel, Known
from handpose_core.predict.boxes import read_boxes
from handpose_core.predict.run import Job, predict_pictures, predict_video

from .conftest import Brightest, estimated, listed

RATE = 12.0


WHOLE = Job(search=False)


@pytest.fixture
def folder(tmp_path, spot):
    photos = tmp_path / "photos"
    photos.mkdir()
    for number, x in enumerate((12, 30, 50)):
        Image.fromarray(spot(64, 48, x, 20)).save(photos / f"{number}.png")
    return photos


@pytest.fixture
def video(tmp_path, spot):
    path = tmp_path / "moving.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), RATE, (128, 96))
    for x in (20, 40, 60, 80):
        writer.write(spot(128, 96, x, 50, half=4))
    writer.release()
    return path


def test_a_folder_gives_pictures_numbers_and_arrays(model, folder, out):
    steps = []
    done = predict_pictures(model, folder, out, Job(known=Known(side=Side.LEFT)), steps.append)
    assert sum(steps) == done.pictures == done.hands == 3
    written = json.loads((out.folder / "hands.json").read_text())
    assert [picture["name"] for picture in written["pictures"]] == ["0.png", "1.png", "2.png"]
    assert written["joint_names"][0] == "wrist"
    assert "by the model itself, in squares all over the picture" in written["notes"][0]
    hand = written["pictures"][1]["hands"][0]
    assert hand["side"] == "left"
    assert hand["square_from"] == "search"
    assert hand["wrist"] is None
    assert hand["joints_2d"][0] == pytest.approx([30, 20], abs=1.5)
    arrays = np.load(out.folder / "hands.npz")
    np.testing.assert_allclose(arrays["joints_2d"][1], hand["joints_2d"], atol=0.01)
    assert arrays["joints_3d"].shape == (3, N_JOINTS, 3)
    assert arrays["side"].tolist() == [0, 0, 0]
    drawn = cv2.imread(str(out.folder / "overlays" / "1.png"))
    assert min(drawn.shape[:2]) == 384
    assert listed(out.folder) == ["hands.json", "hands.npz", *(f"overlays/{number}.png" for number in range(3))]


def test_a_damaged_picture_among_others_is_told_and_the_others_are_done(model, folder, out):
    (folder / "1.png").write_bytes(b"not a picture")
    done = predict_pictures(model, folder, out, Job(), lambda _: None)
    assert [one["name"] for one in estimated(out.folder)] == ["0.png", "2.png"]
    assert "do not decode" in done.failed["1.png"]
    assert "1.png" in json.loads((out.folder / "hands.json").read_text())["failed"]


def test_a_folder_of_damaged_pictures_is_refused(model, folder, out):
    for path in folder.iterdir():
        path.write_bytes(b"not a picture")
    with pytest.raises(HandposeError, match="no picture that can be read"):
        predict_pictures(model, folder, out, Job(), lambda _: None)


def test_boxes_say_which_hands_there_are(model, folder, out):
    two = (Box(10, 10, 20, 20), Box(20, 10, 20, 20))
    job = Job(boxes={"0.png": two, "2.png": (Box(40, 10, 20, 20),), "9.png": two})
    done = predict_pictures(model, folder, out, job, lambda _: None)
    assert [len(one["hands"]) for one in estimated(out.folder)] == [2, 0, 1]
    assert np.load(out.folder / "hands.npz")["picture"].tolist() == [0, 0, 2]
    notes = " ".join(done.notes)
    assert "no box names a hand in: 1.png" in notes
    assert "not read: 9.png" in notes
    assert "whole picture" not in notes


def test_a_video_gives_a_video(model, video, out):
    assert is_video(video)
    done = predict_video(model, Video(video), out, WHOLE, lambda _: None, smooth=False)
    assert "the whole picture, squared, was taken for the hand (4 times)" in done.notes[0]
    frames = estimated(out.folder)
    assert [one["name"] for one in frames] == ["0", "1", "2", "3"]
    assert [one["seconds"] for one in frames] == pytest.approx([number / RATE for number in range(4)], abs=1e-3)
    np.testing.assert_allclose([one["hands"][0]["joints_2d"][0][0] for one in frames], [20, 40, 60, 80], atol=8)
    drawn = Video(out.folder / "moving.mp4")
    assert len(list(drawn)) == 4
    assert drawn.rate == pytest.approx(RATE)
    assert listed(out.folder) == ["hands.json", "hands.npz", "moving.mp4"]


def test_the_hand_of_a_video_is_followed(fitting, tmp_path, spot, out):
    path = tmp_path / "steady.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), RATE, (128, 96))
    for x in (50, 53, 56, 59):
        writer.write(spot(128, 96, x, 50, half=20))
    writer.release()
    done = predict_video(HandModel(fitting), Video(path), out, Job(), lambda _: None, smooth=False)
    middles = [np.mean(one["hands"][0]["joints_2d"], axis=0)[0] for one in estimated(out.folder)]
    np.testing.assert_allclose(middles, [50, 53, 56, 59], atol=4)
    assert "(1 times)" in done.notes[0]
    assert done.notes[1] == "followed from the frame before by the model itself: 3 times"


def test_pictures_are_taken_whole_where_that_is_asked_for(model, brightest, folder, out):
    done = predict_pictures(model, folder, out, WHOLE, lambda _: None)
    assert brightest.batches == [3]
    assert all(one["hands"][0]["whole_picture"] for one in estimated(out.folder))
    assert "was taken for the hand (3 times)" in done.notes[0]


def test_smoothing_lags_and_says_so(model, video, out):
    done = predict_video(model, Video(video), out, WHOLE, lambda _: None, smooth=True)
    places = [one["hands"][0]["joints_2d"][0][0] for one in estimated(out.folder)]
    assert places[0] == pytest.approx(20, abs=8)
    assert 20 < places[3] < 80
    assert done.notes[-1].startswith("smoothed")


@pytest.mark.parametrize("content", [b"", b"no video at all, but named like one" * 20])
def test_a_video_without_frames_is_refused_by_name(tmp_path, content):
    (tmp_path / "black.mp4").write_bytes(content)
    with pytest.raises(HandposeError, match="no frame that can be decoded") as raised:
        Video(tmp_path / "black.mp4")
    assert "black.mp4" in str(raised.value)


class Stop:
    """Asks to stop once so many pictures are done."""

    def __init__(self, after):
        self.left = after

    def step(self, count):
        self.left -= count

    def __call__(self):
        return self.left <= 0


def test_an_interrupted_video_keeps_what_is_done(fitting, video, out):
    stop = Stop(2)
    done = predict_video(HandModel(fitting), Video(video), out, Job(), stop.step, smooth=False, stopped=stop)
    assert done.pictures == 2
    assert "interrupted after 2 of 4 frames" in done.notes
    assert [one["name"] for one in estimated(out.folder)] == ["0", "1"]
    assert np.load(out.folder / "hands.npz")["seconds"] == pytest.approx([0, 1 / RATE], abs=1e-3)
    assert len(list(Video(out.folder / "moving.mp4"))) == 2
    assert listed(out.folder) == ["hands.json", "hands.npz", "moving.mp4"]


def test_an_interrupted_folder_keeps_what_is_done(fitting, folder, out):
    stop = Stop(1)
    done = predict_pictures(HandModel(fitting, batch=1), folder, out, WHOLE, stop.step, stop)
    assert "interrupted after 1 of 3 pictures" in done.notes
    assert listed(out.folder) == ["hands.json", "hands.npz", "overlays/0.png"]
    assert [one["name"] for one in estimated(out.folder)] == ["0.png"]


def test_interrupted_in_its_last_picture_a_run_is_whole(fitting, folder, out):
    stop = Stop(3)
    done = predict_pictures(HandModel(fitting, batch=1), folder, out, WHOLE, stop.step, stop)
    assert done.pictures == 3
    assert not any("interrupted" in note for note in done.notes)


def test_a_run_that_fails_leaves_nothing_half_written(model, video, out):
    def fail(_):
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        predict_video(model, Video(video), out, Job(), fail, smooth=False)
    assert listed(out.folder) == []
    assert sorted(path.name for path in (out.folder / ".handpose").iterdir()) == ["lock", "outputs.jsonl"]


def test_damaged_frames_leave_gaps_and_a_note(model, out, tmp_path):
    path = with_damage(tmp_path / "clip.avi", 8, [3, 4])
    done = predict_video(model, Video(path), out, WHOLE, lambda _: None, smooth=False)
    assert "2 of 8 frames are missing, damaged or cut off: 3 to 4" in done.notes
    frames = estimated(out.folder)
    assert [one["name"] for one in frames] == ["0", "1", "2", "5", "6", "7"]
    assert frames[3]["seconds"] == 0.5
    assert len(list(Video(out.folder / "clip.mp4"))) == 8  # the frame before the gap is shown on


def test_a_variable_rate_is_kept_in_results_and_overlay(model, out, tmp_path):
    steps = [50, 50, 50, 200, 200, 50]
    times = np.cumsum([0, *steps[:-1]]) / 1000
    path = with_steps(tmp_path / "clip.mp4", steps)
    predict_video(model, Video(path), out, WHOLE, lambda _: None, smooth=False)
    assert [one["seconds"] for one in estimated(out.folder)] == pytest.approx(times)
    assert np.load(out.folder / "hands.npz")["seconds"] == pytest.approx(times)
    shown = [float(np.median(frame.pixels)) for frame in Video(out.folder / "clip.mp4")]  # 20 a second
    assert shown == pytest.approx([grey(n) - 5 for n in (0, 1, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5)], abs=4.5)


def test_memory_does_not_grow_with_the_video(out):
    """0.2 MB a frame would be 40 MB between the 50th and the 250th frame."""

    class Endless:
        name, source, rate, announced, live, notes = "long", "long", 30.0, 250, False, ()

        def __iter__(self):
            for number in range(250):
                if number in (50, 249):
                    sizes.append(tracemalloc.get_traced_memory()[0])
                yield Frame(number, number / 30, np.full((48, 64, 3), number % 200, np.uint8))

    sizes = []
    tracemalloc.start()
    try:
        predict_video(HandModel(Brightest(), batch=4), Endless(), out, WHOLE, lambda _: None, smooth=False)
    finally:
        tracemalloc.stop()
    assert sizes[1] - sizes[0] < 200_000
    assert len(np.load(out.folder / "hands.npz")["joints_2d"]) == 250


def test_a_large_picture_is_drawn_smaller_in_the_right_place(model, spot, tmp_path, out):
    Image.fromarray(spot(5000, 1000, 4000, 500, half=80)).save(tmp_path / "wide.png")
    predict_pictures(model, tmp_path / "wide.png", out, Job(), lambda _: None)
    assert estimated(out.folder)[0]["width"] == 5000
    drawn = cv2.imread(str(out.folder / "overlays" / "wide.png"))
    assert drawn.shape == (410, 2048, 3)
    coloured = np.ptp(drawn.astype(int), axis=2) > 60
    assert abs(np.nonzero(coloured)[1].mean() - 4000 * 2048 / 5000) < 60


def test_what_is_left_out_of_a_folder_is_told_and_hidden_files_are_not_taken(model, folder, out):
    (folder / "IMG_1.HEIC").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0")
    (folder / "letter.txt").write_text("Dear Sir or Madam")
    (folder / "1.png").rename(folder / "1.PNG")
    for hidden in ("._0.png", ".DS_Store", "Thumbs.db"):
        (folder / hidden).write_bytes(b"\0\5\x16\7")
    done = predict_pictures(model, folder, out, Job(), lambda _: None)
    written = json.loads((out.folder / "hands.json").read_text())
    assert [one["name"] for one in written["pictures"]] == ["0.png", "1.PNG", "2.png"]
    assert done.failed == {}
    note = "left out: 2 files (IMG_1.HEIC: a HEIC picture, letter.txt: no picture)"
    assert note in done.notes
    assert note in written["notes"]


def test_further_pictures_of_an_animation_are_noted(model, tmp_path, out):
    frames = [Image.new("RGB", (64, 48), (40 * number, 0, 0)) for number in range(3)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    done = predict_pictures(model, tmp_path / "a.gif", out, Job(search=False), lambda _: None)
    assert "only the first of several pictures in a file was read: a.gif (2 more)" in done.notes


def test_boxes_find_names_with_accents_composed_or_not(model, folder, tmp_path, out):
    (folder / "1.png").rename(folder / "e\u0301.png")
    (tmp_path / "boxes.json").write_text(json.dumps({"\u00e9.png": [20, 10, 20, 20]}), encoding="utf-8-sig")
    job = Job(boxes=read_boxes(tmp_path / "boxes.json"))
    done = predict_pictures(model, folder, out, job, lambda _: None)
    written = json.loads((out.folder / "hands.json").read_text())["pictures"]
    assert {one["name"]: len(one["hands"]) for one in written}["e\u0301.png"] == 1
    assert not [note for note in done.notes if "not read" in note]

"""The command's own part: options that do not go together, and how it ends."""

import json
import os
import signal
from pathlib import Path

import cv2
import numpy as np
import pytest
from core.tests.estimators.small_onehand import write_checkpoint
from core.tests.io.videos import with_damage, write_frames
from core.tests.predict.conftest import Camera
from PIL import Image

from handpose_core.cli.main import main
from handpose_core.cli.progress import counting_speed
from handpose_core.predict import shipped
from handpose_core.predict.smooth_hands import SmoothHands


@pytest.fixture
def photo(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "photo.png")
    return str(tmp_path / "photo.png")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--checkpoint", "a.ckpt", "--model", "b.onnx"], "one of them"),
        (["--checkpoint", "a.ckpt", "--runtime", "onnx"], "First handpose export a.ckpt OUT.onnx"),
        (["--model", "a.onnx", "--runtime", "torch"], "Give --checkpoint"),
        (["--model", "a.onnx", "--smooth"], "Leave --smooth out for pictures"),
        (["--model", "a.onnx", "--box", "1,2,3"], "x,y,w,h in px"),
        (["--model", "a.onnx", "--box", "nowhere.json"], "no readable JSON"),
        (["--model", "a.onnx", "--focal", "long"], "fx,fy,cx,cy"),
        (["--model", "a.onnx", "--hand-size", "0"], "An adult's is 160 to 210 mm"),
        (["--model", "a.ONNX", "--runtime", "torch"], "Give --checkpoint"),
        (["--box", "-inf,0,5,5"], "which holds no pixel"),
        (["--batch", "99999999999999999999"], "a whole number from 1 to"),
        (["--image-size", "-5"], "--image-size: found -5"),
        (["--crop-scale", "nan"], "--crop-scale: found nan"),
        (["--model", "a.onnx"], "no such file"),
        (["--webcam"], "photo.png and --webcam"),
        (["--model", "a.onnx", "--seconds", "5"], "Leave --seconds out"),
        (["--model", "a.onnx", "--show"], "Leave --show out"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(photo, options, message, capsys):
    assert main(["predict", photo, *options]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert "Traceback" not in error


def test_without_a_model_the_one_that_comes_along_is_taken(photo, tmp_path):
    assert main(["predict", photo, "--out", str(tmp_path / "found")]) == 0
    (found,) = json.loads((tmp_path / "found" / "hands.json").read_text())["pictures"]
    assert len(found["hands"]) == 1


def test_a_folder_may_hold_its_own_results_and_be_read_again(photo, tmp_path, capsys):
    folder = tmp_path / "pictures"
    folder.mkdir()
    Path(photo).rename(folder / "photo.png")
    before = (folder / "photo.png").read_bytes()
    for _ in range(2):
        assert main(["predict", str(folder), "--whole", "--out", str(folder)]) == 0
    assert (folder / "photo.png").read_bytes() == before
    assert "removed" in capsys.readouterr().err


def test_a_file_of_boxes_may_have_any_name(photo, tmp_path):
    boxes = tmp_path / "boxes.txt"
    boxes.write_text('{"photo.png": [1, 1, 5, 5]}')
    assert main(["predict", photo, "--box", str(boxes), "--out", str(tmp_path / "found")]) == 0
    (found,) = json.loads((tmp_path / "found" / "hands.json").read_text())["pictures"]
    assert len(found["hands"]) == 1


def test_priors_that_no_hand_or_camera_has_are_noted(photo, tmp_path, capsys):
    options = ["--whole", "--hand-size", "18", "--focal", "0.026", "--out", str(tmp_path / "found")]
    assert main(["predict", photo, *options]) == 0
    notes = json.loads((tmp_path / "found" / "hands.json").read_text())["notes"]
    error = capsys.readouterr().err
    for remark in ("a hand of 18 mm", "a focal length of 0.026 px for pictures of 8 x 8 px"):
        assert f"note: {remark}" in error
        assert any(note.startswith(remark) for note in notes)


def test_an_installation_without_a_model_says_so(photo, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(shipped, "SHIPPED", tmp_path / "none.safetensors")
    assert main(["predict", photo]) == 2
    assert "no model comes with this version" in capsys.readouterr().err


def test_a_source_that_is_not_there(capsys):
    assert main(["predict", "nowhere.jpg"]) == 2
    assert "nowhere.jpg" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "found neither"),
        (["--webcam", "97"], "--webcam 97: found no camera that gives pictures"),
        (["--webcam", "-1"], "a number from 0"),
        (["--webcam", "--seconds", "0"], "a number above 0"),
        (["--webcam", "--seconds", "nan"], "a number above 0"),
        (["--webcam", "--show"], "opencv-python in place of opencv-python-headless"),
    ],
)
def test_what_is_wrong_with_a_webcam_is_told_in_one_line(options, message, capfd, monkeypatch):
    monkeypatch.setattr(cv2, "currentUIFramework", lambda: "")
    assert main(["predict", *options]) == 2
    error = capfd.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(("one", "other"), [("--box=1,2,3,4", "--whole"), ("--search", "--whole")])
def test_one_way_to_look_at_a_time(photo, one, other, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["predict", photo, one, other])
    assert "not allowed with" in capsys.readouterr().err


def test_ctrl_c_ends_a_webcam_with_everything_written(tmp_path, monkeypatch, capsys):
    class Interrupted(Camera):
        def read(self):
            if self.now > 0.35:
                os.kill(os.getpid(), signal.SIGINT)
            return super().read()

    noise = np.random.default_rng(0).integers(0, 255, (90, 120, 3), np.uint8)
    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(cv2, "VideoCapture", Interrupted([noise] * 100))
    model = ["--checkpoint", str(write_checkpoint(tmp_path / "small.ckpt"))]
    assert main(["predict", "--webcam", *model, "--smooth", "--out", str(tmp_path / "out")]) == 0
    assert "hands: 4, pictures: 4" in capsys.readouterr().out
    assert len(json.loads((tmp_path / "out" / "hands.json").read_text())["pictures"]) == 4
    assert len(np.load(tmp_path / "out" / "hands.npz")["joints_2d"]) == 4
    assert (tmp_path / "out" / "webcam.mp4").stat().st_size > 0
    assert [path.name for path in (tmp_path / "out").glob(".*")] == [".handpose"]
    assert signal.getsignal(signal.SIGINT) is before


@pytest.fixture
def clip(tmp_path):
    return with_damage(tmp_path / "clip.avi", 6, [2]), ["--checkpoint", str(write_checkpoint(tmp_path / "small.ckpt"))]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_video_with_what_is_done(clip, tmp_path, monkeypatch, capsys, number, status):
    path, model = clip
    read = SmoothHands.__call__

    def interrupted(self, hands, seconds):
        if seconds > 0.05:
            os.kill(os.getpid(), number)
        return read(self, hands, seconds)

    before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    monkeypatch.setattr(SmoothHands, "__call__", interrupted)
    out = tmp_path / "out"
    assert main(["predict", str(path), *model, "--smooth", "--out", str(out)]) == status
    captured = capsys.readouterr()
    assert "note: interrupted after 2 of 6 frames" in captured.err
    assert "pictures: 2" in captured.out
    assert len(json.loads((out / "hands.json").read_text())["pictures"]) == 2
    assert (out / "clip.mp4").is_file()
    assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_video_is_not_replaced_by_its_overlay(clip, tmp_path, monkeypatch, capsys):
    path, _ = clip
    source = write_frames(tmp_path / "clip.mp4", 2, "mp4v")
    content = source.read_bytes()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(shipped, "SHIPPED", tmp_path / "none.safetensors")  # it is not come to loading a model
    for given, out in (("clip.mp4", "."), ("clip.mp4", str(tmp_path)), (str(path), "../" + tmp_path.name)):
        assert main(["predict", given, "--out", out]) == 2
        assert "clip.mp4" in capsys.readouterr().err
    assert source.read_bytes() == content
    assert not (tmp_path / "hands.json").exists()
    assert not (tmp_path / ".handpose").exists()


def test_a_folder_of_pictures_called_overlays_is_not_written_to(photo, tmp_path, capsys):
    (tmp_path / "overlays").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "overlays" / "a.png")
    before = (tmp_path / "overlays" / "a.png").read_bytes()
    assert main(["predict", str(tmp_path / "overlays"), "--out", str(tmp_path)]) == 2
    assert "an input of this command" in capsys.readouterr().err
    assert (tmp_path / "overlays" / "a.png").read_bytes() == before


def test_boxes_models_and_meshes_in_the_folder_of_outputs_are_kept(photo, tmp_path, capsys):
    (tmp_path / "hands.json").write_text('{"photo.png": [0, 0, 8, 8]}')
    assert main(["predict", photo, "--box", str(tmp_path / "hands.json"), "--out", str(tmp_path)]) == 2
    assert "hands.json, an input of this command" in capsys.readouterr().err
    (tmp_path / "out" / "meshes").mkdir(parents=True)
    (tmp_path / "out" / "meshes" / "photo.png-0.glb").write_bytes(b"mine")
    assert main(["predict", photo, "--out", str(tmp_path / "out")]) == 2
    assert "meshes/photo.png-0.glb" in capsys.readouterr().err


def test_a_second_run_leaves_nothing_of_the_first(photo, clip, tmp_path, capsys):
    path, model = clip
    out = tmp_path / "out"
    assert main(["predict", photo, *model, "--whole", "--out", str(out)]) == 0
    assert (out / "overlays" / "photo.png").is_file()
    assert main(["predict", str(path), *model, "--whole", "--out", str(out)]) == 0
    assert f"note: --out {out}: removed" in capsys.readouterr().err
    assert not (out / "overlays" / "photo.png").exists()
    assert sorted(one.name for one in out.iterdir() if one.is_file()) == ["clip.mp4", "hands.json", "hands.npz"]


def test_export_does_not_replace_files(tmp_path, capsys):
    checkpoint = write_checkpoint(tmp_path / "small.onnx")
    other = tmp_path / "other.onnx"
    other.write_bytes(b"mine")
    for out, more in ((other, []), (checkpoint, ["--overwrite"])):
        assert main(["export", str(checkpoint), str(out), *more]) == 2
        assert f"OUT {out}: found" in capsys.readouterr().err
    assert other.read_bytes() == b"mine"


def test_the_progress_line_tells_frames_a_second():
    progress = counting_speed("frames")
    task = progress.add_task("until Ctrl+C", total=None)
    for _ in range(3):
        progress.advance(task)
    assert progress.columns[-1].render(progress.tasks[0]).plain.endswith(" frames/s")


def test_help_names_what_is_written(capsys):
    with pytest.raises(SystemExit):
        main(["predict", "--help"])
    assert "hands.json" in capsys.readouterr().out

"""The command's own part: options that do not go together, and how it ends."""

import pytest
from PIL import Image

from handpose_core.cli.main import main


@pytest.fixture
def photo(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "photo.png")
    return str(tmp_path / "photo.png")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "no model comes with this version"),
        (["--checkpoint", "a.ckpt", "--model", "b.onnx"], "one of them"),
        (["--checkpoint", "a.ckpt", "--runtime", "onnx"], "First handpose export a.ckpt OUT.onnx"),
        (["--model", "a.onnx", "--runtime", "torch"], "Give --checkpoint"),
        (["--model", "a.onnx", "--smooth"], "Leave --smooth out for pictures"),
        (["--model", "a.onnx", "--box", "1,2,3"], "x,y,w,h in px"),
        (["--model", "a.onnx", "--box", "nowhere.json"], "no readable JSON"),
        (["--model", "a.onnx", "--focal", "long"], "fx,fy,cx,cy"),
        (["--model", "a.onnx", "--hand-size", "0"], "An adult's is 160 to 210 mm"),
        (["--model", "a.onnx"], "no such file"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(photo, options, message, capsys):
    assert main(["predict", photo, *options]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert "Traceback" not in error


def test_a_source_that_is_not_there(capsys):
    assert main(["predict", "nowhere.jpg"]) == 2
    assert "nowhere.jpg" in capsys.readouterr().err


def test_help_names_what_is_written(capsys):
    with pytest.raises(SystemExit):
        main(["predict", "--help"])
    assert "hands.json" in capsys.readouterr().out

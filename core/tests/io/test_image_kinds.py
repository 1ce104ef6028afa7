import cv2
import numpy as np
import pytest
from PIL import Image

from handpose_core.checks.looks.files import usual_kinds
from handpose_core.checks.part import Files, Part
from handpose_core.checks.verdict import Status
from handpose_core.io.image_kinds import describe_unusual

COLOURS = np.random.default_rng(0).integers(0, 255, (20, 30, 3), np.uint8)


def write(path, kind):
    picture = Image.fromarray(COLOURS)
    exif = Image.Exif()
    match kind:
        case "grey":
            picture = picture.convert("L")
        case "in CMYK":
            picture = picture.convert("CMYK")
        case "turned by EXIF data":
            exif[0x0112] = 6
        case "upright":
            exif[0x0112] = 1
    if kind == "of 16 bits":
        cv2.imwrite(str(path), COLOURS.astype(np.uint16) * 257)
    else:
        picture.save(path, exif=exif)
    return path


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.jpg", "grey"),
        ("a.png", "grey"),
        ("a.jpg", "in CMYK"),
        ("a.jpg", "turned by EXIF data"),
        ("a.png", "of 16 bits"),
    ],
)
def test_unusual_pictures_are_named(tmp_path, name, kind):
    path = write(tmp_path / name, kind)
    assert describe_unusual(path.read_bytes()) == (kind,)
    part = Part("all", [Files("pictures", [path], 1, 0)], None, None, np.empty(0, int), 0)
    verdict = usual_kinds(part)
    assert verdict.status == Status.WARNING
    assert f"1 of 1 files are {kind}: " in verdict.seen
    assert name in verdict.seen


@pytest.mark.parametrize(("name", "kind"), [("a.jpg", "plain"), ("a.png", "plain"), ("a.jpg", "upright")])
def test_usual_pictures_are_not(tmp_path, name, kind):
    assert describe_unusual(write(tmp_path / name, kind).read_bytes()) == ()


@pytest.mark.parametrize("data", [b"", b"\xff\xd8", b"\xff\xd8\xff\xe1\0\x0eExif\0\0II", b"\x89PNG\r\n\x1a\n", b"text"])
def test_other_and_cut_files_are_not(data):
    assert describe_unusual(data) == ()

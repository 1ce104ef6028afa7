import os

import cv2
import numpy as np
import pytest

from handpose_core.io.image_files import is_hidden, list_images, shown_name

PIXELS = np.random.default_rng(0).integers(0, 255, (64, 96, 3), np.uint8)


def encoded(suffix=".jpg"):
    return cv2.imencode(suffix, PIXELS)[1].tobytes()


def names(listing):
    return [path.relative_to(listing.folder).as_posix() for path in listing.found]


@pytest.mark.parametrize("name", ["a.jpg", "a.JPG", "a.Jpeg", "a.jfif", "a.JFIF", "a.jpe", "a.PNG", "a.Tif", "a.WEBP"])
def test_a_picture_is_one_by_its_suffix_in_any_case(tmp_path, name):
    (tmp_path / name).write_bytes(b"x")
    assert names(list_images(tmp_path)) == [name]


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".gif", ".webp", ".tiff", ".jp2", ".avif"])
@pytest.mark.parametrize("name", ["scan", "photo.jpg_large", "IMG_1.HEIC"])
def test_content_decides_where_the_suffix_says_nothing(tmp_path, name, suffix):
    if suffix in (".jp2", ".avif") and not cv2.haveImageWriter(f"a{suffix}"):
        pytest.skip(f"this OpenCV writes no {suffix}")
    (tmp_path / name).write_bytes(encoded(suffix))
    assert names(list_images(tmp_path)) == [name]


@pytest.mark.parametrize(
    "name", ["._photo.jpg", ".hidden.png", ".DS_Store", "Thumbs.db", "THUMBS.DB", "desktop.ini", "Icon\r", ".jpg"]
)
def test_hidden_and_system_files_are_neither_taken_nor_told_of(tmp_path, name):
    (tmp_path / name).write_bytes(encoded())
    assert is_hidden(name)
    assert (list_images(tmp_path).found, list_images(tmp_path).left_out) == ((), {})


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.HEIC", b"\0\0\0\x18ftypheic\0\0\0\0", "a HEIC picture"),
        ("b.dng", b"II*\0", "a raw photograph"),
        ("c.MOV", b"", "a video"),
        ("notes.txt", b"Dear Sir or Madam", "no picture"),
        ("page", b"<!DOCTYPE html><html>", "an HTML page"),
        ("pointer", b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "a Git LFS pointer"),
        ("nothing", b"", "an empty file"),
    ],
)
def test_what_is_left_out_has_a_reason(tmp_path, name, content, reason):
    (tmp_path / name).write_bytes(content)
    listing = list_images(tmp_path)
    assert listing.found == ()
    assert reason in listing.left_out[name]
    assert listing.note().startswith(f"left out: 1 file ({name}: {reason}")


def test_avif_is_named_where_opencv_does_not_read_it(tmp_path, monkeypatch):
    (tmp_path / "a.avif").write_bytes(b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf")
    monkeypatch.setattr(cv2, "haveImageReader", lambda _: False)
    assert list_images(tmp_path).left_out["a.avif"].startswith("an AVIF picture, which this OpenCV cannot read")


def test_folders_links_and_pipes(tmp_path):
    (tmp_path / "x.jpg").mkdir()
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    os.mkfifo(tmp_path / "pipe.jpg")
    listing = list_images(tmp_path)
    assert names(listing) == ["gone.png"]  # whoever reads it says that it is not there
    assert listing.note() == (
        "left out: 1 file and 1 folder (pipe.jpg: no regular file, x.jpg: a folder, which is not searched)"
    )


def test_folders_below_are_searched_but_for_hidden_ones(tmp_path):
    for folder in ("a", ".git", "a/b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "1.JPG").write_bytes(encoded())
        (tmp_path / folder / "2.heif").write_bytes(b"\0\0\0\x18ftypheif\0\0\0\0")
    listing = list_images(tmp_path, below=True)
    assert names(listing) == ["a/1.JPG", "a/b/1.JPG"]
    assert sorted(listing.left_out) == ["a/2.heif", "a/b/2.heif"]


@pytest.mark.parametrize(
    "name", ["a#1.jpg", "a[1].jpg", "a:b.jpg", "100%.jpg", "a b.jpg", "-a.jpg", "é.jpg", "a*?.jpg"]
)
def test_signs_in_names_are_part_of_them(tmp_path, name):
    folder = tmp_path / "in [1] #2 %d"
    folder.mkdir()
    (folder / name).write_bytes(encoded())
    assert names(list_images(folder)) == names(list_images(folder, below=True)) == [name]


def test_a_name_that_cannot_be_printed_is_escaped(tmp_path):
    (tmp_path / "a\nb.txt").write_text("x")
    assert r"'a\nb.txt': no picture" in list_images(tmp_path).note()
    assert shown_name("ä.jpg") == "ä.jpg"
    assert shown_name("\udcff.jpg") == r"'\udcff.jpg'"


def test_a_long_list_ends_with_a_number(tmp_path):
    for number in range(60):
        (tmp_path / f"{number:02d}.txt").write_text("x")
    note = list_images(tmp_path).note()
    assert note.startswith("left out: 60 files (00.txt: no picture, ")
    assert note.endswith(", and 10 more)")

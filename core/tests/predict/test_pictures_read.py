import cv2
import numpy as np
import pytest
from PIL import Image

from handpose_core.errors import HandposeError
from handpose_core.predict.pictures import count_pictures, list_pictures, read_picture, reduced

TOP_LEFT, BOTTOM_RIGHT = (200, 40, 30), (20, 60, 180)


def quarters(width=40, height=24):
    """Red at the top left, blue at the bottom right, grey elsewhere."""
    picture = np.full((height, width, 3), 128, np.uint8)
    picture[: height // 2, : width // 2] = TOP_LEFT
    picture[height // 2 :, width // 2 :] = BOTTOM_RIGHT
    return picture


def near(pixel, colour, tolerance=12):
    return np.abs(pixel.astype(int) - colour).max() <= tolerance


def test_a_photo_that_lies_on_its_side_is_turned(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned right by 90 degrees
    Image.fromarray(quarters()).save(tmp_path / "turned.jpg", exif=exif, quality=95)
    read = read_picture(tmp_path / "turned.jpg")
    assert read.shape == (40, 24, 3)
    assert near(read[5, 18], TOP_LEFT)
    assert near(read[35, 5], BOTTOM_RIGHT)


def test_grey_becomes_three_equal_channels(tmp_path):
    Image.fromarray(quarters()[..., 0]).save(tmp_path / "grey.png")
    read = read_picture(tmp_path / "grey.png")
    assert read.shape == (24, 40, 3)
    assert read[0, 0].tolist() == [200, 200, 200]


def test_sixteen_bits_become_eight(tmp_path):
    deep = (quarters()[..., ::-1].astype(np.uint16)) * 257
    for name in ("deep.png", "deep.tiff"):
        cv2.imwrite(str(tmp_path / name), deep)
        np.testing.assert_allclose(read_picture(tmp_path / name).astype(int), quarters(), atol=1)


def test_printers_inks_become_colours(tmp_path):
    Image.fromarray(quarters()).convert("CMYK").save(tmp_path / "cmyk.jpg", quality=95)
    read = read_picture(tmp_path / "cmyk.jpg")
    assert near(read[3, 3], TOP_LEFT, 25)
    assert near(read[20, 35], BOTTOM_RIGHT, 25)


def test_transparent_pixels_are_white_and_half_transparent_ones_lighter(tmp_path):
    alpha = np.full((24, 40, 1), 255, np.uint8)
    alpha[0, 0], alpha[0, 1] = 0, 128
    Image.fromarray(np.concatenate([quarters(), alpha], axis=2)).save(tmp_path / "cut_out.png")
    read = read_picture(tmp_path / "cut_out.png")
    assert read[0, 0].tolist() == [255] * 3
    assert read[1, 1].tolist() == list(TOP_LEFT)
    assert near(read[0, 1], (227, 147, 142), 1)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.jpg", b"", "an empty file"),
        ("letter.jpg", b"Dear Sir or Madam", "17 bytes that do not decode as a picture"),
        ("iphone.heic", b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00", "a HEIC picture"),
    ],
)
def test_what_is_no_picture_is_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(HandposeError, match=message) as raised:
        read_picture(tmp_path / name)
    assert name in str(raised.value)


def test_a_picture_that_is_not_there(tmp_path):
    with pytest.raises(HandposeError, match="no readable file"):
        read_picture(tmp_path / "nowhere.jpg")


def test_a_jpeg_without_its_end_is_refused_and_one_with_more_behind_is_read(tmp_path):
    path = tmp_path / "photo.jpg"
    Image.fromarray(quarters(400, 300)).save(path, quality=95)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 3 // 4])
    with pytest.raises(HandposeError, match="whose end is missing"):
        read_picture(path)
    path.write_bytes(whole + b"\xff\xda a motion photo's video")
    assert read_picture(path).shape == (300, 400, 3)


def test_only_pictures_of_a_folder_are_listed_by_name(tmp_path):
    for name in ("b.JPG", "a.png", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    assert [path.name for path in list_pictures(tmp_path).found] == ["a.png", "b.JPG"]


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(HandposeError, match="no picture"):
        list_pictures(tmp_path)


def test_large_pictures_are_reduced_and_small_ones_are_not():
    smaller, factor = reduced(quarters(400, 240), 100)
    assert smaller.shape == (60, 100, 3)
    assert factor == 0.25
    assert reduced(quarters(), 100)[1] == 1.0


def test_jpeg_2000_and_avif_are_read_where_opencv_does(tmp_path):
    for suffix in (".jp2", ".avif", ".jfif"):
        written = ".jpg" if suffix == ".jfif" else suffix
        if not cv2.haveImageWriter(f"a{written}"):
            continue
        content = cv2.imencode(written, cv2.cvtColor(quarters(96, 64), cv2.COLOR_RGB2BGR))[1]
        (tmp_path / f"a{suffix}").write_bytes(content.tobytes())
        assert near(read_picture(tmp_path / f"a{suffix}")[3, 3], TOP_LEFT, 25)


def test_the_pictures_of_an_animation_are_counted(tmp_path):
    frames = [Image.new("RGB", (8, 8), (40 * number, 0, 0)) for number in range(3)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    frames[0].save(tmp_path / "a.tif", save_all=True, append_images=frames[1:])
    frames[0].save(tmp_path / "a.png")
    assert [count_pictures(tmp_path / name) for name in ("a.gif", "a.tif", "a.png")] == [3, 3, 1]


def test_a_name_that_is_not_utf8_counts_as_one_picture(tmp_path):
    assert count_pictures(tmp_path / "a\udcff.gif") == 1


def test_a_nul_in_a_name_is_told(tmp_path):
    with pytest.raises(HandposeError, match="null byte"):
        read_picture(tmp_path / "a\0.png")

"""Pictures as other libraries hold them, each against the same picture as 8-bit RGB."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from handpose_core.errors import HandposeError
from handpose_core.io.pixels import to_rgb


def picture(height=20, width=30):
    """Smooth colours from 0 to 255, other ones in each channel."""
    rows, columns = np.mgrid[:height, :width]
    red, green = rows * 255 // (height - 1), columns * 255 // (width - 1)
    return np.stack([red, green, (255 - red + green) // 2], axis=2).astype(np.uint8)


RGB = picture()
GREY = RGB[..., 0]


def test_rgb_of_8_bits_is_returned_as_it_is():
    assert to_rgb(RGB) is RGB


def turned(orientation):
    """The picture as a file that says how it must be turned."""
    stream = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(RGB.transpose(1, 0, 2)[:, ::-1])).save(stream, "PNG", exif=exif)
    return Image.open(stream)


@pytest.mark.parametrize(
    "given",
    [
        RGB.astype(np.float32) / 255,
        RGB.astype(np.float64) / 255,
        RGB.astype(np.float16) / 255,
        RGB.astype(np.float32),
        RGB.astype(np.int64),
        RGB.astype(np.uint16),
        RGB.astype(np.uint16) * 257,
        RGB.astype(">u2") * 257,
        RGB.astype(np.int32) * 257,
        np.asfortranarray(RGB),
        np.ascontiguousarray(RGB[..., ::-1])[..., ::-1],
        RGB.transpose(2, 0, 1),
        RGB[None],
        np.dstack([RGB, np.full(GREY.shape, 255, np.uint8)]),
        np.dstack([RGB / 255, np.ones(GREY.shape)]),
        Image.fromarray(RGB),
        Image.fromarray(RGB).convert("RGBA"),
        Image.fromarray(RGB).convert("RGBa"),
        turned(8),
        torch.from_numpy(RGB),
        torch.from_numpy(RGB).permute(2, 0, 1),
        torch.from_numpy(RGB).permute(2, 0, 1)[None].float() / 255,
        (torch.from_numpy(RGB).permute(2, 0, 1).float() / 255).requires_grad_(),
        (torch.from_numpy(RGB).float() / 255).half(),
        torch.nn.Parameter(torch.from_numpy(RGB).float()),
    ],
)
def test_it_is_the_same_picture(given):
    rgb = to_rgb(given)
    assert (rgb.dtype, rgb.shape, rgb.flags.c_contiguous) == (np.uint8, RGB.shape, True)
    np.testing.assert_allclose(rgb.astype(int), RGB.astype(int), atol=1)


@pytest.mark.parametrize(
    "given",
    [
        GREY,
        GREY[..., None],
        GREY[None],
        GREY / 255,
        GREY.astype(np.uint16) * 257,
        Image.fromarray(GREY),
        Image.fromarray(GREY).convert("LA"),
        Image.fromarray(GREY.astype(np.uint16) * 257),
        Image.fromarray(GREY.astype(np.int32) * 257),
        Image.fromarray(GREY.astype(np.float32)),
        Image.fromarray(GREY.astype(np.float32) / 255),
        torch.from_numpy(GREY),
        torch.from_numpy(GREY)[None] / 255,
    ],
)
def test_grey_has_three_equal_channels(given):
    np.testing.assert_allclose(to_rgb(given).astype(int), np.repeat(GREY[..., None], 3, axis=2).astype(int), atol=1)


@pytest.mark.parametrize("mode", ["1", "P", "CMYK", "YCbCr", "HSV", "LAB"])
def test_other_modes_of_pil(mode):
    image = Image.fromarray(RGB).convert(mode) if mode != "LAB" else Image.new("LAB", (30, 20), (255, 128, 128))
    expected = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(to_rgb(image), expected)
    assert expected.max() > 200


@pytest.mark.parametrize("share", [0, 0.5, 1])
def test_transparent_pixels_are_laid_on_white(share):
    alpha = np.full(GREY.shape, round(share * 255), np.uint8)
    expected = RGB * (alpha[..., None] / 255) + 255 * (1 - alpha[..., None] / 255)
    rgba = np.dstack([RGB, alpha])
    for given in (rgba, Image.fromarray(rgba), torch.from_numpy(rgba).permute(2, 0, 1), rgba / 255):
        np.testing.assert_allclose(to_rgb(given).astype(int), expected, atol=1)


def test_a_palette_with_a_transparent_colour_is_laid_on_white():
    image = Image.new("P", (4, 4), 0)
    image.putpalette([0, 0, 0, 255, 0, 0])
    image.info["transparency"] = 0
    assert (to_rgb(image) == 255).all()


def test_what_interpolation_adds_is_cut_off():
    low, high = to_rgb(RGB / 255 * 1.1 - 0.05)[[0, -1], [0, -1]]
    assert low[0] == 0
    assert high[0] == 255
    assert to_rgb(np.where(GREY > 200, 262.0, GREY)).max() == 255


def test_a_mask_is_black_and_white():
    assert set(np.unique(to_rgb(GREY > 100))) == {0, 255}


def closed():
    image = Image.fromarray(RGB)
    image.close()
    return image


def cut():
    stream = io.BytesIO()
    Image.fromarray(picture(200, 300)).save(stream, "JPEG")
    return Image.open(io.BytesIO(stream.getvalue()[:1500]))


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (None, "None.*cv2.imread"),
        (b"\xff\xd8\xff", "3 bytes.*PIL.Image.open"),
        ([RGB, RGB], "a list.*one picture a call"),
        ((RGB,), "a tuple.*one picture a call"),
        ((one for one in [RGB]), "a generator.*one picture a call"),
        ({"image": RGB}, "a dict"),
        (7, "a int"),
        (io.BytesIO(b""), "a BytesIO"),
        (np.zeros((0, 0, 3), np.uint8), r"shape \(0, 0, 3\)"),
        (np.zeros((20, 0, 3), np.uint8), r"shape \(20, 0, 3\)"),
        (np.zeros(30, np.uint8), r"shape \(30,\)"),
        (np.uint8(7), r"shape \(\)"),
        (np.zeros((4, 20, 30, 3), np.uint8), r"shape \(4, 20, 30, 3\).*one picture a call"),
        (np.zeros((20, 30, 2), np.uint8), r"shape \(20, 30, 2\)"),
        (torch.zeros(2, 3, 20, 30), r"shape \(2, 3, 20, 30\)"),
        (torch.zeros(3, 20, 30, dtype=torch.complex64), "complex"),
        (torch.zeros(3, 20, 30, device="meta"), "Tensor that cannot be read"),
        (np.full((20, 30, 3), "x"), "an array of <U1"),
        (RGB.astype(complex), "an array of complex128"),
        (np.array([[None]]), "an array of object"),
        (RGB / 127.5 - 1, "float64 from -1 to 1"),
        ((RGB / 255 - 0.45) / 0.225, "Undo the normalisation"),
        (np.full((20, 30, 3), np.nan), "NaN or infinity"),
        (np.full((20, 30, 3), np.inf), "NaN or infinity"),
        (RGB * 257.0, "from 0 to 6.554e"),
        (RGB / 100, "from 0 to 2.55"),
        (RGB.astype(int) - 1, "from -1 to 254"),
        (RGB.astype(int) * 70000, "from 0 to"),
        (closed(), "cannot be read"),
        (cut(), "JpegImageFile that cannot be read"),
    ],
)
def test_anything_else_is_refused(given, found):
    with pytest.raises(HandposeError, match=f"(?s)^photo: found .*{found}"):
        to_rgb(given, "photo")


def test_integers_of_twelve_bits_are_refused_as_they_would_be_black():
    with pytest.raises(HandposeError, match="nearly black"):
        to_rgb(np.full((4, 4, 3), 4000, np.uint16))

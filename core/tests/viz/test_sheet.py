import cv2
import numpy as np

from handpose_core.viz import contact_sheet, with_caption, write_image


def test_cells_are_in_reading_order():
    images = [np.full((10, 20, 3), 40 * i, np.uint8) for i in range(5)]
    sheet = contact_sheet(images, columns=2, gap=4)
    assert sheet.shape == (3 * 14 + 4, 2 * 24 + 4, 3)
    for i in range(5):
        row, column = divmod(i, 2)
        assert (sheet[4 + 14 * row : 14 + 14 * row, 4 + 24 * column : 24 + 24 * column] == 40 * i).all()
    assert (sheet[32:42, 28:48] == 255).all()


def test_caption_fits_and_leaves_the_image():
    image = np.zeros((50, 120, 3), np.uint8)
    captioned = with_caption(image, "a caption much too long for an image of this width, made smaller")
    strip = captioned[:-50]
    assert (captioned[-50:] == 0).all()
    assert (strip < 255).any()
    assert (strip[:, -4:] == 255).all()


def test_written_images_read_back_as_rgb(tmp_path):
    image = np.zeros((4, 5, 3), np.uint8)
    image[..., 0] = 200
    write_image(tmp_path / "new" / "red.png", image)
    assert (cv2.cvtColor(cv2.imread(str(tmp_path / "new" / "red.png")), cv2.COLOR_BGR2RGB) == image).all()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["red.png"]

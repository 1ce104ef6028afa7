"""Crops of pictures without labels show nothing but the picture; those of training never have black borders."""

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose

from handpose_core.datamodules.augmentation import AS_LABELLED, Augmentation, Placement
from handpose_core.datamodules.cropped import square_inside
from handpose_core.datamodules.device_augmentation import OnDevice
from handpose_core.datamodules.folder import FolderDataModule

WILD = {"rotation": 45, "scale": 0.3, "shift": 0.3} | dict.fromkeys(
    ("brightness", "contrast", "saturation", "hue"), 0.0
)


@pytest.mark.parametrize(
    ("placement", "centre", "side"),
    [
        (AS_LABELLED, (319.5, 239.5), 479),
        (Placement(0.0, 2.0, np.zeros(2)), (319.5, 239.5), 239.5),  # 2 x 239.5 = 479
        (Placement(0.0, 0.5, np.array([0.1, 1.0])), (343.45, 359.25), 479),  # shown: 239.5 px, as low as it goes
        (Placement(np.pi / 4, 1.0, np.zeros(2)), (319.5, 239.5), 479 / np.sqrt(2)),
    ],
)
def test_squares_worked_out_by_hand(placement, centre, side):
    square, placed = square_inside(640, 480, placement)
    assert_allclose(square[0], centre)
    assert square[1] == pytest.approx(side)
    assert (placed.scale, placed.angle, placed.shift.tolist()) == (placement.scale, placement.angle, [0, 0])


@pytest.fixture
def white(tmp_path):
    for number, (height, width) in enumerate([(48, 64), (64, 48), (40, 40), (30, 90)] * 3):
        cv2.imwrite(str(tmp_path / f"{number:02}.png"), np.full((height, width, 3), 255, np.uint8))
    return tmp_path


@pytest.mark.parametrize("augmentation", [None, Augmentation(**WILD), OnDevice(**WILD)], ids=["plain", "cpu", "device"])
def test_white_pictures_give_white_crops_in_training_and_validation(white, augmentation):
    data = FolderDataModule(str(white), image_size=32, batch_size=4, val_fraction=0.25, augmentation=augmentation)
    data.setup("fit")
    for loader in (data.train_dataloader(), data.val_dataloader()):
        for batch in loader:
            image = data.on_after_batch_transfer(data.on_before_batch_transfer(batch, 0), 0)["image"]
            assert image.min() > 0.98


def test_a_test_shows_the_whole_picture(white):
    data = FolderDataModule(str(white), image_size=32)
    data.setup("test")
    assert data.test_set[0]["image"].min() == 0  # 48 x 64, squared

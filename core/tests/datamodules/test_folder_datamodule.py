import subprocess
import sys

import numpy as np
import pytest
import torch

from handpose_core.camera import project
from handpose_core.datamodules.augmentation import Augmentation
from handpose_core.datamodules.cropped import Draw
from handpose_core.datamodules.folder import FolderDataModule
from handpose_core.datamodules.splits import split_tail
from handpose_core.errors import HandposeError
from handpose_core.training.data_names import known_datamodules

WILD = Augmentation(rotation=180, scale=0.2, shift=0.1)


def set_up(root, *stages, **options):
    data = FolderDataModule(str(root), **{"batch_size": 3, "image_size": 64, "val_fraction": 0.25, **options})
    for stage in stages:
        data.setup(stage)
    return data


def test_is_known_by_its_short_name():
    assert known_datamodules()["Folder"] is FolderDataModule


def test_the_last_part_is_held_out(drawn_folder):
    data = set_up(drawn_folder.root, "fit", "test", augmentation=WILD)
    assert (data.train_set.indices, data.val_set.indices) == (tuple(range(9)), (9, 10, 11))
    assert len(data.test_set) == 12
    batch = next(iter(data.train_dataloader()))
    torch.testing.assert_close(project(batch["joints_3d"], batch["K"]), batch["joints_2d"], atol=0.05, rtol=0)


def test_clips_across_the_cut_are_in_neither_part(drawn_folder):
    data = set_up(drawn_folder.root, "fit", group="clips", clip_length=2, clip_step=1)
    source = data.train_set.source
    frames = [set(source.rows[list(part.indices)].ravel().tolist()) for part in (data.train_set, data.val_set)]
    assert frames == [set(range(9)), {9, 10, 11}]
    assert data.val_set[0]["image"].shape == (2, 3, 64, 64)


def test_without_labels_the_crop_is_the_whole_image_squared(drawn_folder):
    data = set_up(drawn_folder.root, "predict", labels="none", image_size=160)
    sample = data.test_set[0]
    assert sample.keys() == {"image", "index", "sequence", "frame", "mirrored"}
    # 320 x 240 in a square: black above and below, the picture between.
    rows = sample["image"].amax((0, 2)) > 0
    assert rows.nonzero().ravel()[[0, -1]].tolist() == pytest.approx([20, 139], abs=1)
    assert data.describe()["crop"] == "the whole image, squared, resized to 160 px"
    assert next(iter(data.predict_dataloader()))["image"].shape == (3, 3, 160, 160)


def test_unlabelled_training_pictures_are_varied(drawn_folder):
    data = set_up(drawn_folder.root, "fit", labels="none", augmentation=WILD)
    first, second = (data.train_set[Draw(0, epoch=epoch)]["image"] for epoch in (0, 1))
    assert not torch.equal(first, second)


def test_another_folder_can_be_tested(drawn_folder, tmp_path):
    (tmp_path / "photos").symlink_to(drawn_folder.root / "images")
    data = set_up(drawn_folder.root, "test", test_root=str(tmp_path / "photos"))
    assert "joints_2d" not in data.test_set[0]
    assert data.describe()["dataset"] == "folder photos"


VIDEO_IN_WORKERS = """
import sys
from handpose_core.datamodules.cropped import Draw
from handpose_core.datamodules.folder import FolderDataModule
data = FolderDataModule(sys.argv[1], batch_size=5, num_workers=2, image_size=32)
data.setup("predict")
data.test_set[7]  # read here first, so that the workers inherit an open file
for batch in data.predict_dataloader():
    print(*batch["frame"].tolist(), *(round(float(image[:, 16].mean()) * 255) for image in batch["image"]))
"""


def test_workers_read_a_video_that_their_parent_has_open(drawn_video):
    """A forked worker that waits for its parent's decoder threads would hang."""
    done = subprocess.run(
        [sys.executable, "-c", VIDEO_IN_WORKERS, str(drawn_video)], timeout=300, capture_output=True, text=True
    )
    found = np.array([line.split() for line in done.stdout.splitlines()], int)
    assert found[:, :5].ravel().tolist() == list(range(20)), done.stderr
    np.testing.assert_allclose(found[:, 5:].ravel(), 10 * np.arange(20) + 20, atol=4)


@pytest.mark.parametrize(("count", "fraction"), [(1, 0.5), (10, 0.0), (10, 1.0)])
def test_tail_that_leaves_nothing_is_named(count, fraction):
    with pytest.raises(HandposeError, match=f"val_fraction: found {fraction} of {count} samples"):
        split_tail(np.arange(count)[:, None], fraction)


def test_real_video_crops(real_samples):
    data = set_up(real_samples / "realworld_dev", "test", side="left", batch_size=50, image_size=128)
    for batch in data.test_dataloader():
        assert ((batch["joints_2d"] > 0) & (batch["joints_2d"] < 127)).all()
        torch.testing.assert_close(project(batch["joints_3d"], batch["K"]), batch["joints_2d"], atol=0.05, rtol=0)

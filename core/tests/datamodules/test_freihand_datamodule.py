import shutil

import torch

from handpose_core.camera import project
from handpose_core.datamodules.augmentation import Augmentation
from handpose_core.datamodules.freihand import FreiHANDDataModule
from handpose_core.training.data_names import known_datamodules

WILD = Augmentation(rotation=180, scale=0.2, shift=0.1)


def set_up(root, *stages, **options):
    data = FreiHANDDataModule(str(root), **{"batch_size": 3, "image_size": 64, "val_fraction": 0.3, **options})
    for stage in stages:
        data.setup(stage)
    return data


def test_is_known_by_its_short_name():
    assert known_datamodules()["FreiHAND"] is FreiHANDDataModule


def test_no_pose_is_in_both_parts(drawn_freihand):
    data = set_up(drawn_freihand.root, "fit", "test")
    train, val = ({int(part.source.poses[i]) for i in part.indices} for part in (data.train_set, data.val_set))
    assert (len(data.train_set), len(data.val_set), len(data.test_set)) == (12, 8, 3)
    assert (len(train), len(val)) == (3, 2)
    assert not train & val


def test_mesh_and_joints_land_in_the_crop(drawn_freihand):
    data = set_up(drawn_freihand.root, "fit", augmentation=WILD, vertices=True)
    batch = next(iter(data.train_dataloader()))
    torch.testing.assert_close(project(batch["joints_3d"], batch["K"]), batch["joints_2d"], atol=0.05, rtol=0)
    torch.testing.assert_close(batch["vertices"][:, :21], batch["joints_3d"], atol=1e-2, rtol=0)


def test_without_labels_the_crop_is_the_whole_image(drawn_freihand, tmp_path):
    shutil.copytree(drawn_freihand.root / "evaluation", tmp_path / "evaluation")
    data = set_up(tmp_path, "predict", image_size=224)
    batch = next(iter(data.predict_dataloader()))
    assert batch.keys() == {"image", "side", "index", "frame", "mirrored"}
    torch.testing.assert_close(batch["image"][0], data.test_set.source[0]["image"])

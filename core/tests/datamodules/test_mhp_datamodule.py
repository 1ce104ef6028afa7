from types import SimpleNamespace

import pytest
import torch

from handpose_core.camera import project
from handpose_core.datamodules.augmentation import Augmentation
from handpose_core.datamodules.mhp import MHPDataModule
from handpose_core.errors import HandposeError
from handpose_core.training.data_names import known_datamodules

WILD = Augmentation(rotation=180, scale=0.2, shift=0.1)


def set_up(root, *stages, **options):
    data = MHPDataModule(str(root), **{"batch_size": 2, "image_size": 64, **options})
    for stage in stages:
        data.setup(stage)
    return data


def test_is_known_by_its_short_name():
    assert known_datamodules()["MHP"] is MHPDataModule


def test_trains_validates_and_tests_on_sequences_of_their_own(drawn_mhp):
    data = set_up(drawn_mhp.root, "fit", "test", cameras=[1])
    parts = {
        name: {int(part.source.sequences[i]) for i in part.indices}
        for name, part in (("train", data.train_set), ("val", data.val_set), ("test", data.test_set))
    }
    assert parts == {"train": set(range(3, 20)), "val": {20, 21}, "test": {1, 2}}
    assert data.describe()["val_sequences"] == "data_20, data_21"


@pytest.mark.parametrize(
    "wrong", [[], ["data_22"], ["data_1"], ["data_1", "data_20"], [f"data_{i}" for i in range(3, 22)]]
)
def test_sequences_that_cannot_be_held_out_are_named(drawn_mhp, wrong):
    with pytest.raises(HandposeError, match=r"data, val_sequences: found .*data_3, data_4"):
        set_up(drawn_mhp.root, "fit", cameras=[1], val_sequences=wrong)


def test_views_keep_their_cameras_after_any_augmentation(drawn_mhp):
    data = set_up(drawn_mhp.root, "fit", group="views", augmentation=WILD)
    batch = next(iter(data.train_dataloader()))
    assert batch["image"].shape == (2, 4, 3, 64, 64)
    assert batch["R"].shape == (2, 4, 3, 3)
    torch.testing.assert_close(project(batch["joints_3d"], batch["K"]), batch["joints_2d"], atol=0.05, rtol=0)
    world = (batch["joints_3d"] - batch["t"][:, :, None]) @ batch["R"]
    torch.testing.assert_close(world, world[:, :1].expand_as(world), atol=2e-2, rtol=0)
    torch.testing.assert_close(torch.linalg.det(batch["R"]), torch.ones(2, 4))
    assert not torch.allclose(batch["K"][:, 0], batch["K"][:, 1])  # a crop for each view


def test_clips_are_of_consecutive_frames(drawn_mhp):
    batch = next(iter(set_up(drawn_mhp.root, "fit", group="clips", clip_length=3).train_dataloader()))
    assert batch["frame"].tolist() == [[0, 1, 2]] * 2
    assert torch.equal(batch["K"], batch["K"][:, :1].expand(2, 3, 3, 3))


def test_crops_around_the_published_boxes(drawn_mhp):
    joints, boxes = (set_up(drawn_mhp.root, "test", boxes=rule, crop_scale=1.0) for rule in ("none", "published"))
    assert "box" not in boxes.test_set[0]
    # The boxes were written 20 px wider on every side, so the hand is smaller in their crops.
    extent = [part[0]["joints_2d"].amax(0) - part[0]["joints_2d"].amin(0) for part in (joints.test_set, boxes.test_set)]
    assert extent[1].max() < 0.95 * extent[0].max()
    assert joints.describe()["crop"] == "square around the joints x 1, resized to 64 px"
    assert boxes.describe()["crop"] == "square around the boxes x 1, resized to 64 px"


def test_describe_names_the_choices(drawn_mhp):
    choices = set_up(drawn_mhp.root, "test", lens="as_is", group="views").describe()
    assert choices["dataset"] == "MHP test (data_1, data_2)"
    assert choices["lens"] == "as_is"
    assert choices["root_joint"] == "wrist (from the palm by ring_2.0)"
    assert choices["view_groups"] == "6 of 4 views"
    assert choices["crop"].startswith("square around the joints in each view")


@pytest.mark.parametrize("world", [2, 3])
def test_view_groups_are_shared_out_whole(drawn_mhp, world):
    found = []
    for rank in range(world):
        data = MHPDataModule(str(drawn_mhp.root), batch_size=4, image_size=16, group="views")
        data.trainer = SimpleNamespace(world_size=world, global_rank=rank)
        data.setup("test")
        found += [tuple(moment) for batch in data.test_dataloader() for moment in batch["frame"][:, 0:1].tolist()]
    assert len(found) == 6

import torch

from handpose_core.datamodules.augmentation import Augmentation
from handpose_core.datamodules.cmu_ps import CMUPSDataModule
from handpose_core.training.data_names import known_datamodules


def set_up(root, *stages, **options):
    data = CMUPSDataModule(str(root), **{"batch_size": 4, "image_size": 64, "val_fraction": 0.3, **options})
    for stage in stages:
        data.setup(stage)
    return data


def test_is_known_by_its_short_name():
    assert known_datamodules()["CMUPS"] is CMUPSDataModule


def test_batches_are_2d_only(drawn_cmu_ps):
    batch = next(iter(set_up(drawn_cmu_ps.root, "fit", augmentation=Augmentation()).train_dataloader()))
    assert {key: tuple(value.shape) for key, value in batch.items()} == {
        "image": (4, 3, 64, 64),
        "joints_2d": (4, 21, 2),
        "annotated": (4, 21),
        "visible": (4, 21),
        "side": (4,),
        "mirrored": (4,),
        "index": (4,),
    }


def test_both_hands_of_a_photograph_are_on_one_side(drawn_cmu_ps):
    data = set_up(drawn_cmu_ps.root, "fit", "test")
    pictures = [{part.source.pictures[i] for i in part.indices} for part in (data.train_set, data.val_set)]
    assert (len(data.train_set), len(data.val_set), len(data.test_set)) == (8, 4, 4)
    assert not pictures[0] & pictures[1]


def test_the_crop_is_around_valid_joints_only(drawn_cmu_ps):
    data = set_up(drawn_cmu_ps.root, "test", crop_scale=1.2)
    for i in range(4):
        sample = data.test_set[i]
        joints = sample["joints_2d"][sample["annotated"]]
        extent = joints.amax(0) - joints.amin(0)
        torch.testing.assert_close(extent.max(), torch.tensor(64 / 1.2), rtol=1e-3, atol=1e-2)


def test_parts_can_be_chosen(drawn_cmu_ps):
    data = set_up(drawn_cmu_ps.root, "test", "fit", train_part="hands_v143", test_part="manual_train")
    assert len(data.test_set) == 12
    assert len(data.train_set) + len(data.val_set) == 5
    assert data.describe()["dataset"] == "CMU-PS hands_v143"


def test_real_pairs_crop(real_samples):
    data = set_up(real_samples / "cmu_ps", "test", test_part="manual_train", image_size=128)
    batch = torch.cat([batch["joints_2d"] for batch in data.test_dataloader()])
    assert len(batch) == 8
    assert ((batch > 0) & (batch < 127)).all()

import inspect
import pickle
import shutil
import subprocess
import sys

import numpy as np
import pytest
import pytorch_lightning as pl
import torch

from handpose_core.camera import project
from handpose_core.datamodules.augmentation import Augmentation
from handpose_core.datamodules.base import split_indices
from handpose_core.datamodules.cropped import CroppedDataset, Draw
from handpose_core.datamodules.rhd import RHDDataModule
from handpose_core.datasets.rhd import RHD
from handpose_core.errors import HandposeError
from handpose_core.synth.layouts.rhd import write_annotations

WILD = Augmentation(rotation=180, scale=0.3, shift=0.2)


@pytest.fixture
def root(rhd_root, tmp_path):
    """A copy to spoil."""
    return shutil.copytree(rhd_root, tmp_path / "rhd")


def set_up(root, *stages, **options):
    data = RHDDataModule(str(root), **{"batch_size": 4, "image_size": 64, "val_fraction": 0.25, **options})
    for stage in stages:
        data.setup(stage)
    return data


def frames(loader):
    return [int(frame) for batch in loader for frame in batch["frame"]]


def test_batches_keep_to_the_contract(rhd_root):
    batch = next(iter(set_up(rhd_root, "fit", augmentation=WILD).train_dataloader()))
    shapes = {key: tuple(value.shape) for key, value in batch.items()}
    assert shapes == {
        "image": (4, 3, 64, 64),
        "joints_2d": (4, 21, 2),
        "joints_3d": (4, 21, 3),
        "annotated": (4, 21),
        "visible": (4, 21),
        "K": (4, 3, 3),
        "depth": (4, 1, 64, 64),
        "mask": (4, 1, 64, 64),
        "side": (4,),
        "mirrored": (4,),
        "index": (4,),
        "frame": (4,),
    }
    assert {batch[key].dtype for key in ("image", "joints_2d", "joints_3d", "K", "depth")} == {torch.float32}


def test_training_and_validation_share_no_frame(rhd_root):
    data = set_up(rhd_root, "fit")
    train, val = frames(data.train_dataloader()), frames(data.val_dataloader())
    assert (len(train), len(val)) == (9, 3)
    assert sorted(train + val) == list(range(12))
    assert frames(set_up(rhd_root, "validate").val_dataloader()) == val


@pytest.mark.parametrize("stage", ["test", "predict"])
def test_test_and_predict_take_the_evaluation_split_in_order(rhd_root, stage):
    data = set_up(rhd_root, stage)
    assert frames(getattr(data, f"{stage}_dataloader")()) == list(range(7))


def test_k_lands_on_the_joints_after_any_augmentation(rhd_root):
    data = set_up(rhd_root, "fit", augmentation=WILD, image_size=256)
    for epoch in range(4):
        for i in range(len(data.train_set)):
            sample = data.train_set[Draw(i, epoch=epoch)]
            assert (project(sample["joints_3d"], sample["K"]) - sample["joints_2d"]).norm(dim=-1).max() < 0.05


def test_augmented_image_shows_the_hand_under_its_joints(rhd_root):
    data = set_up(rhd_root, "fit", augmentation=Augmentation(rotation=180, scale=0.1, shift=0.05), image_size=256)
    for i in range(len(data.train_set)):
        sample = data.train_set[i]
        u, v = sample["joints_2d"].round().long().T
        assert sample["mask"][0, v, u].float().mean() > 0.9
        assert (sample["depth"][0, v, u] > 0).float().mean() > 0.9


def test_validation_is_never_varied(rhd_root):
    data = set_up(rhd_root, "fit", augmentation=WILD)
    for samples, same in ((data.val_set, True), (data.train_set, False)):
        first, second = (samples[Draw(0, epoch=epoch)]["image"] for epoch in (0, 1))
        assert torch.equal(first, second) == same


def test_training_repeats_with_the_seed_whatever_the_number_of_workers(rhd_root):
    def epochs(seed, workers):
        torch.manual_seed(seed)
        loader = set_up(rhd_root, "fit", augmentation=WILD, num_workers=workers).train_dataloader()
        return [torch.cat([batch["image"] for batch in loader]) for _ in range(2)]

    alone, again, two, other = epochs(1, 0), epochs(1, 0), epochs(1, 2), epochs(2, 0)
    for epoch in range(2):
        assert torch.equal(alone[epoch], again[epoch])
        assert torch.equal(alone[epoch], two[epoch])
        assert not torch.equal(alone[epoch], other[epoch])
    assert not torch.equal(*alone)


BUSY_PARENT = """
import sys, cv2, numpy as np
from handpose_core.datamodules.rhd import RHDDataModule
cv2.setNumThreads(4)
cv2.GaussianBlur(np.zeros((2000, 2000), np.float32), (0, 0), 5)
data = RHDDataModule(sys.argv[1], num_workers=2)
data.setup("test")
print(sum(len(batch["K"]) for batch in data.test_dataloader()))
"""


def test_workers_start_after_opencv_has_run_threads(rhd_root):
    """A forked worker that waits for its parent's threads would hang."""
    done = subprocess.run(
        [sys.executable, "-c", BUSY_PARENT, str(rhd_root)], timeout=300, capture_output=True, text=True
    )
    assert done.stdout.strip() == "7", done.stderr


def test_positions_epochs_and_seeds_draw_differently(rhd_root):
    same = CroppedDataset(RHD(rhd_root, "training"), [0] * 3, 32, 1.5, WILD)
    drawn = [same[Draw(i, seed, epoch)]["K"] for i in range(3) for seed in range(3) for epoch in range(3)]
    assert len(torch.stack(drawn).flatten(1).unique(dim=0)) == 27


def test_stages_read_only_what_they_need(root):
    shutil.rmtree(root / "training")
    assert len(set_up(root, "test").test_set) == 7
    with pytest.raises(HandposeError, match="anno_training"):
        set_up(root, "fit")


def test_training_without_an_evaluation_split(root):
    shutil.rmtree(root / "evaluation")
    assert len(set_up(root, "fit").train_set) == 9
    with pytest.raises(HandposeError, match="anno_evaluation"):
        set_up(root, "test")


def test_a_set_before_its_setup_is_named(rhd_root):
    with pytest.raises(HandposeError, match=r"test set.*setup"):
        _ = set_up(rhd_root, "fit").test_set


@pytest.mark.parametrize("workers", [0, 2])
def test_a_hand_wholly_outside_is_named_even_from_a_worker(root, workers):
    path = root / "evaluation" / "anno_evaluation.pickle"
    entries = pickle.loads(path.read_bytes())
    entries[5]["uv_vis"][:, :2] += 1000
    write_annotations(root, "evaluation", entries)
    message = r"evaluation, frame 5: found a hand wholly outside the image.*exclude"
    with pytest.raises(HandposeError, match=message):
        frames(set_up(root, "test", num_workers=workers).test_dataloader())
    data = set_up(root, "test", exclude={"evaluation": [5]})
    assert frames(data.test_dataloader()) == [0, 1, 2, 3, 4, 6]
    assert data.describe()["excluded_frames"] == "1"


def test_describe_names_the_choices(root):
    (root / "evaluation" / "color" / "00002.png").unlink()
    data = set_up(root, "test", hand_rule="visible_joints", missing="skip")
    assert data.describe() == {
        "dataset": "RHD evaluation",
        "frames": "6",
        "hand_rule": "visible_joints",
        "missing_frames": "1",
        "excluded_frames": "0",
        "root_joint": "wrist",
        "hands": "left ones mirrored to right ones, by side",
        "world": "none",
        "crop": "square around the joints x 1.5, resized to 64 px",
    }
    data = set_up(root, "fit", augmentation=WILD)
    assert data.describe()["dataset"] == "RHD training"
    assert data.describe()["held_out"] == "3 for validation"
    assert "rotation=180" in data.describe()["augmentation"]


def test_exclude_of_another_split_is_named(rhd_root):
    with pytest.raises(HandposeError, match="'test'"):
        # Without the tests' own check of argument types.
        inspect.unwrap(RHDDataModule.__init__)(
            RHDDataModule.__new__(RHDDataModule), str(rhd_root), exclude={"test": [1]}
        )


@pytest.mark.parametrize(("count", "fraction"), [(1, 0.5), (10, 0.0), (10, 1.0), (3, 0.9)])
def test_split_that_leaves_nothing_is_named(count, fraction):
    with pytest.raises(HandposeError, match=f"{fraction} of {count} samples"):
        split_indices(count, fraction)


def test_split_is_the_same_every_time():
    kept, held_out = split_indices(1000, 0.05)
    assert (kept, held_out) == split_indices(1000, 0.05)
    assert len(held_out) == 50
    assert sorted(kept + held_out) == list(range(1000))
    assert np.ptp(held_out) > 700  # from all over the split, not its end


class Collects(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.seen = {"train": [], "val": [], "test": []}

    def training_step(self, batch):
        self.seen["train"] += batch["frame"].tolist()
        return self.layer(batch["K"][:, 0, :1]).mean()

    def validation_step(self, batch):
        self.seen["val"] += batch["frame"].tolist()

    def test_step(self, batch):
        self.seen["test"] += batch["frame"].tolist()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 1e-9)


@pytest.mark.filterwarnings("ignore:.*does not have many workers", "ignore:.*LeafSpec:FutureWarning")
@pytest.mark.filterwarnings("ignore:.*smaller than the logging interval")
def test_runs_under_a_trainer(rhd_root, tmp_path):
    trainer = pl.Trainer(
        max_epochs=1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        default_root_dir=tmp_path,
    )
    module, data = Collects(), set_up(rhd_root)
    trainer.fit(module, data)
    trainer.test(module, data, verbose=False)
    assert len(set(module.seen["train"])) == 9
    assert not set(module.seen["train"]) & set(module.seen["val"])
    assert module.seen["test"] == list(range(7))


def test_all_real_frames_crop(real_rhd):
    data = set_up(real_rhd, "test", missing="skip", image_size=128)
    count = outside = 0
    for batch in data.test_dataloader():
        count += len(batch["image"])
        assert batch["image"].isfinite().all()
        outside += int((((batch["joints_2d"] < -0.5) | (batch["joints_2d"] > 127.5)).any(-1)).any(-1).sum())
        landed = (project(batch["joints_3d"], batch["K"]) - batch["joints_2d"]).norm(dim=-1)
        assert landed[batch["visible"]].mean() < 0.1
        assert batch["mask"].flatten(1).any(1).all()
    assert count == 204
    assert outside <= 2  # frames 28 and 30: a hand 8 cm from the camera, most of it outside the image

"""Silhouette targets reach the samples of any datamodule, clip or image, and are made once."""

import re

import pytest
import pytorch_lightning as pl
import torch
from tassn.tests.tiny import SIZES

from handpose_core.cli.main import main
from handpose_core.datamodules.folder import FolderDataModule
from handpose_core.datamodules.prepared import PreparedDataModule
from handpose_core.errors import HandposeError
from handpose_tassn.masks import MASK_USED
from handpose_tassn.module import TASSNModule
from handpose_tassn.objectives import SilhouetteMesh
from handpose_tassn.silhouettes import SilhouetteTargets
from handpose_tassn.terms import SilhouetteTerm

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning's own, of a whole run


def fit(data, folder, **options):
    module = TASSNModule(**SIZES, objective=SilhouetteMesh(silhouette=SilhouetteTerm(size=32)))
    trainer = pl.Trainer(
        accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False, max_epochs=1,
        enable_model_summary=False, limit_train_batches=1, limit_val_batches=0,
        callbacks=[SilhouetteTargets(str(folder), workers=1)], **options,
    )  # fmt: skip
    trainer.fit(module, datamodule=data)
    return trainer, module


@pytest.mark.parametrize("group", ["clips", "images"])
def test_samples_get_the_masks_of_their_frames(group, drawn_video, tmp_path, capsys):
    data = FolderDataModule(
        str(drawn_video), batch_size=2, image_size=32, group=group, clip_length=3, val_fraction=0.34
    )
    trainer, module = fit(data, tmp_path)
    assert "9 of 9 used" in capsys.readouterr().out
    assert torch.isfinite(trainer.callback_metrics["train/loss_silhouette"])
    for samples in (data.train_set, data.val_set):
        sample = samples[0]
        skin = (sample["image"].select(-3, 0) > 0.5) & (sample["image"].select(-3, 2) < 0.6)
        mask = sample["mask"].select(-3, 0)
        assert mask.shape == skin.shape
        assert (mask & skin).sum() / (mask | skin).sum() > 0.7
        assert sample[MASK_USED].all()
    assert "9 of 9 used" in module.history[0]["masks"]
    made = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.png")}
    assert len(made) == 9
    fit(data, tmp_path)
    fit(FolderDataModule(str(drawn_video), image_size=32, val_fraction=0.34), tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.png")} == made


def test_prepared_clips_get_the_masks_of_their_frames(drawn_video, tmp_path, capsys):
    options = ["--data", "Folder", "--data.group", "clips", "--data.clip_length", "3", "--data.val_fraction", "0.34"]
    options += ["--data.image_size", "64", "--parts=[train,val]"]
    assert main(["data", "prepare", str(drawn_video), str(tmp_path / "prepared"), *options]) == 0
    data = PreparedDataModule(str(tmp_path / "prepared"), batch_size=2, image_size=32)
    trainer, module = fit(data, tmp_path / "masks")
    assert torch.isfinite(trainer.callback_metrics["train/loss_silhouette"])
    used = re.search(r"silhouettes: (\d) of 6 used", capsys.readouterr().out)
    assert used
    assert int(used[1]) >= 5  # one of the drawn hands' masks is an outlier in area
    for samples in (data.train_set, data.val_set):
        clip = samples[0]
        skin = (clip["image"].select(-3, 0) > 0.5) & (clip["image"].select(-3, 2) < 0.6)
        mask = clip["mask"].select(-3, 0)
        assert mask.shape == skin.shape == (3, 32, 32)
        assert (mask & skin).sum() / (mask | skin).sum() > 0.7
    assert f"{used[1]} of 6 used" in module.history[0]["masks"]
    assert data.describe()["crop"].startswith("one square around the joints of all the clip's frames")


def test_frames_without_labels_are_named(drawn_video, tmp_path):
    data = FolderDataModule(str(drawn_video), image_size=32, labels="none", val_fraction=0.34)
    with pytest.raises(HandposeError, match="no joints_2d, annotated"):
        fit(data, tmp_path)


def test_other_data_are_told_to_bring_masks(clips):
    module = TASSNModule(**SIZES)
    trainer = pl.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, callbacks=[SilhouetteTargets()])
    rows = [{key: value[i] for key, value in clips.items()} for i in range(2)]
    with pytest.raises(HandposeError, match="give samples a mask of their own"):
        trainer.fit(module, torch.utils.data.DataLoader(rows))

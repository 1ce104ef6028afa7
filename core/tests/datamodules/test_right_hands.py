"""All methods see right hands: left ones are mirrored by their side, whatever the dataset, and told apart from it."""

import pytest
import pytorch_lightning as pl
import torch

from handpose_core.camera import project
from handpose_core.datamodules.augmentation import Augmentation
from handpose_core.datamodules.device_augmentation import OnDevice
from handpose_core.datamodules.folder import FolderDataModule
from handpose_core.datamodules.prepared import PreparedDataModule
from handpose_core.datamodules.rendered import RenderedDataModule
from handpose_core.datamodules.rhd import RHDDataModule
from handpose_core.datamodules.stb import STBDataModule
from handpose_core.datasets.mirroring import mirror_sample
from handpose_core.errors import HandposeError
from handpose_core.hand import Side
from handpose_core.prepare.manifest import Recipe
from handpose_core.prepare.run import prepare

WILD = {"rotation": 180, "scale": 0.2, "shift": 0.1, "flip": 0.5}


def across(joints):
    """Of the index's and the little finger's knuckles as seen (mm²): turns in the image leave it, mirrors do not."""
    (x, y), (u, v) = joints[:, 5, :2].T, joints[:, 17, :2].T
    return x * v - y * u


def training(data):
    data.setup("fit")
    batches = [
        data.on_after_batch_transfer(data.on_before_batch_transfer(batch, 0), 0) for batch in data.train_dataloader()
    ]
    return {key: torch.cat([batch[key] for batch in batches]) for key in batches[0]}


@pytest.mark.parametrize("augmentation", [None, Augmentation(**WILD), OnDevice(**WILD)], ids=["plain", "cpu", "device"])
def test_left_hands_are_shown_as_right_ones_under_any_augmentation(rhd_root, augmentation):
    shown = training(RHDDataModule(str(rhd_root), image_size=64, augmentation=augmentation))
    as_is = training(RHDDataModule(str(rhd_root), image_size=64, right_handed=False))
    assert set(as_is["side"].tolist()) == set(Side)
    assert "mirrored" not in as_is
    assert (shown["side"] == Side.RIGHT).all()
    order, other = shown["index"].argsort(), as_is["index"].argsort()
    assert torch.equal(shown["mirrored"][order], (as_is["side"] == Side.LEFT)[other])
    torch.testing.assert_close(project(shown["joints_3d"], shown["K"]), shown["joints_2d"], atol=1e-2, rtol=0)
    hands = as_is["joints_3d"][other] - as_is["joints_3d"][other][:, :1]
    found = shown["joints_3d"][order] - shown["joints_3d"][order][:, :1]
    turned = torch.where((as_is["side"] == Side.LEFT)[other][:, None, None], hands * torch.tensor([-1.0, 1, 1]), hands)
    torch.testing.assert_close(found[..., 2], turned[..., 2], atol=1e-2, rtol=0)  # turns are in the image plane
    torch.testing.assert_close(found.norm(dim=-1), turned.norm(dim=-1), atol=1e-2, rtol=0)
    torch.testing.assert_close(across(found), across(turned), atol=1.0, rtol=1e-3)  # its sign is the mirror's


def test_the_shown_hand_is_the_mirror_image_to_the_bit(rhd_root):
    as_is, shown = (RHDDataModule(str(rhd_root), image_size=64, right_handed=way) for way in (False, True))
    as_is.setup("test")
    shown.setup("test")
    for one, other in zip(as_is.test_set, shown.test_set, strict=True):
        mirrored = mirror_sample(one, other["mirrored"])
        assert (other["image"] - mirrored["image"]).abs().max() < 1.5 / 255
        assert (other["mask"] != mirrored["mask"]).float().mean() < 0.01  # the nearest pixel at a tie
        for key in ("joints_2d", "joints_3d", "K", "side"):
            torch.testing.assert_close(other[key], mirrored[key], atol=1e-3, rtol=0)


def test_clips_are_mirrored_whole(drawn_stb):
    data = STBDataModule(
        str(drawn_stb.root), image_size=64, group="clips", clip_length=3, augmentation=Augmentation(**WILD)
    )
    data.setup("fit")
    clip = data.train_set[0]
    assert clip["mirrored"].tolist() == [True] * 3
    assert (clip["side"] == Side.RIGHT).all()
    torch.testing.assert_close(project(clip["joints_3d"], clip["K"]), clip["joints_2d"], atol=1e-2, rtol=0)


def test_rendered_hands():
    data = RenderedDataModule(frames_per_epoch=6, val_frames=2, test_frames=2, size=48, image_size=32, batch_size=6)
    data.setup("fit")
    batch = data.make_batch(0, 0)
    assert (batch["side"] == Side.RIGHT).all()
    assert 0 < batch["mirrored"].sum() < 6
    assert data.val_set[0]["side"] == Side.RIGHT
    assert data.val_set[0]["mirrored"].dtype == torch.bool
    assert "mirrored" not in RenderedDataModule(frames_per_epoch=6, right_handed=False).describe()["hands"]


def test_prepared_crops_are_kept_as_they_are_and_mirrored_when_read(rhd_root, tmp_path):
    data = RHDDataModule(str(rhd_root), image_size=64)
    for part in ("train", "val"):
        list(prepare(data, tmp_path / "crops", part, Recipe("RHD", {}, 64, 1.5, 1.5, 95), 1))
    shown, as_is = (PreparedDataModule(str(tmp_path / "crops"), right_handed=way) for way in (True, False))
    assert set(training(as_is)["side"].tolist()) == set(Side)
    assert (training(shown)["side"] == Side.RIGHT).all()


class Asks(pl.LightningModule):
    """A module that learns sides."""

    takes_right_hands = False


def attached(data, module):
    trainer = pl.Trainer(logger=False, enable_checkpointing=False, accelerator="cpu")
    trainer.strategy.connect(module)
    data.trainer = trainer
    return data


def test_a_module_that_learns_sides_gets_hands_as_they_are(rhd_root):
    data = attached(RHDDataModule(str(rhd_root), image_size=64), Asks())
    data.setup("fit")
    assert "mirrored" not in data.train_set[0]
    assert data.describe()["hands"] == "as they are"
    with pytest.raises(HandposeError, match=r"--data.right_handed: found true"):
        attached(RHDDataModule(str(rhd_root), image_size=64, right_handed=True), Asks()).setup("fit")


def test_data_of_unknown_sides_say_so_once(drawn_folder, capsys):
    data = FolderDataModule(str(drawn_folder.root), image_size=64, batch_size=1)
    data.setup("fit")
    for batch in data.train_dataloader():
        batch.pop("side", None)
        data.on_after_batch_transfer(batch, 0)
    assert capsys.readouterr().out.count("do not say which hand they show") == 1
    assert data.describe()["hands"].endswith("none is known")

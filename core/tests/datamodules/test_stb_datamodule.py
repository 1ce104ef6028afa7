import shutil

import pytest
import torch

from handpose_core.camera import project
from handpose_core.datamodules.augmentation import Augmentation
from handpose_core.datamodules.stb import STBDataModule
from handpose_core.datasets.stb_layout import SEQUENCES
from handpose_core.errors import HandposeError
from handpose_core.geometry.handedness import mirror_points
from handpose_core.training.data_names import known_datamodules

WILD = Augmentation(rotation=180, scale=0.2, shift=0.1)


def set_up(root, *stages, **options):
    data = STBDataModule(str(root), **{"batch_size": 4, "image_size": 64, **options})
    for stage in stages:
        data.setup(stage)
    return data


def sequences(loader):
    return {SEQUENCES[n] for batch in loader for n in batch["sequence"].flatten()}


def test_is_known_by_its_short_name():
    assert known_datamodules()["STB"] is STBDataModule


def test_whole_sequences_are_held_out(drawn_stb):
    data = set_up(drawn_stb.root, "fit", "test", val_sequences=["B3Counting", "B6Random"])
    train, val, test = (
        sequences(loader) for loader in (data.train_dataloader(), data.val_dataloader(), data.test_dataloader())
    )
    assert (test, val) == ({"B1Counting", "B1Random"}, {"B3Counting", "B6Random"})
    assert train == set(SEQUENCES) - test - val
    assert (len(data.train_set), len(data.val_set), len(data.test_set)) == (40, 10, 10)


@pytest.mark.parametrize("wrong", [[], ["B7Random"], ["B1Random"], ["B1Random", "B6Random"], SEQUENCES[2:]])
def test_sequences_that_cannot_be_held_out_are_named(drawn_stb, wrong):
    with pytest.raises(HandposeError, match=r"data, val_sequences: found .*B2Counting, B2Random"):
        set_up(drawn_stb.root, "fit", val_sequences=wrong)


def test_k_lands_on_the_joints_after_any_augmentation(drawn_stb):
    data = set_up(drawn_stb.root, "fit", augmentation=WILD, camera="bb", depth=False, image_size=256)
    for i in range(0, len(data.train_set), 9):
        sample = data.train_set[i]
        assert (project(sample["joints_3d"], sample["K"]) - sample["joints_2d"]).norm(dim=-1).max() < 0.05
        world = (sample["joints_3d"] - sample["t"]) @ sample["R"]
        labelled = data.train_set.source[data.train_set.indices[i]]
        assert sample["mirrored"]  # all are left hands
        mirrored = mirror_points(labelled["joints_3d"] - labelled["t"])  # R was identity
        torch.testing.assert_close(world, mirrored, atol=1e-2, rtol=0)


def test_depth_comes_along(drawn_stb):
    data = set_up(drawn_stb.root, "fit", augmentation=WILD, depth=True, image_size=128)
    for i in (0, 20, 40):
        sample = data.train_set[i]
        u, v = sample["joints_2d"].round().long().T
        inside = ((u >= 0) & (u < 128) & (v >= 0) & (v < 128)).nonzero()[:, 0]
        assert (sample["depth"][0, v[inside], u[inside]] > 0).float().mean() > 0.8


def test_a_clip_has_one_crop_and_one_colour(drawn_stb):
    data = set_up(drawn_stb.root, "fit", group="clips", clip_length=3, clip_step=1, augmentation=WILD)
    batch = next(iter(data.train_dataloader()))
    assert batch["image"].shape == (4, 3, 3, 64, 64)
    assert batch["joints_3d"].shape == (4, 3, 21, 3)
    assert torch.equal(batch["frame"].diff(dim=1), torch.ones(4, 2, dtype=torch.int64))
    assert torch.equal(batch["K"], batch["K"][:, :1].expand_as(batch["K"]))  # one crop: one camera for the clip
    assert torch.equal(batch["sequence"], batch["sequence"][:, :1].expand(4, 3))
    landed = project(batch["joints_3d"], batch["K"])
    torch.testing.assert_close(landed, batch["joints_2d"], atol=0.05, rtol=0)
    # The background moves with the crop only: a corner without the hand keeps its colour.
    corners = batch["image"][..., 0, 0]
    torch.testing.assert_close(corners, corners[:, :1].expand_as(corners), atol=1e-2, rtol=0)


def test_a_clips_crop_holds_all_its_frames(drawn_stb):
    data = set_up(drawn_stb.root, "test", group="clips", clip_length=5, crop_scale=1.1)
    assert len(data.test_set) == 2
    joints = data.test_set[0]["joints_2d"]
    assert ((joints > 0) & (joints < 63)).all()
    assert data.describe()["crop"].startswith("one square around the joints of all the clip's frames x 1.1")


def test_clips_of_training_and_validation_share_no_frame(drawn_stb):
    data = set_up(drawn_stb.root, "fit", group="clips", clip_length=2, clip_step=1)
    clips = data.train_set.source
    train, val = (
        {tuple(frame) for i in part.indices for frame in clips.source.video_index[clips.rows[i]].tolist()}
        for part in (data.train_set, data.val_set)
    )
    assert train
    assert val
    assert not train & val


def test_describe_names_the_choices(drawn_stb):
    data = set_up(drawn_stb.root, "test", camera="bb_left", wrist_rule="middle_2.2", exclude=["B1Random/3"])
    assert data.describe() == {
        "dataset": "STB test (B1Counting, B1Random)",
        "camera": "bb_left (BB_left)",
        "frames": "9",
        "missing_frames": "0",
        "excluded_frames": "1",
        "missing_sequences": "none",
        "root_joint": "wrist (from the palm by middle_2.2)",
        "depth": "not read",
        "hands": "left ones mirrored to right ones, by side",
        "world": "none",
        "crop": "square around the joints x 1.5, resized to 64 px",
        "val_sequences": "B6Random",
    }


def test_stages_read_only_what_they_need(drawn_stb, tmp_path):
    for part in ("images", "labels"):
        (tmp_path / part).mkdir()
    for sequence in SEQUENCES[:2]:
        shutil.copytree(drawn_stb.root / "images" / sequence, tmp_path / "images" / sequence)
        shutil.copy(drawn_stb.root / "labels" / f"{sequence}_SK.mat", tmp_path / "labels")
    assert len(set_up(tmp_path, "test").test_set) == 10
    with pytest.raises(HandposeError, match=r"B2Counting_SK\.mat"):
        set_up(tmp_path, "fit")

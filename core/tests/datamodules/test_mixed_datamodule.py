"""Mixtures keep what only some datasets have, and say which samples have it."""

import pytest
import torch

from handpose_core.datamodules.augmentation import Augmentation
from handpose_core.datamodules.cmu_ps import CMUPSDataModule
from handpose_core.datamodules.device_augmentation import OnDevice
from handpose_core.datamodules.folder import FolderDataModule
from handpose_core.datamodules.freihand import FreiHANDDataModule
from handpose_core.datamodules.mhp import MHPDataModule
from handpose_core.datamodules.mixed import MixedDataModule
from handpose_core.datamodules.prepared import PreparedDataModule
from handpose_core.datamodules.rhd import RHDDataModule
from handpose_core.datamodules.stb import STBDataModule
from handpose_core.datasets.mixture import Mixture
from handpose_core.datasets.sample import collate, labelled
from handpose_core.errors import HandposeError
from handpose_core.prepare.manifest import Recipe
from handpose_core.prepare.run import prepare
from handpose_core.viz.sample import draw_sample

HAVE = {
    "vertices": {0},
    "mask": {1},
    "depth": {1},
    "joints_3d": {0, 1},
    "K": {0, 1},
    "joints_2d": {0, 1, 2},
    "side": {0, 1, 2},
}
"""Which of `parts` has each key."""
WILD = {"rotation": 60.0, "flip": 0.5}


@pytest.fixture
def parts(drawn_freihand, rhd_root, drawn_cmu_ps, drawn_folder):
    return lambda: [
        FreiHANDDataModule(str(drawn_freihand.root), vertices=True, val_fraction=0.2),
        RHDDataModule(str(rhd_root), val_fraction=0.2),
        CMUPSDataModule(str(drawn_cmu_ps.root), val_fraction=0.2),
        FolderDataModule(str(drawn_folder.root), labels="none", val_fraction=0.2),
    ]


def set_up(parts, **options):
    data = MixedDataModule(parts, [1.0] * len(parts), batch_size=8, image_size=32, **options)
    data.setup("fit")
    return data


def rows_of(batches):
    return [{key: value[i] for key, value in batch.items()} for batch in batches for i in range(len(batch["index"]))]


def assert_masks(rows):
    assert {int(row["dataset"]) for row in rows} == {0, 1, 2, 3}
    for row in rows:
        for key, numbers in HAVE.items():
            has = int(row["dataset"]) in numbers
            assert bool(row[f"has_{key}"]) is has, key
            assert bool((row[key] != 0).any()) is has or key in ("depth", "side"), key
            assert torch.isfinite(row[key]).all()
        assert bool(row["annotated"].any()) is (int(row["dataset"]) != 3)


@pytest.mark.parametrize("augmentation", [None, Augmentation(**WILD)])
def test_every_sample_has_every_key_and_says_whether_it_is_its_own(parts, augmentation):
    data = set_up(parts(), augmentation=augmentation)
    assert_masks(rows_of(data.train_dataloader()))
    assert "vertices (0)" in data.describe()["partial_keys"]
    assert "joints_3d (0, 1)" in data.describe()["partial_keys"]
    assert not any(key.startswith("has_") for batch in data.val_dataloader() for key in batch)  # of one part alone


def test_varied_on_the_device_they_are_finite_and_say_the_same(parts):
    data = set_up(parts(), augmentation=OnDevice(**WILD))
    for batch in data.train_dataloader():
        varied = data.on_after_batch_transfer(data.on_before_batch_transfer(batch, 0), 0)
        for key, numbers in HAVE.items():
            assert labelled(varied, key).tolist() == [int(n) in numbers for n in varied["dataset"]]
            assert torch.isfinite(varied[key]).all()


def test_a_sample_is_cropped_as_its_own_datamodule_crops_it(parts):
    own, data = parts(), set_up(parts())
    for part in own:
        part.image_size = 32
        part.setup("fit")
    for position, index in enumerate(data.train_set.indices):
        mixed = data.train_set[position]
        number = int(mixed["dataset"])
        start = data.train_set.source.starts[number]
        alone = own[number].train_set[own[number].train_set.indices.index(index - start)]
        for key in alone.keys() - {"index"}:
            assert torch.equal(mixed[key], alone[key]), (number, key)


def test_a_prepared_mixture_keeps_its_masks(parts, tmp_path):
    data = MixedDataModule(parts(), [1.0] * 4, image_size=32)
    for _ in prepare(data, tmp_path / "prepared", "train", Recipe("Mixed", {}, 32, 1.5, 1.2, 95), 1):
        pass
    source = PreparedDataModule(str(tmp_path / "prepared"), batch_size=8).training_source()
    assert_masks([source[i] for i in range(len(source))])


def test_a_picture_of_a_sample_shows_what_is_its_own_alone(parts):
    data = set_up(parts())
    for sample in rows_of(data.train_dataloader()):
        has_3d = int(sample["dataset"]) in HAVE["joints_3d"]
        kept = {key: value for key, value in sample.items() if labelled(sample, key).all() or key.startswith("has_")}
        assert has_3d is ("joints_3d" in kept)
        assert (draw_sample(sample, 64) == draw_sample(kept, 64)).all()


@pytest.mark.parametrize("group", ["views", "clips"])
def test_groups_of_one_length_mix(drawn_mhp, drawn_stb, group):
    mhp = MHPDataModule(str(drawn_mhp.root), group=group, clip_length=2, cameras=[1, 2])
    stb = STBDataModule(str(drawn_stb.root), group=group, clip_length=2, camera="bb")
    data = MixedDataModule([mhp, stb], [1, 1], batch_size=4, image_size=32)
    data.setup("fit")
    batch = next(iter(data.train_dataloader()))
    assert batch["image"].shape == (4, 2, 3, 32, 32)
    assert torch.equal(batch["K"][:, 0], batch["K"][:, 1]) is (group == "clips")  # one crop a clip
    with pytest.raises(HandposeError, match=r"mixed data, group: found .*(of 2 and images|images and views of 2)"):
        Mixture([stb.training_source(), MHPDataModule(str(drawn_mhp.root)).training_source()])


def test_meshes_of_different_rigs_are_refused(drawn_freihand):
    class Cut(FreiHANDDataModule):
        def training_source(self):
            source = super().training_source()
            source._vertices = source._vertices[:, :-1]
            return source

    wrong = [kind(str(drawn_freihand.root), vertices=True) for kind in (FreiHANDDataModule, Cut)]
    with pytest.raises(HandposeError, match=r"mixed data, vertices: found shapes \(41, 3\) and \(42, 3\)"):
        MixedDataModule(wrong, [1, 1]).training_source()


def test_other_collation_still_refuses_a_mix(drawn_freihand):
    root = str(drawn_freihand.root)
    with_mesh, without = (FreiHANDDataModule(root, vertices=v, image_size=32) for v in (True, False))
    for data in (with_mesh, without):
        data.setup("test")
    with pytest.raises(HandposeError, match=r"only some samples have vertices.*--data Mixed"):
        collate([with_mesh.test_set[0], without.test_set[0]])

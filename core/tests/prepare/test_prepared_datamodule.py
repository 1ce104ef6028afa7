"""Prepared data give the same samples as the original."""

import pickle

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handpose_core.camera import project
from handpose_core.datamodules.augmentation import Augmentation
from handpose_core.datamodules.cropped import Draw
from handpose_core.datamodules.prepared import PreparedDataModule
from handpose_core.datamodules.rhd import RHDDataModule
from handpose_core.datamodules.stb import STBDataModule
from handpose_core.datasets.prepared import Prepared, open_prepared
from handpose_core.errors import HandposeError

STILL = {"brightness": 0, "contrast": 0, "saturation": 0, "hue": 0}
EXACT = ("joints_2d", "joints_3d", "K", "R", "t", "vertices")
MEAN_COLOUR = 0.015
"""Of [0, 1]: the mean difference between original and prepared colours."""


def neighbourhood(image):
    """The drawn pictures are colour noise, of which a JPEG keeps the mean of a neighbourhood only."""
    return torch.nn.functional.avg_pool2d(image, 8)


def as_it_is(image):
    return image


def assert_same(prepared, original, look=neighbourhood):
    assert prepared.keys() == original.keys()
    for key, value in original.items():
        assert prepared[key].dtype == value.dtype
        assert prepared[key].shape == value.shape
        if key in EXACT:
            torch.testing.assert_close(prepared[key], value, atol=1e-3, rtol=0, msg=key)
        elif key == "image":
            assert (look(prepared[key]) - look(value)).abs().mean() < MEAN_COLOUR
        elif key in ("mask", "depth"):  # which of two pixels is nearer may be rounded otherwise
            assert ((prepared[key].float() - value.float()).abs() > 1e-3).float().mean() < 0.01
        else:
            assert torch.equal(prepared[key], value), key


def assert_all_same(prepared, original, look=neighbourhood, epochs=1):
    assert len(prepared) == len(original)
    for i in range(len(original)):
        for epoch in range(epochs):
            assert_same(prepared[Draw(i, epoch=epoch)], original[Draw(i, epoch=epoch)], look)


@pytest.fixture(scope="module")
def rhd_and_prepared(rhd_root, tmp_path_factory):
    """RHD's root, and the same prepared for crops of 160 px: some larger than in the images, some smaller."""
    from handpose_core.cli.data import main

    out = tmp_path_factory.mktemp("prepared") / "rhd"
    assert main(["prepare", str(rhd_root), str(out), "--workers=1", "--data.image_size=160", "--quality=100"]) == 0
    return rhd_root, out


def both(rhd_and_prepared, stage, **options):
    root, out = rhd_and_prepared
    modules = RHDDataModule(str(root), image_size=160, **options), PreparedDataModule(str(out), **options)
    for data in modules:
        data.setup(stage)
    return modules


def test_the_same_samples_come_out(rhd_and_prepared):
    original, prepared = both(rhd_and_prepared, "fit")
    assert_all_same(prepared.train_set, original.train_set)
    assert_all_same(prepared.val_set, original.val_set)
    original, prepared = both(rhd_and_prepared, "test")
    assert_all_same(prepared.test_set, original.test_set)


@pytest.mark.parametrize(
    "augmentation",
    [Augmentation(flip=0.5, **STILL), Augmentation(rotation=180, flip=0.5, **STILL), Augmentation()],
)
def test_the_same_variations_come_out(rhd_and_prepared, augmentation):
    original, prepared = both(rhd_and_prepared, "fit", augmentation=augmentation)
    assert_all_same(prepared.train_set, original.train_set, epochs=3)


def test_the_choices_are_recorded(rhd_and_prepared):
    original, prepared = (data.describe() for data in both(rhd_and_prepared, "fit"))
    assert prepared.pop("prepared") == "1.9 x the crop, at most 160 px across the crop, JPEG 100"
    assert prepared == original


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    amounts=st.fixed_dictionaries(
        {
            "rotation": st.floats(0, 180),
            "scale": st.floats(0, 0.15),
            "shift": st.floats(0, 0.1),
            "flip": st.floats(0, 1),
        }
    ),
    seed=st.integers(0, 2**32),
)
def test_k_lands_on_the_joints_after_any_augmentation(rhd_and_prepared, amounts, seed):
    data = PreparedDataModule(str(rhd_and_prepared[1]), augmentation=Augmentation(**amounts))
    data.setup("fit")
    sample = data.train_set[Draw(seed % len(data.train_set), seed)]
    assert (project(sample["joints_3d"], sample["K"]) - sample["joints_2d"]).norm(dim=-1).max() < 0.05
    u, v = sample["joints_2d"].round().long().T
    inside = (u >= 0) & (v >= 0) & (u < 160) & (v < 160)
    assert sample["mask"][0, v[inside], u[inside]].float().mean() > 0.9


@pytest.mark.parametrize("group", ["images", "clips", "views"])
def test_groups_come_out_the_same(drawn_stb, tmp_path, prepare, group):
    options = {"camera": "bb", "group": group, "clip_length": 2}
    given_options = [f"--data.{key}={value}" for key, value in options.items()]
    out = tmp_path / "out"
    assert prepare(drawn_stb.root, out, "--data", "STB", "--parts=[train,val]", *given_options) == 0
    flips = Augmentation(flip=0.5, **STILL)
    original = STBDataModule(str(drawn_stb.root), image_size=96, augmentation=flips, **options)
    prepared = PreparedDataModule(str(out), augmentation=flips)
    for data in (original, prepared):
        data.setup("fit")
    assert len(prepared.train_set) == len(original.train_set)
    for i in range(0, len(original.train_set), 7):
        assert_same(prepared.train_set[i], original.train_set[i])


@pytest.mark.parametrize("group", ["clips", "views"])
def test_groups_are_taken_apart(drawn_stb, tmp_path, prepare, group):
    options = {"camera": "bb", "clip_length": 2}
    given_options = [f"--data.{key}={value}" for key, value in {**options, "group": group}.items()]
    out = tmp_path / "out"
    assert prepare(drawn_stb.root, out, "--data", "STB", "--parts=[train,val]", *given_options) == 0
    prepared = Prepared(out, "val")
    apart = open_prepared(out, "val", "images")
    assert len(apart) == 2 * len(prepared)
    for index in range(len(prepared)):
        group_of = prepared[index]
        for position in range(2):
            one = apart[2 * index + position]
            assert one.keys() == group_of.keys()
            assert all(torch.equal(value, group_of[key][position]) for key, value in one.items())
    with pytest.raises(IndexError):
        apart[len(apart)]
    if group == "views":  # crops of their own, as single pictures have
        original = STBDataModule(str(drawn_stb.root), image_size=96, group="images", **options)
        single = PreparedDataModule(str(out), group="images")
        for data in (original, single):
            data.setup("fit")
        by_index = {int(sample["index"]): sample for sample in map(original.val_set.__getitem__, range(len(apart)))}
        for i in range(len(apart)):
            sample = single.val_set[i]
            assert_same(sample, by_index[int(sample["index"])])


def test_other_groups_than_prepared_are_refused(rhd_and_prepared):
    with pytest.raises(
        HandposeError, match=r"group: found views; expected images, as was prepared.*--data\.group views"
    ):
        PreparedDataModule(str(rhd_and_prepared[1]), group="views").setup("fit")


def test_real_samples_come_out_the_same(real_rhd, tmp_path, prepare):
    out = tmp_path / "out"
    assert prepare(real_rhd, out, "--data=RHD", "--data.missing=skip", "--parts=[test]", size=128) == 0
    original = RHDDataModule(str(real_rhd), missing="skip", image_size=128)
    prepared = PreparedDataModule(str(out))
    for data in (original, prepared):
        data.setup("test")
    assert_all_same(prepared.test_set, original.test_set, as_it_is)


def test_smaller_crops_than_prepared(rhd_and_prepared):
    data = PreparedDataModule(str(rhd_and_prepared[1]), image_size=64)
    data.setup("test")
    assert data.test_set[0]["image"].shape == (3, 64, 64)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image_size": 161}, r"image_size: found 161; expected at most 160.*--data\.image_size"),
        ({"augmentation": Augmentation(scale=0.5)}, r"augmentation: found crops that reach .*--margin"),
    ],
)
def test_more_than_was_prepared_is_refused(rhd_and_prepared, options, message):
    with pytest.raises(HandposeError, match=message):
        PreparedDataModule(str(rhd_and_prepared[1]), **options)


def test_workers_that_are_spawned_map_the_files_themselves(rhd_and_prepared):
    samples = Prepared(rhd_and_prepared[1], "train")
    pickled = pickle.dumps(samples)
    assert len(pickled) < 20_000
    assert torch.equal(pickle.loads(pickled)[3]["image"], samples[3]["image"])


def test_batches_are_the_same_whatever_the_number_of_workers(rhd_and_prepared):
    def epoch(workers):
        torch.manual_seed(1)
        data = PreparedDataModule(
            str(rhd_and_prepared[1]), batch_size=4, num_workers=workers, augmentation=Augmentation()
        )
        data.setup("fit")
        return torch.cat([batch["image"] for batch in data.train_dataloader()])

    assert torch.equal(epoch(0), epoch(2))

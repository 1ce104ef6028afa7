"""Augmentation in the workers and on the device: what must hold after any of it, and that the two are one."""

from itertools import islice

import cv2
import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonargparse import ArgumentError, ArgumentParser

from handpose_core.camera import project
from handpose_core.datamodules.augmentation import Augmentation
from handpose_core.datamodules.cropped import CroppedDataset, Draw
from handpose_core.datamodules.device_augmentation import OnDevice, WideCrops, is_wide, with_seed
from handpose_core.datamodules.mhp import MHPDataModule
from handpose_core.datamodules.rhd import RHDDataModule
from handpose_core.datamodules.stb import STBDataModule
from handpose_core.datasets.sample import collate
from handpose_core.errors import HandposeError
from handpose_core.hand import Side

SPOTS = (0, 4, 20)
"""Wrist and the tips of thumb and little finger: far apart, and never in line."""
STILL = {"brightness": 0.0, "contrast": 0.0, "saturation": 0.0, "hue": 0.0}
GEOMETRY = {"rotation": 180.0, "scale": 0.2, "shift": 0.1, "flip": 0.5}
LABELS = ("joints_2d", "joints_3d", "K", "R", "t", "vertices")
SIZE = 96


class Held:
    """Samples that are there already."""

    def __init__(self, *samples):
        self.samples = samples

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        return dict(self.samples[index])

    def where(self, index):
        return f"sample {index}"

    def describe(self):
        return {}


def marked(hand):
    """A hand whose picture has a red, a green and a blue spot at three joints, and its depth and mask a disc there."""
    joints = torch.from_numpy(hand.joints_3d).float()
    K = torch.from_numpy(hand.frame.K).float()
    K[0, 0] *= 1.1  # pixels that are not square
    pixels = project(joints, K)
    v, u = torch.meshgrid(torch.arange(320.0), torch.arange(320.0), indexing="ij")
    distances = torch.stack([(u - pixels[j, 0]) ** 2 + (v - pixels[j, 1]) ** 2 for j in SPOTS])
    discs = distances < 7**2
    return {
        "image": torch.exp(-distances / (2 * 4**2)),
        "depth": (discs * joints[list(SPOTS), 2, None, None]).amax(0)[None],
        "mask": discs.any(0)[None],
        "joints_2d": pixels,
        "joints_3d": joints,
        "vertices": joints[::3].clone(),
        "annotated": torch.arange(21) != 11,
        "visible": torch.from_numpy(hand.visible),
        "K": K,
        "side": torch.tensor(int(hand.side)),
    }


def in_workers(sample, amounts, turn):
    return CroppedDataset(Held(sample), [0], SIZE, 2.0, Augmentation(**amounts))[turn]


def on_device(sample, amounts, turn):
    way = OnDevice(**amounts)
    crops = WideCrops(CroppedDataset, Held(sample), [0], SIZE, 2.0, way)
    batch = way.vary(with_seed(collate([crops.in_bytes(turn)])), SIZE)
    return {key: value[0] for key, value in batch.items()}


def turning(points):
    """The sign of the way round through three points."""
    (a, b), (c, d) = (points[1:] - points[0]).tolist()
    return np.sign(a * d - b * c)


def centroids(image):
    v, u = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
    weights = image.double() * (image > 0.2)
    return torch.stack([(weights * u).sum((1, 2)), (weights * v).sum((1, 2))], dim=1) / weights.sum((1, 2))[:, None]


@pytest.mark.parametrize("vary", [in_workers, on_device])
@settings(deadline=None, max_examples=60)
@given(
    drawn=st.integers(0, 50),
    side=st.sampled_from(Side),
    rotation=st.floats(0, 180),
    scale=st.floats(0, 0.2),
    shift=st.floats(0, 0.1),
    flip=st.sampled_from([0.0, 0.5, 1.0]),
    seed=st.integers(0, 2**32 - 1),
    epoch=st.integers(0, 1000),
)
def test_labels_stay_with_the_picture(draw_hand, vary, drawn, side, rotation, scale, shift, flip, seed, epoch):
    hand = draw_hand(np.random.default_rng(drawn), side)
    sample = marked(hand)
    amounts = {**STILL, "rotation": rotation, "scale": scale, "shift": shift, "flip": flip}
    varied = vary(sample, amounts, Draw(0, seed, epoch))
    assert varied.keys() == sample.keys()
    torch.testing.assert_close(project(varied["joints_3d"], varied["K"]), varied["joints_2d"], atol=1e-2, rtol=0)
    for key in ("annotated", "visible"):
        assert torch.equal(varied[key], sample[key])
    torch.testing.assert_close(varied["joints_3d"][:, 2], sample["joints_3d"][:, 2])
    torch.testing.assert_close(varied["vertices"], varied["joints_3d"][::3])

    shown = centroids(varied["image"])
    assert (shown - varied["joints_2d"][list(SPOTS)]).norm(dim=1).max() < 0.3
    mirrored = turning(shown) != turning(sample["joints_2d"][list(SPOTS)])
    assert mirrored == (varied["side"] != sample["side"])
    assert flip == 0.5 or mirrored == bool(flip)
    for joint in SPOTS:
        u, v = varied["joints_2d"][joint].round().int().tolist()
        assert varied["depth"][0, v, u] == sample["joints_3d"][joint, 2]
        assert varied["mask"][0, v, u]


def both_ways(kind, root, amounts, **options):
    """Training batches of the workers, and of the device for the same draws."""
    batches = []
    for way in (Augmentation(**amounts), OnDevice(**amounts)):
        data = kind(str(root), **{"batch_size": 2, "image_size": 160, **options}, augmentation=way)
        data.setup("fit")
        torch.manual_seed(7)
        batches.append([moved(data, batch) for batch in islice(data.train_dataloader(), 2)])
    assert len(batches[0]) == len(batches[1]) > 0
    return zip(*batches, strict=True)


def moved(data, batch):
    """What Lightning makes of a batch on its way to the training's device."""
    return data.on_after_batch_transfer(data.on_before_batch_transfer(batch, 0), 0)


def assert_alike(worker, device):
    assert worker.keys() == device.keys()
    for key, value in worker.items():
        assert (device[key].dtype, device[key].shape) == (value.dtype, value.shape)
        if key in LABELS:
            torch.testing.assert_close(device[key], value, atol=1e-3, rtol=1e-6, msg=key)
        elif key == "image":  # interpolated twice, and rounded to bytes at another time
            assert (device[key] - value).abs().mean() < 0.01
        elif key in ("depth", "mask"):  # which of two pixels is nearer differs, which shows where the hand ends
            assert ((device[key].float() - value.float()).abs() > 0.5).float().mean() < 0.05
        else:
            assert torch.equal(device[key], value), key


def test_images_are_varied_as_by_the_workers(drawn_stb):
    for batch in both_ways(STBDataModule, drawn_stb.root, GEOMETRY, depth=True):
        assert_alike(*batch)


def test_clips_have_one_variation(drawn_stb):
    for worker, device in both_ways(STBDataModule, drawn_stb.root, GEOMETRY, group="clips", clip_length=3):
        assert device["image"].shape[1:] == (3, 3, 160, 160)
        assert_alike(worker, device)


def test_views_have_one_each_and_share_the_flip(drawn_mhp):
    for worker, device in both_ways(MHPDataModule, drawn_mhp.root, GEOMETRY, group="views"):
        assert_alike(worker, device)
        world = (device["joints_3d"] - device["t"][..., None, :]) @ device["R"]
        torch.testing.assert_close(world, world[:, :1].expand_as(world), atol=0.1, rtol=0)
        assert device["side"].shape[1] > 1
        assert torch.equal(device["side"], device["side"][:, :1].expand_as(device["side"]))


def test_amounts_of_0_leave_the_crop_as_labelled(drawn_stb):
    nothing = {**STILL, "rotation": 0.0, "scale": 0.0, "shift": 0.0}
    for worker, device in both_ways(STBDataModule, drawn_stb.root, nothing, depth=True):
        for key, value in worker.items():
            torch.testing.assert_close(device[key], value, atol=1e-4, rtol=1e-6, msg=key)


def flat_batch(frames=3, size=SIZE, **amounts):
    """Grey pictures, finished."""
    way = OnDevice(rotation=0, scale=0, shift=0, **STILL, **amounts)
    source = Held(*[{"image": torch.full((3, 200, 200), 128, dtype=torch.uint8)}] * frames)
    crops = WideCrops(CroppedDataset, source, range(frames), size, 1.5, way)
    return lambda seed: way.vary(with_seed(collate([crops.in_bytes(Draw(i, seed)) for i in range(frames)])), size)


def test_noise_follows_from_the_draws():
    noisy = flat_batch(frames=12, noise=0.1)
    first, again, other = (noisy(seed)["image"] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    deviations = first.std((1, 2, 3))
    assert 0.1 * 1.05 > deviations.max() > deviations.min() > 0
    assert deviations.max() > 2 * deviations.min()  # each sample has its own
    assert not torch.equal(first[0] - first[0].mean(), first[1] - first[1].mean())


@pytest.mark.parametrize("size", [96, 16])
def test_blur_is_of_the_drawn_deviation(size):
    way = OnDevice(rotation=0, scale=0, shift=0, **STILL, blur=3.0)
    pixels = np.random.default_rng(0).integers(0, 256, (size, size, 3), np.uint8)
    source = Held({"image": torch.from_numpy(pixels).permute(2, 0, 1)})
    crops = WideCrops(CroppedDataset, source, [0], size, 1.5, way)
    wide = collate([crops.in_bytes(0)])
    sigma = float(wide["variation/blur"])
    blurred = way.vary(with_seed(wide), size)["image"][0].permute(1, 2, 0).numpy()
    reach = 2 * min(9, size - 1) + 1
    expected = cv2.GaussianBlur(pixels.astype(np.float32) / 255, (reach, reach), sigma)
    np.testing.assert_allclose(blurred, expected, atol=1e-4)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_varies_as_the_cpu(drawn_stb):
    way = OnDevice(**GEOMETRY)
    data = STBDataModule(str(drawn_stb.root), batch_size=2, image_size=64, depth=True, augmentation=way)
    data.setup("fit")
    batch = with_seed(next(iter(data.train_dataloader())))
    there = {key: value.cuda() if isinstance(value, torch.Tensor) else value for key, value in batch.items()}
    assert_alike(way.vary(batch, 64), {key: value.cpu() for key, value in way.vary(there, 64).items()})


class Notes(pl.LightningModule):
    """Keeps the batches of each stage."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.training_batches, self.others = [], []

    def training_step(self, batch, batch_idx):
        self.training_batches.append(batch)
        return self.layer(batch["K"][:, 0, :1]).mean()

    def validation_step(self, batch):
        self.others.append(batch)

    test_step = validation_step

    def predict_step(self, batch):
        self.others.append(batch)
        return len(batch)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 1e-9)


def run(root, *stages, workers=0):
    """One epoch, then the other stages; what the module saw."""
    pl.seed_everything(3, verbose=False)
    way = OnDevice(**GEOMETRY, noise=0.05, blur=1.0)
    data = RHDDataModule(str(root), 4, workers, image_size=32, val_fraction=0.25, augmentation=way)
    trainer = pl.Trainer(
        max_epochs=1, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False,
    )  # fmt: skip
    notes = Notes()
    trainer.fit(notes, data)
    for stage in stages:
        getattr(trainer, stage)(notes, data, **({"verbose": False} if stage != "predict" else {}))
    return notes


@pytest.mark.filterwarnings("ignore:.*does not have many workers", "ignore:.*LeafSpec:FutureWarning")
@pytest.mark.filterwarnings("ignore:.*number of training batches")
def test_only_training_batches_are_varied(rhd_root):
    notes = run(rhd_root, "validate", "test", "predict")
    plain = RHDDataModule(str(rhd_root), batch_size=4, image_size=32, val_fraction=0.25)
    plain.setup("fit")
    plain.setup("test")
    expected = [*plain.val_dataloader()] * 3 + [*plain.test_dataloader()] * 2  # once before training, to be sure
    assert len(notes.others) == len(expected)
    for found, batch in zip(notes.others, expected, strict=True):
        assert found.keys() == batch.keys()
        assert all(torch.equal(found[key], value) for key, value in batch.items())
    assert [batch["image"].shape[1:] for batch in notes.training_batches] == [(3, 32, 32)] * 3
    labelled = {int(sample["frame"]): sample for sample in plain.train_set}
    for batch in notes.training_batches:
        assert not any(key.startswith("variation") for key in batch)
        torch.testing.assert_close(project(batch["joints_3d"], batch["K"]), batch["joints_2d"], atol=1e-2, rtol=0)
        for frame, pixels in zip(batch["frame"].tolist(), batch["joints_2d"], strict=True):
            assert (pixels - labelled[frame]["joints_2d"]).abs().max() > 0.5


@pytest.mark.filterwarnings("ignore:.*does not have many workers", "ignore:.*LeafSpec:FutureWarning")
@pytest.mark.filterwarnings("ignore:.*number of training batches")
def test_a_run_is_the_same_again_with_any_number_of_workers(rhd_root):
    first, again = (run(rhd_root, workers=workers).training_batches for workers in (0, 2))
    for before, after in zip(first, again, strict=True):
        assert all(torch.equal(before[key], after[key]) for key in before)


def test_batches_not_varied_yet_are_told_apart(rhd_root):
    data = RHDDataModule(str(rhd_root), batch_size=4, image_size=32, val_fraction=0.25, augmentation=OnDevice())
    data.setup("fit")
    wide, plain = next(iter(data.train_dataloader())), next(iter(data.val_dataloader()))
    assert is_wide(wide)
    assert "image" not in wide
    assert not is_wide(plain)
    assert moved(data, plain) is plain
    assert data.describe()["augmentation"].startswith("OnDevice(rotation=30")
    assert data.describe()["crop"].endswith("resized to 32 px")


def parsed(*argv):
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(RHDDataModule, "data")
    argv = ["--data", "handpose_core.datamodules.rhd.RHDDataModule", "--data.root", "somewhere", *argv]
    return parser.instantiate(parser.parse_args(argv)).data.augmentation


PATH = "handpose_core.datamodules.device_augmentation.OnDevice"


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["--data.augmentation.rotation", "180"], Augmentation(rotation=180)),
        (["--data.augmentation", "{rotation: 180, flip: 0.5}"], Augmentation(rotation=180, flip=0.5)),
        (["--data.augmentation", "null"], None),
        (["--data.augmentation", f"{{class_path: {PATH}, init_args: {{rotation: 180}}}}"], OnDevice(rotation=180)),
        (["--data.augmentation", PATH, "--data.augmentation.rotation", "180"], OnDevice(rotation=180)),
        (["--data.augmentation", "{rotation: 180}", "--data.augmentation", "OnDevice"], OnDevice(rotation=180)),
    ],
)
def test_the_option_takes_either(argv, expected):
    found = parsed(*argv)
    assert found == expected
    assert type(found) is type(expected)


def test_amounts_on_the_device_are_checked_too():
    with pytest.raises(HandposeError, match="augmentation, flip: found 2"):
        OnDevice(flip=2)
    with pytest.raises(ArgumentError, match="rotations"):
        parsed("--data.augmentation", "OnDevice", "--data.augmentation.rotations", "180")

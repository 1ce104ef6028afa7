"""Generated training sets: labels stay the hands' own, whatever the generator makes of their pictures."""

import json
import shutil

import cv2
import numpy as np
import pytest
import torch
from tagan.tests.drawn import write_simulated
from tagan.tests.tiny_training import SIDE, module_of, train

from handpose_core.cli.method import method_main
from handpose_core.datamodules.folder import FolderDataModule
from handpose_core.datasets.folder import Folder
from handpose_core.io.checksums import file_checksum
from handpose_tagan.cli import METHOD
from handpose_tagan.generated import MANIFEST
from handpose_tagan.module import TAGANModule

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    return write_simulated(tmp_path_factory.mktemp("made") / "simulated")


@pytest.fixture(scope="module")
def superposed(simulated, tmp_path_factory):
    """As `handpose tagan superpose` would write them, of the generators' size."""
    root = tmp_path_factory.mktemp("over") / "superposed"
    shutil.copytree(simulated / "hands", root)
    labels = dict(np.load(root / "labels.npz"))
    for kind in ("images", "masks"):
        for path in (root / kind).iterdir():
            pixels = cv2.imread(str(path), cv2.IMREAD_COLOR if kind == "images" else cv2.IMREAD_GRAYSCALE)
            cv2.imwrite(str(path), cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_AREA))
    labels["joints_2d"] /= 5
    np.savez(root / "labels.npz", **labels)
    (root / "superposed.json").write_text("{}")
    return root


@pytest.fixture(scope="module", params=["TAGAN", "Pix2pix", "CycleGAN"])
def trained(request, tmp_path_factory):
    path = tmp_path_factory.mktemp(request.param) / "last.ckpt"
    train(module_of(request.param), 1).save_checkpoint(path)
    return request.param, path


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("one") / "last.ckpt"
    train(module_of("TAGAN"), 1).save_checkpoint(path)
    return path


def generate(*arguments):
    return method_main("tagan", METHOD, ["generate", *map(str, arguments), "--device", "cpu"])


def test_every_generator_makes_a_set_with_the_hands_own_labels_and_masks(trained, superposed, tmp_path):
    name, path = trained
    out = tmp_path / "out"
    assert generate(superposed, out, "--checkpoint", path, "--seed", 5) == 0
    assert (out / "labels.npz").read_bytes() == (superposed / "labels.npz").read_bytes()
    assert len(Folder(out)) == 3
    module = TAGANModule.load_from_checkpoint(path).eval()
    for number in range(3):
        file = f"{number:08d}.png"
        assert (out / "masks" / file).read_bytes() == (superposed / "masks" / file).read_bytes()
        if name == "CycleGAN":  # no noise: known without the seed
            with torch.no_grad():
                made = module(Folder(superposed)[number]["image"][None])[0]
            torch.testing.assert_close(Folder(out)[number]["image"], made, atol=0.51 / 255, rtol=0)
    manifest = json.loads((out / MANIFEST).read_text())
    assert (manifest["variant"], manifest["hands"], manifest["seed"], manifest["size"]) == (name, "RBG", 5, SIDE)
    assert manifest["checkpoint"] == file_checksum(path)
    assert manifest["written"] == {"pictures": 3, "masks": 3}


def test_without_a_generator_the_hands_stay_as_they_are(simulated, superposed, tmp_path):
    for source, folder, variant in ((simulated, simulated / "hands", "CBG"), (superposed, superposed, "RBG")):
        out = tmp_path / variant
        assert generate(source, out) == 0
        assert json.loads((out / MANIFEST).read_text())["variant"] == variant
        for number in range(3):
            assert torch.equal(Folder(out)[number]["image"], Folder(folder)[number]["image"])


def test_labels_go_with_pictures_to_the_size_the_generator_was_trained_at(simulated, checkpoint, tmp_path):
    out = tmp_path / "out"
    assert generate(simulated, out, "--checkpoint", checkpoint) == 0
    for number in range(3):
        sample = Folder(out)[number]
        assert sample["image"].shape == (3, SIDE, SIDE)
        projected = sample["joints_3d"] @ sample["K"].T
        np.testing.assert_allclose(projected[:, :2] / projected[:, 2:], sample["joints_2d"], atol=1e-3)
        mask = cv2.imread(str(out / "masks" / f"{number:08d}.png"), cv2.IMREAD_GRAYSCALE)
        column, row = sample["joints_2d"].round().long().T.numpy()
        assert (cv2.dilate(mask, np.ones((3, 3)))[row, column] == 255).all()
        assert set(np.unique(mask)) == {0, 255}


def test_an_interrupted_making_goes_on_and_ends_in_the_same_pictures(superposed, checkpoint, tmp_path, capsys):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    for out in (whole, broken):
        assert generate(superposed, out, "--checkpoint", checkpoint) == 0
    kept = broken / "images" / "00000000.png"
    before = kept.stat().st_mtime_ns
    (broken / "images" / "00000001.png").unlink()
    (broken / "labels.npz").unlink()
    assert generate(superposed, broken, "--checkpoint", checkpoint) == 0
    assert kept.stat().st_mtime_ns == before
    for path in whole.rglob("*.*"):
        assert (broken / path.relative_to(whole)).read_bytes() == path.read_bytes()
    other = tmp_path / "other"
    assert generate(superposed, other, "--checkpoint", checkpoint, "--seed", 1) == 0
    assert (other / "images" / kept.name).read_bytes() != kept.read_bytes()  # the noise is the seed's
    assert generate(superposed, broken, "--checkpoint", checkpoint, "--seed", 1) == 2
    assert "found seed = 0; expected seed = 1" in capsys.readouterr().err


def test_what_is_made_trains_other_methods(superposed, checkpoint, tmp_path):
    out = tmp_path / "out"
    assert generate(superposed, out, "--checkpoint", checkpoint) == 0
    data = FolderDataModule(str(out), batch_size=2, image_size=SIDE, val_fraction=0.34)
    data.setup("fit")
    batch = next(iter(data.train_dataloader()))
    assert batch["image"].shape == (2, 3, SIDE, SIDE)
    assert {"joints_2d", "joints_3d", "K", "side"} <= batch.keys()


def test_a_folder_without_labels_and_one_with_other_files_are_refused(superposed, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert generate(tmp_path / "empty", tmp_path / "out") == 2
    assert "no labels.npz" in capsys.readouterr().err
    assert generate(superposed, superposed) == 2
    assert "a folder with other files in it" in capsys.readouterr().err
    assert generate(superposed, tmp_path / "out", "--checkpoint", superposed / "labels.npz") == 2

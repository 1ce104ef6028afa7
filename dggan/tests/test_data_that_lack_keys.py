"""Data without what a stage learns from are refused before the first batch, by name, in fit and in a recipe."""

import cv2
import numpy as np
import pytest

from handpose_core.cli.main import main

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def flat_labels(tmp_path):
    """Pictures with joints in 2D alone."""
    root = tmp_path / "pictures"
    root.mkdir()
    rng = np.random.default_rng(0)
    for number in range(6):
        cv2.imwrite(str(root / f"{number}.png"), rng.integers(0, 255, (64, 64, 3), np.uint8))
    joints = np.float32(rng.uniform(8, 56, (6, 21, 2)))
    np.savez(root / "labels.npz", joints_2d=joints)
    return root


def test_a_folder_with_2d_labels_is_refused_before_the_first_batch(flat_labels, tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    data = ["--data", "Folder", "--data.root", str(flat_labels), "--data.side", "right"]
    run = ["--run_dir", str(tmp_path / "run"), "--trainer.accelerator", "cpu"]
    assert main(["dggan", "fit", "--config", "demo-1-regression", *data, *run]) == 2
    said = capfd.readouterr().err
    assert "joints_3d" in said
    assert "Traceback" not in said
    assert not list(tmp_path.rglob("*.ckpt"))


def test_a_recipe_looks_for_the_data_of_all_its_stages_before_the_first(tmp_path, monkeypatch, capfd):
    """The second stage's source data are missing: the first is not trained."""
    monkeypatch.setenv("WANDB_MODE", "disabled")
    monkeypatch.chdir(tmp_path)
    assert main(["data", "synth", "--like", "rhd", "--frames", "20", "own"]) == 0
    command = ["recipe", "dggan/demo", "--data.root", "own", "--run_dir", "run", "--trainer.accelerator", "cpu"]
    assert main(command) == 2
    said = capfd.readouterr().err
    assert "data/synth, where nothing is" in said
    assert not list(tmp_path.rglob("*.ckpt"))

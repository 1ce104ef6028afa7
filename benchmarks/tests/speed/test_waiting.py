import json

import pytest
import pytorch_lightning as pl

from handpose_benchmarks.speed import waiting
from handpose_benchmarks.speed.waiting import WaitingShare


def test_waiting_is_what_passes_between_steps(tmp_path, monkeypatch):
    clock = iter([0.0, 1.0, 9.0, 10.0, 10.5, 12.0, 13.0, 15.0])  # begin, end of four steps
    trainer, module = pl.Trainer(logger=False, enable_checkpointing=False), pl.LightningModule()
    monkeypatch.setattr(waiting.time, "perf_counter", lambda: next(clock))
    share = WaitingShare(str(tmp_path / "share.json"))
    for number in range(4):
        share.on_train_batch_start(trainer, module, {}, number)
        share.on_train_batch_end(trainer, module, None, {}, number)
    share.on_train_end(trainer, module)
    # the first two steps do not count: 10 to 10.5 and 12 to 13 is waiting, 10.5 to 12 and 13 to 15 are steps
    assert json.loads((tmp_path / "share.json").read_text()) == {"waiting": 1.5, "step": 3.5}


def test_a_recipe_that_does_not_run_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(waiting, "STEPS", 1)
    skipped = waiting._figure("dggan", "demo-1-regression", tmp_path)  # no data there
    assert skipped.name == "busy with the step, dggan demo-1-regression"
    assert "training/anno_training.pickle" in skipped.reason


@pytest.mark.parametrize("scale", ["demo", "paper"])
def test_a_recipe_of_two_folders_gets_the_same_pictures_as_both(tmp_path, scale):
    pictures = str(tmp_path / "training" / "color")
    found = waiting._data("tagan", f"{scale}-cyclegan", tmp_path)
    assert found == ("--data.root", pictures, "--data.simulated", pictures)
    assert waiting._data("tagan", f"{scale}-tagan", tmp_path) == ("--data", "RHD", "--data.root", str(tmp_path))


@pytest.fixture(autouse=True)
def _quiet(monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")

"""Checkpoints of trainings: in parts, and within epochs."""

import json

import pytest
import pytorch_lightning as pl
import torch
import yaml

from handpose_core.errors import HandposeError
from handpose_core.training.callbacks_checkpoints import LastCheckpoint

pytestmark = pytest.mark.filterwarnings(
    "ignore:The .* does not have many workers",
    "ignore:The number of training batches",
    "ignore:GPU available but not used",
    "ignore::DeprecationWarning",  # Lightning of jsonargparse
    "ignore:.*LeafSpec:FutureWarning",
)


def _config(path):
    return yaml.safe_load(path.read_text())


PARTS = (
    "--trainer.plugins+=handpose_core.io.checkpoint_parts.CheckpointParts",
    "--trainer.plugins.largest_mb",
    "0.002",
)


@pytest.mark.filterwarnings("ignore:The dirpath has changed")
def test_checkpoints_in_parts_are_gone_on_with_tested_and_begun_from(tiny, tmp_path):
    assert tiny("fit", "--config", "tiny", "--run_dir", "run", *PARTS) == 0
    checkpoints = tmp_path / "run" / "fit" / "checkpoints"
    assert max(file.stat().st_size for file in checkpoints.iterdir()) <= 2000
    assert {file.name for file in checkpoints.glob("*.ckpt")} == {"best.ckpt", "last.ckpt"}
    best, last = (str(checkpoints / f"{name}.ckpt") for name in ("best", "last"))
    more = ("--ckpt_path", last, "--run_dir", "run", "--trainer.max_epochs", "2")
    assert tiny("fit", "--config", "tiny", *more) == 0
    whole = torch.load(tmp_path / "run/fit_2/checkpoints/last.ckpt", weights_only=True)
    assert whole["epoch"] == 1
    assert tiny("test", "--ckpt_path", best, "--data", "TinyHands", "--run_dir", "run") == 0
    assert json.loads((tmp_path / "run/test/results.json").read_text())["checkpoint"] == best
    assert _config(tmp_path / "run" / "test" / "config.yaml")["model"]["width"] == 4
    assert tiny("fit", "--config", "tiny", "--init_from", best, "--run_dir", "other") == 0


class Watch(pl.Callback):
    """Notes the step of the last checkpoint at each step's beginning."""

    def __init__(self, path):
        self.path, self.steps = path, []

    def on_train_batch_start(self, trainer, *_):
        saved = torch.load(self.path, weights_only=True)["global_step"] if self.path.is_file() else None
        self.steps.append((trainer.global_step, saved))


@pytest.mark.parametrize(
    ("minutes", "expected"), [(1e-9, [None, 1, 2, 3]), (60.0, [None, None, 2, 2]), (None, [None, None, 2, 2])]
)
def test_the_last_checkpoint_is_written_within_epochs_too(tiny, tmp_path, minutes, expected):
    from tinymethod.data import TinyHands
    from tinymethod.module import TinyModule

    watch = Watch(tmp_path / "last.ckpt")
    callbacks = [watch, LastCheckpoint(tmp_path, every_minutes=minutes)]
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    trainer = pl.Trainer(max_epochs=2, limit_train_batches=2, limit_val_batches=0, callbacks=callbacks, **quiet)
    trainer.fit(TinyModule(), TinyHands())
    assert watch.steps == list(zip(range(4), expected, strict=True))


def test_minutes_that_are_none_are_refused():
    for minutes in (0.0, -1.0, float("nan")):
        with pytest.raises(HandposeError, match="every_minutes: found"):
            LastCheckpoint(every_minutes=minutes)

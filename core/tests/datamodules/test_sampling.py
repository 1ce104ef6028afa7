"""The order of training samples: by seed and epoch, and on from the middle of an epoch."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch

from handpose_core.datamodules.augmentation import Augmentation
from handpose_core.datamodules.cropped import Draw
from handpose_core.datamodules.rhd import RHDDataModule
from handpose_core.datamodules.sampling import TrainingSampler

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*does not have many workers",
    "ignore:.*LeafSpec:FutureWarning",
    "ignore:Checkpoint directory .* exists and is not empty",
)
SCRIPT = """
import os, sys, signal, warnings
import torch, pytorch_lightning as pl
from core.tests.datamodules.test_sampling import Notes, data_of, trainer_of
root, folder, kill_at = sys.argv[1:]
pl.seed_everything(3, verbose=False)
trainer_of(folder).fit(Notes(int(kill_at)), data_of(root, workers=2))
"""


class Notes(pl.LightningModule):
    """Notes each batch in the order of training; dies as if killed once it is past some step."""

    def __init__(self, kill_at=-1):
        super().__init__()
        self.layer, self.kill_at, self.seen = torch.nn.Linear(1, 1), kill_at, []

    def training_step(self, batch, batch_idx):
        if self.global_step == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.seen.append((self.current_epoch, batch_idx, batch["frame"].tolist(), float(batch["K"].sum())))
        return self.layer(batch["K"][:, 0, :1]).mean()

    def validation_step(self, batch):
        pass

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 1e-9)


def data_of(root, workers=0):
    return RHDDataModule(
        str(root), batch_size=2, num_workers=workers, image_size=16, val_fraction=0.25, augmentation=Augmentation()
    )


def trainer_of(folder, epochs=3):
    saved = pl.callbacks.ModelCheckpoint(folder, filename="{step}", every_n_train_steps=1, save_top_k=-1)
    return pl.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        callbacks=[saved],
        enable_progress_bar=False,
        enable_model_summary=False,
        limit_val_batches=0,
        default_root_dir=folder,
    )


@pytest.fixture
def whole_run(rhd_root, tmp_path):
    """What a run of three epochs sees that nothing disturbs: 9 samples, 5 batches an epoch."""
    pl.seed_everything(3, verbose=False)
    module = Notes()
    trainer_of(tmp_path / "whole").fit(module, data_of(rhd_root))
    return module.seen


@pytest.mark.parametrize("kill_at", [3, 7])
def test_a_killed_fit_goes_on_with_the_samples_not_yet_seen(rhd_root, tmp_path, whole_run, kill_at):
    folder = tmp_path / "killed"
    killed = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(rhd_root), str(folder), str(kill_at)],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    last = folder / f"step={kill_at}.ckpt"
    pl.seed_everything(99, verbose=False)  # the order comes from the checkpoint
    module = Notes()
    trainer_of(folder).fit(module, data_of(rhd_root), ckpt_path=last)
    assert module.seen == whole_run[kill_at:]


def test_a_run_resumed_between_epochs_goes_on_with_the_next(rhd_root, tmp_path, whole_run):
    pl.seed_everything(3, verbose=False)
    trainer_of(tmp_path / "one", epochs=1).fit(Notes(), data_of(rhd_root))
    module = Notes()
    trainer_of(tmp_path / "one").fit(module, data_of(rhd_root), ckpt_path=tmp_path / "one" / "step=5.ckpt")
    assert module.seen == whole_run[5:]


def test_every_epoch_sees_every_sample(whole_run):
    for epoch in range(3):
        frames = [frame for number, _, batch, _ in whole_run if number == epoch for frame in batch]
        assert len(frames) == len(set(frames)) == 9
    orders = [[batch for number, _, batch, _ in whole_run if number == epoch] for epoch in range(3)]
    assert orders[0] != orders[1] != orders[2]


@pytest.mark.parametrize("taken", [0, 1, 4, 5])
def test_a_loaders_state_goes_on_where_it_was_taken(rhd_root, taken):
    def loader():
        data = data_of(rhd_root)
        data.setup("fit")
        return data.train_dataloader()

    first = loader()
    batches = iter(first)
    for _ in range(taken):
        next(batches)
    state = first.state_dict()
    rest = [batch["frame"].tolist() for batch in batches]
    second = loader()
    second.load_state_dict(state)
    resumed = [batch["frame"].tolist() for batch in second]
    assert resumed == (rest or [batch["frame"].tolist() for batch in first])


def test_the_sampler_draws_an_order_an_epoch():
    sampler = TrainingSampler(range(5), 1, 0, seed=4)
    first = list(sampler)
    assert sorted(first) == [Draw(i, 4, 0) for i in range(5)]
    sampler.set_epoch(1)
    sampler.skip = 3
    rest = list(sampler)
    assert len(rest) == 2
    assert list(sampler)[3:] == rest  # what was skipped is back in the next pass


@pytest.mark.filterwarnings("ignore:.*overfit")
def test_overfit_batches_still_trains(rhd_root, tmp_path):
    trainer = pl.Trainer(
        max_epochs=2,
        overfit_batches=1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
    )
    module = Notes()
    trainer.fit(module, data_of(rhd_root))
    assert module.seen[0][2] == module.seen[1][2]

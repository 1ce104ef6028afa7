"""Two real processes under Lightning: a killed training goes on in each, and a test counts every sample once."""

import json
import os
import signal
import subprocess
import sys
from itertools import chain
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch

from handpose_core.datamodules.rhd import RHDDataModule

SCRIPT = """
import sys
from core.tests.datamodules import test_two_processes
getattr(test_two_processes, sys.argv[1])(*sys.argv[2:])
"""
STEPS, KILL_AT = 4, 3
"""Of an epoch in each process (8 samples, in batches of one), and where the first training is killed."""


class Notes(pl.LightningModule):
    """Writes down what each process trains on; the first ends all of them once it is past some step."""

    def __init__(self, folder, kill_at):
        super().__init__()
        self.layer, self.folder, self.kill_at = torch.nn.Linear(1, 1), folder, kill_at

    def training_step(self, batch):
        if self.global_step == self.kill_at and self.global_rank == 0:
            os.killpg(0, signal.SIGKILL)
        with (self.folder / f"seen_{self.global_rank}.txt").open("a") as file:
            file.write(f"{self.current_epoch} {int(batch['frame'])}\n")
        return self.layer(batch["K"][:, 0, :1]).mean()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 1e-9)


def data_of(root, batch_size):
    return RHDDataModule(str(root), batch_size, num_workers=1, image_size=16, val_fraction=1 / 3)


def trainer_of(folder, devices, **options):
    several = {"strategy": "ddp_notebook"} if devices > 1 else {}  # forks
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "limit_val_batches": 0}
    return pl.Trainer(accelerator="cpu", devices=devices, default_root_dir=folder, **several, **quiet, **options)


def fit(root, folder, seed, kill_at, *checkpoint):
    """Train for two epochs in two processes; run by `run`."""
    pl.seed_everything(int(seed), verbose=False)
    folder = Path(folder)
    saved = pl.callbacks.ModelCheckpoint(folder, filename="{step}", every_n_train_steps=1, save_top_k=-1)
    trainer = trainer_of(folder, 2, max_epochs=2, callbacks=[saved])
    trainer.fit(Notes(folder, int(kill_at)), data_of(root, 1), ckpt_path=next(iter(checkpoint), None))


class Tested(pl.Callback):
    """Keeps the rows of each process."""

    def on_test_end(self, trainer, pl_module):
        rows = [{"samples": row.score.n_samples, **row.score.scalars()} for row in pl_module.results]
        path = Path(trainer.default_root_dir) / f"rows_{trainer.world_size}_{trainer.global_rank}.json"
        path.write_text(json.dumps(rows))


def evaluate(root, folder):
    """Test by two processes, then by one; run by `run`."""
    from core.tests.training.tinymethod.module import TinyModule

    torch.set_num_threads(1)
    torch.manual_seed(0)
    module = TinyModule(scale_mm=30.0)
    for devices in (2, 1):
        trainer_of(folder, devices, callbacks=[Tested()]).test(module, data_of(root, 2), verbose=False)


def run(name, *arguments):
    """A function of this module in a fresh process that may fork, in a group of its own."""
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, name, *map(str, arguments)],
        cwd=Path(__file__).parents[3],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        start_new_session=True,
        capture_output=True,
        text=True,
        timeout=300,
    )


def seen(folder):
    """For each of the two processes the (epoch, frame) of every step."""
    texts = [(folder / f"seen_{rank}.txt").read_text() for rank in range(2)]
    return [[tuple(map(int, line.split())) for line in text.splitlines()] for text in texts]


def test_a_killed_training_goes_on_in_each_process_with_what_it_had_not_seen(rhd_root, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    killed = run("fit", rhd_root, first, 3, KILL_AT)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    resumed = run("fit", rhd_root, second, 99, -1, first / f"step={KILL_AT}.ckpt")  # the order is the checkpoint's
    assert resumed.returncode == 0, resumed.stderr
    # the other process may have begun the step at which the first was killed
    before = [steps[:KILL_AT] for steps in seen(first)]
    whole = [early + late for early, late in zip(before, seen(second), strict=True)]
    epochs = [[[frame for number, frame in steps if number == epoch] for steps in whole] for epoch in range(2)]
    assert [len(steps) for steps in before] == [KILL_AT, KILL_AT]
    for epoch in epochs:
        assert [len(frames) for frames in epoch] == [STEPS, STEPS]
        assert len(set(chain(*epoch))) == 2 * STEPS  # each sample once, in one of the processes
    assert epochs[0] != epochs[1]


def test_two_processes_score_each_sample_once(rhd_root, tmp_path):
    tested = run("evaluate", rhd_root, tmp_path)
    assert tested.returncode == 0, tested.stderr
    first, second, alone = (json.loads((tmp_path / f"rows_{name}.json").read_text()) for name in ("2_0", "2_1", "1_0"))
    assert first == second
    assert {row["samples"] for row in first} == {7}
    assert len(first) == len(alone) > 4
    for together, single in zip(first, alone, strict=True):
        assert together == pytest.approx(single, rel=1e-5)

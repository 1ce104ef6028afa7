"""Two processes train every stage as one does that sees the same batches whole, and end with the same weights."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from dggan.tests.stages import SIZES, STAGES, samples
from torch.utils.data import DataLoader

from handpose_core.datasets.sample import collate
from handpose_core.errors import HandposeError
from handpose_dggan.module import DGGANModule

SCRIPT = """
import sys
from dggan.tests import test_two_processes_dggan
test_two_processes_dggan.train_all(*sys.argv[1:])
"""
BATCH, EPOCHS = 4, 2
OPTIONS = SIZES | {
    "optimizer": lambda parameters: torch.optim.SGD(parameters, lr=5e-2),
    "gan_optimizer": lambda parameters: torch.optim.SGD(parameters, lr=5e-2),
}


class Notes(pl.Callback):
    """Keeps the losses of every step, and a sum of the weights at the end."""

    def __init__(self, path):
        self.path, self.losses = path, []

    def on_train_batch_end(self, trainer, pl_module, *_):
        self.losses.append({name: value.item() for name, value in trainer.callback_metrics.items()})

    def on_train_end(self, trainer, pl_module):
        weights = {name: p.double().square().sum().item() for name, p in pl_module.named_parameters()}
        path = self.path.with_name(f"{self.path.name}_{trainer.global_rank}.json")
        path.write_text(json.dumps({"losses": self.losses, "weights": weights}))


class Ordered(pl.LightningDataModule):
    """The samples in fixed order, dealt out to the processes in turn: a step of all is a batch of one's."""

    def __init__(self, data):
        super().__init__()
        self.data = data

    def train_dataloader(self):
        own = self.data[self.trainer.global_rank :: self.trainer.world_size]
        return DataLoader(own, BATCH // self.trainer.world_size, collate_fn=collate)


def train(stage, data, strategy, devices, path):
    """Train a stage on batches of `BATCH` in fixed order, the processes' shares taken together."""
    torch.manual_seed(0)
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = pl.Trainer(
        max_epochs=EPOCHS, accelerator="cpu", devices=devices, strategy=strategy, enable_checkpointing=False,
        use_distributed_sampler=False, callbacks=[Notes(path)], **quiet,
    )  # fmt: skip
    module = DGGANModule(**OPTIONS, objective=STAGES[stage], clip=1.0)
    trainer.fit(module, Ordered(data))


def train_all(folder):
    """Every stage by one process and by two; run in a process that may fork."""
    folder = Path(folder)
    data = samples(torch.load(folder / "batch.pt", weights_only=True))
    torch.set_num_threads(1)
    for stage, objective in STAGES.items():
        several = "ddp_notebook_find_unused_parameters_true" if objective.adversarial else "ddp_notebook"
        train(stage, data, several, 2, folder / f"{stage}, two")
        train(stage, data, "auto", 1, folder / f"{stage}, one")
    try:
        train("depth", data, "ddp_notebook", 2, folder / "waiting")
    except torch.multiprocessing.ProcessRaisedException as error:
        (folder / "refused.txt").write_text(str(error))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Makes a folder with the notes of every training; the batch comes from the first test."""
    folder = tmp_path_factory.mktemp("trained")

    def run(batch):
        if not (folder / "batch.pt").exists():
            torch.save({key: torch.cat([value, value.roll(1, 0)]) for key, value in batch.items()}, folder / "batch.pt")
            command = [sys.executable, "-c", SCRIPT, str(folder)]
            env = {**os.environ, "OMP_NUM_THREADS": "1"}
            done = subprocess.run(
                command, cwd=Path(__file__).parents[2], env=env, capture_output=True, text=True, timeout=240
            )
            assert done.returncode == 0, done.stderr
        return folder

    return run


def notes(folder, name, rank):
    return json.loads((folder / f"{name}_{rank}.json").read_text())


@pytest.mark.parametrize("stage", STAGES)
def test_two_processes_train_as_one(stage, trained, depth_batch):
    folder = trained(depth_batch)
    alone, first, second = (
        notes(folder, *which) for which in ((f"{stage}, one", 0), (f"{stage}, two", 0), (f"{stage}, two", 1))
    )
    assert len(alone["losses"]) == len(first["losses"]) == EPOCHS * 2
    assert first["weights"] == second["weights"]
    for expected, *shares in zip(alone["losses"], first["losses"], second["losses"], strict=True):
        means = {name: (shares[0][name] + shares[1][name]) / 2 for name in expected}
        assert means == pytest.approx(expected, rel=1e-4)
    assert alone["losses"][-1]["train/loss"] != pytest.approx(alone["losses"][0]["train/loss"], rel=1e-2)
    assert first["weights"] == pytest.approx(alone["weights"], rel=1e-4)


def test_a_strategy_that_would_wait_for_the_judge_is_refused(trained, depth_batch):
    message = (trained(depth_batch) / "refused.txt").read_text()
    assert HandposeError.__name__ in message
    assert "--trainer.strategy ddp_find_unused_parameters_true" in message

"""Two processes train every GAN as one does that sees the same batches whole, and end with the same weights."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from handpose_core.datasets.sample import collate
from handpose_core.errors import HandposeError
from handpose_core.nn.gan import DiscriminatorSize, GeneratorSize
from handpose_core.nn.unet import UNetSize
from handpose_tagan.module import TAGANModule
from handpose_tagan.networks import ConditionalSize, CycleSize
from handpose_tagan.objectives import TAGAN, CycleGAN

SCRIPT = """
import sys
from tagan.tests import test_two_processes_tagan
test_two_processes_tagan.train_all(*sys.argv[1:])
"""
BATCH, SAMPLES = 4, 8
STRATEGY = "ddp_notebook_find_unused_parameters_true"
JUDGE = DiscriminatorSize(width=4, layers=2)
NETWORK = UNetSize(width=4, downs=3, norm="instance", dropout=0.0)
OBJECTIVES = {
    "tagan": TAGAN(size=ConditionalSize(generator=NETWORK, discriminator=JUDGE)),
    # without a pool: what it gives back is drawn in each process
    "cyclegan": CycleGAN(
        sizes=CycleSize(generator=GeneratorSize(width=4, downs=1, blocks=1), discriminator=JUDGE, pool=0)
    ),
}


class Notes(pl.Callback):
    """Keeps the sum of the weights' squares at the end."""

    def __init__(self, path):
        self.path = path

    def on_train_end(self, trainer, pl_module):
        weights = {name: p.double().square().sum().item() for name, p in pl_module.named_parameters()}
        self.path.with_name(f"{self.path.name}_{trainer.global_rank}.json").write_text(json.dumps(weights))


class Ordered(pl.LightningDataModule):
    """Images in fixed order, dealt out to the processes in turn: a step of all is a batch of one's."""

    def train_dataloader(self):
        images = torch.rand(2, SAMPLES, 3, 32, 32, generator=torch.Generator().manual_seed(0))
        samples = [{"image": image, "simulated": other} for image, other in zip(*images, strict=True)]
        own = samples[self.trainer.global_rank :: self.trainer.world_size]
        return DataLoader(own, BATCH // self.trainer.world_size, collate_fn=collate)


def train(objective, strategy, devices, path):
    torch.manual_seed(0)
    trainer = pl.Trainer(
        max_epochs=1, accelerator="cpu", devices=devices, strategy=strategy, enable_checkpointing=False,
        use_distributed_sampler=False, callbacks=[Notes(path)], logger=False, enable_progress_bar=False,
        enable_model_summary=False,
    )  # fmt: skip
    optimizer = {"optimizer": lambda parameters: torch.optim.SGD(parameters, lr=1e-3)}
    trainer.fit(TAGANModule(OBJECTIVES[objective], kernel=5, **optimizer), Ordered())


def train_all(folder):
    """Each by two processes and by one; run in a process that may fork."""
    torch.set_num_threads(1)
    for name in OBJECTIVES:
        train(name, STRATEGY, 2, Path(folder) / f"{name}, two")
        train(name, "auto", 1, Path(folder) / f"{name}, one")
    try:
        train("tagan", "ddp_notebook", 2, Path(folder) / "waiting")
    except torch.multiprocessing.ProcessRaisedException as error:
        (Path(folder) / "refused.txt").write_text(str(error))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder with the notes of every training."""
    folder = tmp_path_factory.mktemp("trained")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder)], cwd=Path(__file__).parents[2],
        env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=400,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


def notes(folder, name, rank):
    return json.loads((folder / f"{name}_{rank}.json").read_text())


@pytest.mark.parametrize("name", OBJECTIVES)
def test_two_processes_train_as_one(name, trained):
    alone, first, second = notes(trained, f"{name}, one", 0), *(notes(trained, f"{name}, two", rank) for rank in (0, 1))
    assert first == second
    assert first == pytest.approx(alone, rel=1e-4)
    fresh = {n: p.double().square().sum().item() for n, p in seeded(name).named_parameters()}
    assert first != pytest.approx(fresh, rel=1e-4)


def seeded(name):
    torch.manual_seed(0)
    return TAGANModule(OBJECTIVES[name], kernel=5)


def test_a_strategy_that_would_wait_is_refused(trained):
    message = (trained / "refused.txt").read_text()
    assert HandposeError.__name__ in message
    assert "--trainer.strategy ddp_find_unused_parameters_true" in message

"""Two processes train every stage as one does that sees the same clips whole, and end with the same weights.

What differs between processes by design is kept still: batch normalisation uses its running means (each process would
norm by its own share, as with any strategy that does not synchronise them), and no past is dropped at random.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from tassn.tests.tiny import SIZES
from torch import nn
from torch.utils.data import DataLoader

from handpose_core.datasets.sample import collate
from handpose_tassn.module import TASSNModule
from handpose_tassn.objectives import EndToEnd, HeatmapObjective, MeshPretraining, SilhouetteMesh
from handpose_tassn.terms import BoneConstancy, Plausibility, Projection, SilhouetteTerm

SCRIPT = """
import sys
from tassn.tests import test_two_processes_tassn
test_two_processes_tassn.train_all(*sys.argv[1:])
"""
BATCH, EPOCHS = 4, 2
STAGES = {
    "pretraining": MeshPretraining(),
    "heatmaps": HeatmapObjective(),
    "silhouettes": SilhouetteMesh(silhouette=SilhouetteTerm(size=32)),
    "consistency": EndToEnd(silhouette=SilhouetteTerm(size=32)),
    "all terms": EndToEnd(
        silhouette=SilhouetteTerm(size=32), bones=BoneConstancy(), limits=Plausibility(), projection=Projection()
    ),
}
OPTIONS = {**SIZES, "optimizer": lambda parameters: torch.optim.SGD(parameters, lr=1e-2), "drop": 0.0}


class Notes(pl.Callback):
    """Keeps the losses of every step, and a sum of the weights at the end; holds batch normalisation still."""

    def __init__(self, path):
        self.path, self.losses = path, []

    def on_train_batch_start(self, trainer, pl_module, *_):
        for layer in pl_module.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.eval()

    def on_train_batch_end(self, trainer, pl_module, *_):
        self.losses.append({name: value.item() for name, value in trainer.callback_metrics.items()})

    def on_train_end(self, trainer, pl_module):
        weights = {name: p.double().square().sum().item() for name, p in pl_module.named_parameters()}
        path = self.path.with_name(f"{self.path.name}_{trainer.global_rank}.json")
        path.write_text(json.dumps({"losses": self.losses, "weights": weights}))


class Ordered(pl.LightningDataModule):
    """The clips in fixed order, dealt out to the processes in turn: a step of all is a batch of one's."""

    def __init__(self, data):
        super().__init__()
        self.data = data

    def train_dataloader(self):
        own = self.data[self.trainer.global_rank :: self.trainer.world_size]
        return DataLoader(own, BATCH // self.trainer.world_size, collate_fn=collate)


def train(stage, data, strategy, devices, path):
    """Train a stage on batches of `BATCH` clips in fixed order, the processes' shares taken together."""
    torch.manual_seed(0)
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = pl.Trainer(
        max_epochs=EPOCHS, accelerator="cpu", devices=devices, strategy=strategy, enable_checkpointing=False,
        use_distributed_sampler=False, callbacks=[Notes(path)], gradient_clip_val=1.0, **quiet,
    )  # fmt: skip
    module = TASSNModule(**OPTIONS, objective=STAGES[stage])
    with torch.no_grad():  # so that the past says something
        module.network.hourglass.stem[0].weight.normal_(std=0.05)
    trainer.fit(module, Ordered(data))


def train_all(folder):
    """Every stage by one process and by two; run in a process that may fork."""
    folder = Path(folder)
    batch = torch.load(folder / "clips.pt", weights_only=True)
    data = [{key: value[i] for key, value in batch.items()} for i in range(len(batch["image"]))]
    torch.set_num_threads(1)
    for stage in STAGES:
        train(stage, data, "ddp_notebook_find_unused_parameters_true", 2, folder / f"{stage}, two")
        train(stage, data, "auto", 1, folder / f"{stage}, one")


@pytest.fixture(scope="module")
def trained(tmp_path_factory, drawn):
    """A folder with the notes of every training: of eight clips, of which no two are alike."""
    folder = tmp_path_factory.mktemp("trained")
    noise = torch.Generator().manual_seed(0)
    clips = {key: torch.cat([value] * 4) for key, value in drawn.items()}
    clips["image"] = (clips["image"] + 0.1 * torch.randn(clips["image"].shape, generator=noise)).clamp(0, 1)
    torch.save(clips, folder / "clips.pt")
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", SCRIPT, str(folder)]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], env=env, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr
    return folder


def notes(folder, name, rank):
    return json.loads((folder / f"{name}_{rank}.json").read_text())


@pytest.mark.parametrize("stage", STAGES)
def test_two_processes_train_as_one(stage, trained):
    alone, first, second = (
        notes(trained, *which) for which in ((f"{stage}, one", 0), (f"{stage}, two", 0), (f"{stage}, two", 1))
    )
    assert len(alone["losses"]) == len(first["losses"]) == EPOCHS * 2
    assert first["weights"] == second["weights"]
    for expected, *shares in zip(alone["losses"], first["losses"], second["losses"], strict=True):
        means = {name: (shares[0][name] + shares[1][name]) / 2 for name in expected}
        assert means == pytest.approx(expected, rel=1e-4, abs=1e-7)
    assert alone["losses"][-1]["train/loss"] != pytest.approx(alone["losses"][0]["train/loss"], rel=1e-3)
    assert first["weights"] == pytest.approx(alone["weights"], rel=1e-4)

"""Two processes train as one does that sees the same batches whole: what the methods' tests of it have in common."""

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

BATCH = 4
SEVERAL = "ddp_notebook"
SEVERAL_UNUSED = "ddp_notebook_find_unused_parameters_true"
ROOT = Path(__file__).parents[3]


class Notes(pl.Callback):
    """Keeps the losses of every step, and a sum of the weights at the end."""

    def __init__(self, path):
        self.path, self.losses = path, []

    def on_train_batch_end(self, trainer, pl_module, *_):
        self.losses.append({name: value.item() for name, value in trainer.callback_metrics.items()})

    def on_train_end(self, trainer, pl_module):
        path = self.path.with_name(f"{self.path.name}_{trainer.global_rank}.json")
        path.write_text(json.dumps({"losses": self.losses, "weights": weights(pl_module)}))


class Ordered(pl.LightningDataModule):
    """The samples in fixed order, dealt out to the processes in turn: a step of all is a batch of one's."""

    def __init__(self, data):
        super().__init__()
        self.data = data

    def train_dataloader(self):
        own = self.data[self.trainer.global_rank :: self.trainer.world_size]
        return DataLoader(own, BATCH // self.trainer.world_size, collate_fn=collate)


def weights(module):
    return {name: p.double().square().sum().item() for name, p in module.named_parameters()}


def train(module, data, strategy, devices, path, epochs=2, callbacks=(), **options):
    """Train on batches of `BATCH` in fixed order, the processes' shares taken together."""
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = pl.Trainer(
        max_epochs=epochs, accelerator="cpu", devices=devices, strategy=strategy, enable_checkpointing=False,
        use_distributed_sampler=False, callbacks=[*callbacks, Notes(path)], **quiet, **options,
    )  # fmt: skip
    trainer.fit(module, Ordered(data))


def train_both(build, data, strategy, folder, name, **options):
    """Train what ``build`` makes by two processes and by one; to be called in a process that may fork."""
    torch.set_num_threads(1)
    for number, chosen, devices in (("two", strategy, 2), ("one", "auto", 1)):
        torch.manual_seed(0)
        train(build(), data, chosen, devices, folder / f"{name}, {number}", **options)


def train_refused(build, data, folder):
    """Note what is said where processes that use only some parameters would wait for each other."""
    try:
        train(build(), data, SEVERAL, 2, folder / "waiting")
    except torch.multiprocessing.ProcessRaisedException as error:
        (folder / "refused.txt").write_text(str(error))


def in_a_process(module, folder):
    """Call ``train_all(folder)`` of a test module, by its dotted name, in a fresh process."""
    script = f"import sys; from pathlib import Path; import {module} as m; m.train_all(Path(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder)], cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, timeout=400,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def assert_as_one(folder, name, steps, moved=1e-2, ratios=(), **rounding):
    """The losses of two processes are on average one's, their weights the same and one's; and something was learnt.

    Args:
        folder: where `train_both` noted its trainings.
        name: of the training.
        steps: there were.
        moved: by how much of itself the loss did, at least.
        ratios: what is logged of a batch as a whole, so that shares of it have other values.
        rounding: tolerances of squared weights, if other than a ten-thousandth.
    """

    def notes(number, rank):
        return json.loads((folder / f"{name}, {number}_{rank}.json").read_text())

    alone, first, second = notes("one", 0), notes("two", 0), notes("two", 1)
    assert len(alone["losses"]) == len(first["losses"]) == steps
    assert first["weights"] == second["weights"]
    for expected, *shares in zip(alone["losses"], first["losses"], second["losses"], strict=True):
        means = {key: (shares[0][key] + shares[1][key]) / 2 for key in expected.keys() - {*ratios}}
        assert means == pytest.approx({key: expected[key] for key in means}, rel=1e-4, abs=1e-7)
    assert first["weights"] == pytest.approx(alone["weights"], **{"rel": 1e-4, **rounding})
    assert alone["losses"][-1] != pytest.approx(alone["losses"][0], rel=moved)

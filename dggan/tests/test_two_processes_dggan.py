"""Two processes train every stage as one does that sees the same batches whole, and end with the same weights."""

from functools import partial

import pytest
import torch
from core.tests.training.as_one import (
    SEVERAL,
    SEVERAL_UNUSED,
    assert_as_one,
    in_a_process,
    train_both,
    train_refused,
)
from dggan.tests.stages import SIZES, STAGES, samples

from handpose_core.errors import HandposeError
from handpose_dggan.module import DGGANModule

OPTIONS = SIZES | {
    "optimizer": lambda parameters: torch.optim.SGD(parameters, lr=5e-2),
    "gan_optimizer": lambda parameters: torch.optim.SGD(parameters, lr=5e-2),
    "clip": 1.0,
}


def train_all(folder):
    """Every stage by one process and by two."""
    data = samples(torch.load(folder / "batch.pt", weights_only=True))
    for stage, objective in STAGES.items():
        several = SEVERAL_UNUSED if objective.adversarial else SEVERAL
        train_both(partial(DGGANModule, **OPTIONS, objective=objective), data, several, folder, stage)
    train_refused(partial(DGGANModule, **OPTIONS, objective=STAGES["depth"]), data, folder)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Makes a folder with the notes of every training; the batch comes from the first test."""
    folder = tmp_path_factory.mktemp("trained")

    def run(batch):
        if not (folder / "batch.pt").exists():
            torch.save({key: torch.cat([value, value.roll(1, 0)]) for key, value in batch.items()}, folder / "batch.pt")
            in_a_process("dggan.tests.test_two_processes_dggan", folder)
        return folder

    return run


@pytest.mark.parametrize("stage", STAGES)
def test_two_processes_train_as_one(stage, trained, depth_batch):
    assert_as_one(trained(depth_batch), stage, steps=4)


def test_a_strategy_that_would_wait_for_the_judge_is_refused(trained, depth_batch):
    message = (trained(depth_batch) / "refused.txt").read_text()
    assert HandposeError.__name__ in message
    assert "--trainer.strategy ddp_find_unused_parameters_true" in message

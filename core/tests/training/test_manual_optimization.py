"""Modules that step several optimisers: a run's length and its schedules are counted in batches."""

import pytest
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from handpose_core.errors import HandposeError
from handpose_core.training.manual_optimization import ManualOptimization
from handpose_core.training.schedules import LinearDecay, OneCycle

pytestmark = pytest.mark.filterwarnings("ignore")


class ThreeOptimisers(ManualOptimization):
    """Steps three optimisers with every batch, the last one every other time."""

    def __init__(self, schedule):
        super().__init__()
        self.automatic_optimization, self.schedule = False, schedule
        self.layers = torch.nn.ModuleList(torch.nn.Linear(1, 1) for _ in range(3))
        self.batches, self.rates = 0, []

    def training_step(self, batch, batch_idx):
        self.count_batches()
        self.batches += 1
        self.rates.append(self.optimizer_list()[0].param_groups[0]["lr"])
        for number, (layer, optimizer) in enumerate(zip(self.layers, self.optimizer_list(), strict=True)):
            if number < 2 or batch_idx % 2:
                optimizer.zero_grad()
                self.manual_backward(layer(torch.ones(1, 1)).sum())
                optimizer.step()
        self.step_schedules()

    def configure_optimizers(self):
        optimizers = [torch.optim.SGD(layer.parameters(), lr=1.0) for layer in self.layers]
        return [{"optimizer": one, "lr_scheduler": self.schedule.build(one, self.trainer)} for one in optimizers]


def trained(schedule, **length):
    module = ThreeOptimisers(schedule)
    trainer = pl.Trainer(
        **length, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(module, DataLoader(range(4)))
    return module, trainer


@pytest.mark.parametrize(("length", "batches"), [({"max_steps": 6}, 6), ({"max_epochs": 2}, 8)])
def test_steps_are_batches(length, batches):
    module, trainer = trained(LinearDecay(0.5), **length)
    assert (module.batches, trainer.global_step) == (batches, batches)


def test_a_linear_decay_is_constant_for_half_of_the_run_and_ends_at_nothing():
    """By hand: eight batches, the first four at 1, then a quarter less with each."""
    module, _ = trained(LinearDecay(0.5), max_epochs=2)
    assert module.rates == [1, 1, 1, 1, 1, 0.75, 0.5, 0.25]
    for optimizer in module.trainer.optimizers:
        assert optimizer.param_groups[0]["lr"] == 0


def test_a_one_cycle_ends_with_the_run():
    module, _ = trained(OneCycle(), max_steps=6)
    assert module.rates[-1] < 0.3 < max(module.rates)
    assert module.trainer.optimizers[0].param_groups[0]["lr"] < 0.05


@pytest.mark.parametrize("constant", [-0.1, 1.0])
def test_an_impossible_share_is_refused(constant):
    with pytest.raises(HandposeError, match="LinearDecay, constant"):
        LinearDecay(constant)

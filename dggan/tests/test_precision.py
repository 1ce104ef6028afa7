"""Lower precisions change nothing but digits: the scale of fp16 is out of gradients that are clipped or stepped."""

import copy
from contextlib import nullcontext

import pytest
import pytorch_lightning as pl
import torch
from dggan.tests.stages import NETWORKS, SIZES, STAGES, samples
from pytorch_lightning.plugins import MixedPrecision
from torch.utils.data import DataLoader

from handpose_core.datasets.sample import collate
from handpose_dggan.module import DGGANModule
from handpose_dggan.objectives import GeneratedDepth, Joined

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning's own, of a whole run
CLIP = 1e-3  # far below the gradients' norm


class ScaledOnly(MixedPrecision):
    """The loss scale without the lower precision, so that results can be compared."""

    def forward_context(self):
        return nullcontext()


def scaler(scale, growth_interval=1):
    return torch.amp.GradScaler("cpu", init_scale=scale, growth_interval=growth_interval)


def fit(batch, objective, steps=3, **options):
    """The module after some steps, and the logged losses."""
    torch.manual_seed(0)
    gan = {"gan_optimizer": lambda parameters: torch.optim.SGD(parameters, lr=1e-2)}
    module = DGGANModule(**SIZES, **gan, objective=objective, clip=CLIP)
    before = copy.deepcopy(module.state_dict())
    trainer = pl.Trainer(
        max_steps=steps, max_epochs=-1,
        accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, **options,
    )  # fmt: skip
    trainer.fit(module, DataLoader(samples(batch), 2, collate_fn=collate))
    return before, module.state_dict(), trainer.callback_metrics


def weights(state):
    return {name: value for name, value in state.items() if name.partition(".")[0] in NETWORKS}


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_trains_in_bf16(stage, depth_batch):
    _, after, losses = fit(depth_batch, STAGES[stage], precision="bf16-mixed")
    assert losses
    assert all(torch.isfinite(value).all() for value in [*after.values(), *losses.values()])


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_trains_in_fp16(stage, depth_batch):
    plugin = MixedPrecision("16-mixed", "cpu", scaler(2.0**8, 2000))
    before, after, losses = fit(depth_batch, STAGES[stage], plugins=[plugin])
    assert losses
    assert all(torch.isfinite(value).all() for value in [*after.values(), *losses.values()])
    assert any(not torch.equal(before[name], value) for name, value in weights(after).items())


@pytest.mark.parametrize("stage", STAGES)
def test_a_loss_scale_that_changes_all_the_time_changes_no_step(stage, depth_batch):
    _, expected, _ = fit(depth_batch, STAGES[stage])
    before, after, _ = fit(depth_batch, STAGES[stage], plugins=[ScaledOnly("16-mixed", "cpu", scaler(2.0**10))])
    for name, value in weights(expected).items():
        moved, by_scaled = value - before[name], after[name] - before[name]
        torch.testing.assert_close(by_scaled.float(), moved.float(), rtol=1e-3, atol=1e-8)


def test_a_step_that_overflows_is_left_out_by_every_optimiser_of_its_loss(depth_batch):
    objective = Joined(GeneratedDepth())
    before, after, _ = fit(depth_batch, objective, 1, plugins=[ScaledOnly("16-mixed", "cpu", scaler(2.0**127))])
    changed = {name.partition(".")[0] for name, value in weights(after).items() if not torch.equal(before[name], value)}
    assert changed == {"discriminator"}


def test_gradients_are_clipped_to_their_norm(depth_batch):
    before, after, _ = fit(depth_batch, Joined(None), 1)
    steps = [after[name] - value for name, value in before.items() if name.partition(".")[0] == "network"]
    norm = torch.stack([step.float().square().sum() for step in steps]).sum().sqrt().item()
    assert norm == pytest.approx(1e-3 * CLIP, rel=2e-2)  # plain SGD of rate 1e-3

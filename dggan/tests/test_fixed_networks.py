"""What an objective does not train stays as it is to the last bit: weights, and running means; and only meanwhile."""

import copy

import pytest
import pytorch_lightning as pl
import torch
from dggan.tests.stages import NETWORKS, samples, sizes
from torch.utils.data import DataLoader

from handpose_core.datasets.sample import collate
from handpose_dggan.depth import true_depth
from handpose_dggan.module import DGGANModule
from handpose_dggan.objectives import (
    DepthReconstruction,
    GeneratedDepth,
    Joined,
    Labelled,
    Regression,
    Regularisation,
    TrueDepth,
)

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning's own, of a whole run
SIZES = sizes("batch")  # pose network and regulariser have running means
OBJECTIVES = [
    (Regression(), {"network"}),
    (DepthReconstruction(), {"generator", "discriminator"}),
    (Regularisation(GeneratedDepth()), {"regulariser"}),
    (Regularisation(TrueDepth(), Labelled()), {"regulariser"}),
    (Joined(None), {"network"}),
    (Joined(TrueDepth()), {"network", "regulariser"}),
    (Joined(TrueDepth(), fixed_regulariser=True), {"network"}),
    (Joined(GeneratedDepth()), set(NETWORKS)),
    (Joined(GeneratedDepth(), fixed_regulariser=True), {"network", "generator", "discriminator"}),
]


class Watch(pl.Callback):
    """Notes at the end of every step which networks are in training, and which gather gradients."""

    def __init__(self):
        self.training, self.gathering = set(), set()

    def on_train_epoch_start(self, trainer, pl_module):
        pl_module.train()  # as anyone may, after a validation for one

    def on_train_batch_end(self, trainer, pl_module, *_):
        for name in NETWORKS:
            network = getattr(pl_module, name)
            self.training |= {name for part in network.modules() if part.training}
            self.gathering |= {name for p in network.parameters() if p.requires_grad or p.grad is not None}


def loader(batch):
    return DataLoader(samples(batch), 2, collate_fn=collate)


def trainer_of(folder, epochs, **options):
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    return pl.Trainer(max_epochs=epochs, accelerator="cpu", default_root_dir=folder, **quiet, **options)


def changed(module, before):
    """The networks of which a weight or a running mean is another."""
    after = module.state_dict()
    return {name.partition(".")[0] for name, value in before.items() if not torch.equal(value, after[name])}


@pytest.mark.parametrize(("objective", "expected"), OBJECTIVES, ids=[str(objective) for objective, _ in OBJECTIVES])
def test_what_is_not_trained_stays_the_same_and_is_given_back(objective, expected, depth_batch, tmp_path):
    torch.manual_seed(0)
    module, watch, data = DGGANModule(**SIZES, objective=objective), Watch(), loader(depth_batch)
    module.generator.requires_grad_(False)  # the user's own wish outlives a training that leaves it alone
    if "generator" in expected:
        module.generator.requires_grad_(True)
    before = copy.deepcopy(module.state_dict())
    trainer_of(tmp_path, 2, callbacks=[watch]).fit(module, data, data)
    assert changed(module, before) & set(NETWORKS) == expected
    assert watch.training == watch.gathering == expected
    assert all(part.training for name in NETWORKS for part in getattr(module, name).modules())
    free = {name for name in NETWORKS if all(p.requires_grad for p in getattr(module, name).parameters())}
    assert free == {name for name in NETWORKS if name != "generator" or name in expected}


def test_a_training_that_goes_on_keeps_them_too(depth_batch, tmp_path):
    objective, data = Joined(GeneratedDepth(), fixed_regulariser=True), loader(depth_batch)
    first = trainer_of(tmp_path, 1)
    module = DGGANModule(**SIZES, objective=objective)
    first.fit(module, data, data)
    first.save_checkpoint(tmp_path / "one.ckpt")
    before = copy.deepcopy(module.state_dict())
    again, watch = DGGANModule(**SIZES, objective=objective), Watch()
    trainer_of(tmp_path, 3, callbacks=[watch]).fit(again, data, data, ckpt_path=tmp_path / "one.ckpt")
    assert changed(again, before) & set(NETWORKS) == {"network", "generator", "discriminator"}
    assert "regulariser" not in watch.training | watch.gathering


def test_the_gradient_goes_through_a_fixed_regulariser(depth_batch, tmp_path):
    """With no weight on its own losses, all that the pose network learns comes through the regulariser."""
    torch.manual_seed(0)
    objective = Joined(TrueDepth(), fixed_regulariser=True)
    module = DGGANModule(**SIZES, objective=objective, lambda_2d=0.0, lambda_z=0.0)
    before = copy.deepcopy(module.state_dict())
    trainer_of(tmp_path, 1).fit(module, loader(depth_batch))
    weights = dict(module.named_parameters())
    for part in ("pose_machine", "depth_head"):
        assert any(
            not torch.equal(before[name], weights[name]) for name in weights if name.startswith(f"network.{part}")
        )
    assert changed(module, before) & set(NETWORKS) == {"network"}


@pytest.mark.parametrize("objective", [Regression(), Joined(TrueDepth())], ids=["Regression", "TrueDepth"])
def test_a_generator_that_has_not_learnt_has_no_error(objective, depth_batch, tmp_path):
    module, data = DGGANModule(**SIZES, objective=objective), loader(depth_batch)
    trainer = trainer_of(tmp_path, 1)
    trainer.fit(module, data, data)
    assert not module.has_learnt("generator")
    assert "val/epe" in trainer.callback_metrics
    assert "val/depth_error" not in trainer.callback_metrics
    (metrics,) = trainer.test(module, data, verbose=False)
    assert "test/depth_error" not in metrics


def test_a_generator_that_has_learnt_tells_so_in_its_checkpoint(depth_batch, tmp_path):
    module, data = DGGANModule(**SIZES, objective=DepthReconstruction()), loader(depth_batch)
    trainer = trainer_of(tmp_path, 1)
    trainer.fit(module, data, data)
    assert 0 < trainer.callback_metrics["val/depth_error"] <= 1
    trainer.save_checkpoint(tmp_path / "depth.ckpt")
    again = DGGANModule.load_from_checkpoint(tmp_path / "depth.ckpt", **SIZES)
    assert again.has_learnt("generator")
    assert not again.has_learnt("regulariser")


@pytest.mark.parametrize(
    "objective",
    [DepthReconstruction(), Joined(GeneratedDepth()), Regularisation(GeneratedDepth())],
    ids=["alone", "joined", "for the regulariser"],
)
def test_a_validation_batch_is_translated_once(objective, depth_batch, tmp_path):
    module, passes = DGGANModule(**SIZES, objective=objective), []
    module.history = [{"trained": "generator, discriminator"}]
    module.generator.register_forward_hook(lambda *_: passes.append(1))
    (metrics,) = trainer_of(tmp_path, 1).validate(module, loader(depth_batch), verbose=False)
    assert len(passes) == 2  # batches
    generated = module.generator.eval()(depth_batch["image"])
    truth = true_depth(depth_batch, 16)
    error = (generated - truth.maps).abs()[truth.hand].mean().item()
    assert metrics["val/depth_error"] == pytest.approx(error, rel=1e-4)
    values = truth.maps[truth.hand]
    best = min((values - constant / 200).abs().mean().item() for constant in range(201))
    assert metrics["val/constant_depth_error"] == pytest.approx(best, abs=2e-3)

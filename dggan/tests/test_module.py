import pytest
import pytorch_lightning as pl
import torch

from handpose_core.camera import relative_depth
from handpose_core.errors import HandposeError
from handpose_core.nn.cpm import CPMSize
from handpose_core.nn.heatmaps import add_background, gaussian_heatmaps
from handpose_core.training.checkpoints import CLASS_KEY
from handpose_core.training.schedules import OneCycle
from handpose_dggan.module import DGGANModule
from handpose_dggan.networks import DepthHeadSize

SMALL = {
    "cpm": CPMSize(
        trunk=((16, 1), (32, 1), (32, 1)), features=32, stages=2, first_width=32, width=32, convolutions=1, kernel=5,
        norm="batch",
    ),
    "depth_head": DepthHeadSize(width=32, convolutions=1, kernel=3, maps=22, grid=8, hidden=64),
    "sigma": 4.0,
    "loss_size": 32,
}  # fmt: skip


def perfect_output(batch, module):
    maps = add_background(gaussian_heatmaps(batch["joints_2d"], module.sigma, 64, module.loss_size))
    return [maps], relative_depth(batch["joints_3d"])


def test_losses_vanish_on_the_truth_and_add_up_by_their_weights(batch):
    module = DGGANModule(**SMALL, lambda_2d=2.0, lambda_z=3.0)
    stages, z_rel = perfect_output(batch, module)
    assert module.losses((stages, z_rel), batch)["loss"].item() == pytest.approx(0, abs=1e-10)
    losses = module.losses(([maps + 0.1 for maps in stages], z_rel + 2), batch)
    assert losses["loss_2d"].item() == pytest.approx(0.01)
    assert losses["loss_z"].item() == pytest.approx(1.5)
    assert losses["loss"].item() == pytest.approx(2 * 0.01 + 3 * 1.5)


def test_joints_without_annotation_do_not_train(batch):
    module = DGGANModule(**SMALL)
    stages, z_rel = perfect_output(batch, module)
    batch["annotated"][0, 5] = False
    batch["joints_2d"][0, 5] = torch.nan
    batch["joints_3d"][0, 5] = torch.nan
    batch["annotated"][1, 0] = False  # without the wrist no relative depth of this hand is known
    stages[0][0, [5, 21]] += 7  # its map, and the background that depends on it
    stages[0][1, [0, 21]] += 7
    z_rel[0, 5] += 7
    z_rel[1] += 7
    assert module.losses((stages, z_rel), batch)["loss"].item() == pytest.approx(0, abs=1e-9)
    z_rel[0, 4] += 7
    assert module.losses((stages, z_rel), batch)["loss_z"].item() > 0.1


def test_decoding_the_true_maps_gives_the_true_joints(batch):
    module = DGGANModule(**SMALL)
    estimate = module.decode(perfect_output(batch, module), 64)
    assert (estimate.joints_2d - batch["joints_2d"]).abs().max() < 0.05
    recovered = module.recover(estimate, batch, "true_root_and_scale").joints_3d
    assert (recovered - batch["joints_3d"]).norm(dim=-1).max() < 0.5


def test_one_batch_can_be_learnt_by_heart(batch):
    torch.manual_seed(0)
    module = DGGANModule(**SMALL)
    optimizer = torch.optim.AdamW(module.parameters(), lr=3e-3, weight_decay=0)
    for _ in range(250):
        optimizer.zero_grad()
        loss = module.losses(module(batch["image"]), batch)["loss"]
        loss.backward()
        optimizer.step()
    joints = module.estimate(batch, "true_root_and_scale").joints_3d  # in training mode: the batch is what it knows
    truth = batch["joints_3d"]
    error = ((joints - joints[:, :1]) - (truth - truth[:, :1])).norm(dim=-1).mean().item()
    flat = (truth[..., 2] - truth[:, :1, 2]).abs().mean().item()
    assert error < 12 < flat


def test_a_checkpoint_rebuilds_the_model(tmp_path, batch):
    module = DGGANModule(**SMALL, schedule=OneCycle(), lambda_z=0.3)
    trainer = pl.Trainer(default_root_dir=tmp_path, accelerator="cpu", logger=False)
    trainer.strategy.connect(module)
    trainer.save_checkpoint(tmp_path / "dggan.ckpt")
    again = DGGANModule.load_from_checkpoint(tmp_path / "dggan.ckpt")
    assert (again.cpm, again.depth_head, again.lambda_z) == (SMALL["cpm"], SMALL["depth_head"], 0.3)
    module.eval()
    again.eval()
    assert torch.equal(module(batch["image"])[1], again(batch["image"])[1])


def test_a_checkpoint_of_another_method_is_refused(tmp_path):
    torch.save({"state_dict": {}, CLASS_KEY: "handpose_tagan.module.TAGANModule"}, tmp_path / "other.ckpt")
    with pytest.raises(HandposeError, match="TAGANModule"):
        DGGANModule.load_from_checkpoint(tmp_path / "other.ckpt")


def test_the_thesiss_optimiser_is_the_default():
    module = DGGANModule(**SMALL)
    (configured,) = module.configure_optimizers()
    optimizer = configured["optimizer"]
    assert isinstance(optimizer, torch.optim.RMSprop)
    assert optimizer.param_groups[0]["lr"] == 2.5e-5

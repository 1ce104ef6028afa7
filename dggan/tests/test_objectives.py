"""Each objective trains what it says and nothing else, and its losses are the equations'."""

import copy

import pytest
import pytorch_lightning as pl
import torch
from core.tests.training.stand_ins import assert_stand_ins_do_not_count, losses_of
from dggan.tests.stages import NETWORKS, SIZES, samples
from torch.utils.data import DataLoader

from handpose_core.camera import relative_depth
from handpose_core.datasets.sample import collate
from handpose_core.errors import HandposeError
from handpose_core.nn.heatmaps import add_background, gaussian_heatmaps
from handpose_core.nn.unet import UNetSize
from handpose_core.training.schedules import OneCycle
from handpose_dggan.module import DGGANModule
from handpose_dggan.networks import (
    DepthRegulariser,
    DrawnRegulariser,
    PlacedDepths,
    RegulariserSize,
    RelativeDepths,
    as_places,
    read_places,
)
from handpose_dggan.objectives import (
    DepthReconstruction,
    EstimatedDepths,
    GeneratedDepth,
    Joined,
    Labelled,
    Regression,
    Regularisation,
    SteadyDepth,
    TrueDepth,
    discriminate,
    regularised,
)

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning's own, of a whole run


def trained(objective, batch, **options):
    """Which networks a step changes, and the logged losses."""
    torch.manual_seed(0)
    module = DGGANModule(**{**SIZES, **options}, objective=objective)
    before = copy.deepcopy(module.state_dict())
    trainer = pl.Trainer(
        max_epochs=2, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(module, DataLoader(samples(batch), 2, collate_fn=collate))
    changed = {
        name.partition(".")[0] for name, value in module.state_dict().items() if not torch.equal(before[name], value)
    }
    return changed & set(NETWORKS), trainer.callback_metrics


@pytest.mark.parametrize(
    ("objective", "expected"),
    [
        (Regression(), {"network"}),
        (DepthReconstruction(), {"generator", "discriminator"}),
        (Regularisation(GeneratedDepth()), {"regulariser"}),
        (Regularisation(TrueDepth(), Labelled()), {"regulariser"}),
        (Joined(None), {"network"}),
        (Joined(TrueDepth()), {"network", "regulariser"}),
        (Joined(TrueDepth(), fixed_regulariser=True), {"network"}),
        (Joined(GeneratedDepth()), set(NETWORKS)),
    ],
)
def test_a_step_changes_what_the_objective_trains(objective, expected, depth_batch):
    changed, losses = trained(objective, depth_batch)
    assert changed == expected
    assert all(torch.isfinite(value) for value in losses.values())
    assert ("train/loss_d" in losses) == objective.adversarial


def test_the_schedule_is_stepped_where_the_module_steps_itself(depth_batch):
    module = DGGANModule(**SIZES, objective=Joined(GeneratedDepth()), schedule=OneCycle(warmup=0.5))
    trainer = pl.Trainer(
        max_epochs=2, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False
    )
    trainer.fit(module, DataLoader(samples(depth_batch), 2, collate_fn=collate))
    task, generator, discriminator = module.optimizers()
    assert task.param_groups[0]["lr"] < 1e-4  # at its end: from 4e-5 over 1e-3
    assert generator.param_groups[0]["lr"] == discriminator.param_groups[0]["lr"] == 1e-4


def test_the_task_adds_up_as_3_7_and_3_1_say(depth_batch):
    module = DGGANModule(
        **SIZES, objective=Joined(TrueDepth(), lambda_dep=3.0, lambda_t=7.0), lambda_2d=2.0, lambda_z=0.5
    )
    values = module.objective.step(module, depth_batch).values
    task = 2 * values["loss_2d"] + 0.5 * values["loss_z"] + 3 * values["loss_dep"]
    assert values["loss"].item() == pytest.approx(7 * task.item())
    module.objective = Joined(GeneratedDepth(), lambda_g=5.0)
    values = module.objective.step(module, depth_batch).values
    task = 2 * values["loss_2d"] + 0.5 * values["loss_z"] + values["loss_dep"]
    assert values["loss"].item() == pytest.approx((10 * task + 5 * values["loss_gan"]).item())


def test_the_regularisers_gradient_reaches_the_depths_and_the_heatmaps(depth_batch):
    module = DGGANModule(**SIZES, objective=Joined(TrueDepth()))
    stages, z_rel = module(depth_batch["image"])
    stages[-1].retain_grad()
    z_rel.retain_grad()
    module.objective.validate(module, (stages, z_rel), depth_batch).values["loss_dep"].backward()
    assert z_rel.grad.abs().min() > 0
    assert stages[-1].grad[:, :21].abs().sum() > 0


def test_depths_at_labelled_places_leave_the_heatmaps_alone(depth_batch):
    module = DGGANModule(**SIZES, objective=Joined(TrueDepth(), EstimatedDepths()))
    with torch.no_grad():
        stages, z_rel = module(depth_batch["image"])
    output = ([stage.requires_grad_() for stage in stages], z_rel.requires_grad_())
    module.objective.validate(module, output, depth_batch).values["loss_dep"].backward()
    assert z_rel.grad.abs().min() > 0
    assert stages[-1].grad is None


def test_drawn_joints_become_maps_whose_gradient_reaches_places_and_depths():
    torch.manual_seed(0)
    form = DrawnRegulariser(cells=16, unet=UNetSize(width=4, downs=3, norm="instance", dropout=0.0))
    regulariser = DepthRegulariser(form)
    places, z_rel = (torch.rand(2, 21, 2) - 0.5).requires_grad_(), torch.randn(2, 21).requires_grad_()
    maps = regulariser(places, z_rel)
    assert maps.shape == (2, 1, form.side, form.side)
    assert maps.min() >= 0
    assert maps.max() <= 1
    maps.square().sum().backward()
    assert places.grad.abs().min() > 0
    assert z_rel.grad.abs().min() > 0


def test_a_joint_is_drawn_where_it_is():
    regulariser = DepthRegulariser(DrawnRegulariser(cells=16, sigma=0.5))
    seen = []
    regulariser.network.make_hand.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    places = as_places(torch.tensor([[23.5, 7.5]]).expand(1, 21, 2), 32)  # px of a 32 px image: cells are 2 px wide
    regulariser(places, torch.full((1, 21), -2.0))
    drawn = seen[0][0]
    # the centre of cell (11, 3) is at pixel (22.5, 6.5), that of cell (12, 4) at (24.5, 8.5): the joint lies between
    assert drawn[0, 3, 11] == drawn[0, 4, 12]
    assert drawn[0].argmax().item() in {3 * 16 + 11, 3 * 16 + 12, 4 * 16 + 11, 4 * 16 + 12}
    assert torch.allclose(drawn[21:], -2 * drawn[:21])


def test_the_generator_learns_from_the_task_and_the_judge_does_not(depth_batch):
    module = DGGANModule(**SIZES, objective=Joined(GeneratedDepth(), lambda_g=0.0))
    module.objective.step(module, depth_batch).values["loss"].backward()
    assert any(p.grad.abs().sum() > 0 for p in module.generator.parameters())
    assert all(p.grad is None or not p.grad.any() for p in module.discriminator.parameters())


def test_steady_maps_learn_from_the_judge_alone(depth_batch):
    module = DGGANModule(**SIZES, objective=Joined(SteadyDepth(), lambda_g=0.0))
    module.objective.step(module, depth_batch).values["loss"].backward()
    assert not any(p.grad.any() for p in module.generator.parameters() if p.grad is not None)
    assert any(p.grad.abs().sum() > 0 for p in module.network.parameters())
    moving = DGGANModule(**SIZES, objective=Joined(GeneratedDepth()))
    moving.load_state_dict(module.state_dict())
    first, second = (m.objective.step(m, depth_batch).values["loss_dep"] for m in (module, moving))
    assert first.item() == pytest.approx(second.item())


def test_the_judge_learns_to_tell_maps_apart():
    torch.manual_seed(0)
    module = DGGANModule(**SIZES)
    real, generated = torch.rand(8, 1, 16, 16), torch.full((8, 1, 16, 16), 0.5)
    optimizer = torch.optim.Adam(module.discriminator.parameters(), 1e-2)
    losses = []
    for _ in range(80):
        loss = discriminate(module, real, generated)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[0] == pytest.approx(0.693, abs=0.05)
    assert losses[-1] < 0.2


def test_a_regulariser_learns_depth_from_true_joints(depth_batch):
    torch.manual_seed(0)
    module = DGGANModule(
        **{**SIZES, "regulariser": RegulariserSize(widths=(32, 32))}, objective=Regularisation(TrueDepth(), Labelled())
    )
    optimizer = torch.optim.Adam(module.regulariser.parameters(), 1e-2)
    losses = []
    for _ in range(150):
        loss = module.objective.step(module, depth_batch).values["loss_dep"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]
    assert regularised(module, depth_batch).shape == (4, 1, 16, 16)


def test_paper_size_of_the_regulariser():
    with torch.device("meta"):
        network = DepthRegulariser(RegulariserSize())
        assert network(torch.empty(2, 21, 2), torch.empty(2, 21)).shape == (2, 1, 128, 128)
        assert PlacedDepths()(torch.empty(2, 21, 2), torch.empty(2, 21)).shape == (2, 63)
        assert RelativeDepths()(torch.empty(2, 21, 2), torch.empty(2, 21)).shape == (2, 21)
    widths = [63, 512, 512, 256, 128, 64, 1]
    areas = [16, 4, 4, 4, 4, 4]
    expected = sum(i * o * area + o for i, o, area in zip(widths[:-1], widths[1:], areas, strict=True))
    assert sum(p.numel() for p in network.parameters()) == expected


def test_places_read_off_true_maps_are_the_labels(batch):
    maps = add_background(gaussian_heatmaps(batch["joints_2d"], 2.0, 64, 64))
    places = as_places(batch["joints_2d"], 64)
    assert (read_places(maps * 3) - places).abs().max() < 0.02
    assert as_places(torch.tensor([[[-0.5, 63.5]]]).expand(1, 21, 2), 64)[0, 0].tolist() == [-1, 1]
    assert relative_depth(batch["joints_3d"]).shape == (4, 21)


@pytest.mark.parametrize(
    ("missing", "objective", "option"),
    [("regulariser", Joined(TrueDepth()), "model.regulariser"), ("gan", DepthReconstruction(), "model.gan")],
)
def test_a_network_that_the_recipe_leaves_out_is_named(missing, objective, option, depth_batch):
    with pytest.raises(HandposeError, match=option):
        trained(objective, depth_batch, **{missing: None})


def test_a_judge_without_real_maps_says_what_to_set(depth_batch):
    del depth_batch["unpaired_depth"]
    with pytest.raises(HandposeError, match=r"data.depth_maps.*OwnDepth"):
        trained(Joined(GeneratedDepth()), depth_batch)


@pytest.mark.parametrize(
    ("objective", "keys", "counted"),
    [
        (Regression(), ["joints_3d"], {"loss", "loss_z"}),
        (DepthReconstruction(lambda_true=1.0), ["depth"], {"loss_true"}),
        (Regularisation(TrueDepth(), Labelled()), ["depth"], {"loss", "loss_dep"}),
        (Joined(TrueDepth()), ["joints_3d", "depth"], {"loss", "loss_z", "loss_dep"}),
    ],
)
def test_samples_of_a_mixture_without_labels_do_not_count(objective, keys, counted, depth_batch):
    torch.manual_seed(0)
    method = DGGANModule(**SIZES, objective=objective).eval()
    assert_stand_ins_do_not_count(losses_of(method), depth_batch, keys, counted)

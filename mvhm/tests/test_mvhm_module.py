"""The module: what each objective trains, view groups as rows, meshes in millimetres."""

import pytest
import torch
from core.tests.training.stand_ins import assert_stand_ins_do_not_count, losses_of
from mvhm.tests.hands_in_views import SINGLE, UNET, groups

from handpose_core.camera import project, reference_length
from handpose_core.errors import HandposeError
from handpose_core.training.prediction import Estimate
from handpose_mvhm.meshes import mesh_target, metric_mesh
from handpose_mvhm.module import MVHMModule
from handpose_mvhm.networks import Concatenation, Mean, RefinedTriangulation, Triangulation
from handpose_mvhm.objectives import (
    DepthWithBothFixed,
    EndToEnd,
    FusionOnly,
    Heatmaps,
    MeshWithFixed2D,
    MultiViewEndToEnd,
)
from handpose_mvhm.view_counts import ViewCountScore, first_views
from handpose_mvhm.views import PRESENT, as_rows, drop_views, group_truth, present_views

TRAINS = {
    "heatmaps": (Heatmaps(), {"network.evidence_2d"}),
    "mesh": (MeshWithFixed2D(), {"network.evidence_mesh"}),
    "depth": (DepthWithBothFixed(), {"network.depth_head"}),
    "joined": (EndToEnd(), {"network.evidence_2d", "network.evidence_mesh", "network.depth_head"}),
    "fusion": (FusionOnly(), {"fusion"}),
    "all": (
        MultiViewEndToEnd(),
        {"network.evidence_2d", "network.evidence_mesh", "network.depth_head", "fusion"},
    ),
}
FUSIONS = {
    "concatenation": Concatenation(views=3, unet=UNET),
    "triangulation": RefinedTriangulation(hidden=8, unet=UNET),
}


def module(objective, fusion=None, **options):
    return MVHMModule(size=SINGLE, fusion=fusion, objective=objective, sigma=3.0, **options)


def truly(batch):
    """What a network that errs nowhere would say."""
    rows = as_rows(batch)
    z = rows["joints_3d"][..., 2]
    z_rel = (z - z[:, :1]) / reference_length(rows["joints_3d"])[:, None]
    return Estimate(rows["joints_2d"], z_rel, torch.ones_like(z_rel))


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("name", TRAINS)
def test_an_objective_moves_its_networks_and_no_other(name, fusion):
    torch.manual_seed(0)
    objective, expected = TRAINS[name]
    batch = groups()
    method = module(objective, FUSIONS[fusion])
    if name in ("fusion", "all"):  # what stands before the last layer moves once that is no longer zero
        torch.nn.init.normal_(method.fusion.unet.out.weight)
    before = {name: value.clone() for name, value in method.named_buffers() if "running" in name}
    rows = method.objective.vary(method.frames(batch))
    losses = method.losses(method(*method.inputs(rows)), rows)
    losses["loss"].backward()
    moved = {
        ".".join(name.split(".")[: 1 if name.startswith("fusion") else 2])
        for name, parameter in method.named_parameters()
        if parameter.grad is not None and parameter.grad.any()
    }
    assert moved == expected
    assert all(value.isfinite() for value in losses.values())
    changed = {name for name, value in method.named_buffers() if name in before and not value.equal(before[name])}
    assert all(any(name.startswith(part) for part in expected) for name in changed)


def test_a_group_is_scored_view_by_view():
    batch = groups(count=2, views=3)
    method = module(FusionOnly(), FUSIONS["triangulation"])
    rows = method.frames(batch)
    assert rows["joints_3d"].shape == (6, 21, 3)
    assert method.frames(rows) is rows
    torch.testing.assert_close(rows["K"], batch["K"].flatten(0, 1))
    prediction = method.recover(truly(batch), rows, "true_root_and_scale")
    torch.testing.assert_close(prediction.joints_3d, rows["joints_3d"], rtol=0, atol=0.05)


@pytest.mark.parametrize("fusion", [Mean(), FUSIONS["concatenation"], FUSIONS["triangulation"]])
def test_without_truth_the_labels_scale_and_the_cameras_do(fusion):
    batch = groups(count=1, views=3)
    rows = as_rows(batch)
    scale = float(reference_length(rows["joints_3d"])[0])
    method = module(EndToEnd(), fusion, scale_mm=scale)
    told = {key: value for key, value in rows.items() if key not in ("joints_3d", "joints_2d", "annotated")}
    prediction = method.recover(truly(batch), told, "predicted")
    torch.testing.assert_close(prediction.joints_3d, rows["joints_3d"], rtol=0, atol=0.1)


def test_a_wrong_scale_moves_the_mean_but_not_what_is_triangulated():
    batch = groups(count=1, views=3)
    rows = as_rows(batch)
    scale = 1.1 * float(reference_length(rows["joints_3d"])[0])
    errors = {}
    for name, fusion in (("mean", Mean()), ("rays", Triangulation(along=1e-6, rounds=0))):
        method = module(EndToEnd(), fusion, scale_mm=scale)
        predicted = method.recover(truly(batch), rows, "predicted").joints_3d
        errors[name] = (predicted - rows["joints_3d"]).norm(dim=-1).mean()
    assert errors["mean"] > 5
    assert errors["rays"] < 0.1


def test_missing_views_are_dropped_at_random_and_one_stays():
    torch.manual_seed(0)
    rows = as_rows(groups(count=40, views=4))
    dropped = drop_views(rows, 1)
    present = present_views(dropped)
    assert set(present.sum(1).tolist()) == {1, 2, 3, 4}
    assert dropped[PRESENT].shape == (160, 4)
    assert present_views(drop_views(rows, 4)).all()
    assert present.any(0).all()


def test_a_hand_without_annotation_gives_no_gradient():
    batch = groups()
    batch["annotated"][0] = False
    batch["joints_3d"][0] = batch["joints_2d"][0] = torch.nan
    method = module(MultiViewEndToEnd(), FUSIONS["triangulation"])
    losses = method.losses(method(*method.inputs(batch)), batch)
    assert losses["loss"].isfinite()
    losses["loss"].backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in method.parameters())


def test_meshes_come_back_in_millimetres():
    rows = as_rows(groups())
    mesh = mesh_target(rows)
    torch.testing.assert_close(mesh[..., 0], (project(rows["vertices"], rows["K"])[..., 0] + 0.5) / 32)
    scale, root = reference_length(rows["joints_3d"]), rows["joints_3d"][:, 0, 2]
    torch.testing.assert_close(metric_mesh(mesh, rows, root, scale), rows["vertices"], rtol=0, atol=0.02)


def test_what_an_objective_needs_is_named():
    with pytest.raises(HandposeError, match=r"model\.fusion: found nothing"):
        module(FusionOnly())
    rows = as_rows(groups())
    method = module(FusionOnly(), FUSIONS["triangulation"])
    single = {key: value for key, value in rows.items() if key != PRESENT}
    with pytest.raises(HandposeError, match="single images"):
        method.losses(method(rows["image"]), single)
    for change, found in (({}, "batch, vertices: found nothing"), ({"vertices": rows["vertices"][:, :9]}, "of 9 vert")):
        bare = {key: value for key, value in rows.items() if key != "vertices"} | change
        with pytest.raises(HandposeError, match=found):
            module(MeshWithFixed2D()).losses(method(rows["image"]), bare)
    bare = {key: value for key, value in rows.items() if key != "vertices"}
    assert "loss_mesh" not in module(EndToEnd()).losses(method(rows["image"]), bare)


def test_more_views_are_scored_one_number_at_a_time():
    torch.manual_seed(0)
    batch = groups(count=2, views=3)
    rows = as_rows(batch)
    truth = rows["joints_3d"].unflatten(0, (2, 3))
    world = torch.einsum("gvpi,gvij->gvpj", truth - batch["t"][:, :, None], batch["R"])[:, 0]
    used = []

    def fuse(given):
        present = present_views(given)
        used.append(present.tolist())
        wrong = torch.zeros_like(world)
        wrong[:, 5, 0] = 21.0 / present.sum(1)  # one joint of 21
        return world + wrong + 100.0

    score = ViewCountScore()
    score.update(fuse, rows)
    assert used == [[[True, False, False]] * 2, [[True, True, False]] * 2, [[True, True, True]] * 2]
    assert score.compute() == pytest.approx({1: 1.0, 2: 0.5, 3: 1 / 3}, abs=1e-3)


def test_a_hand_counts_for_as_many_views_as_it_has():
    rows = as_rows(groups(count=2, views=3))
    rows[PRESENT][:3, 0] = False
    shown = [present_views(first_views(rows, count))[0].tolist() for count in (1, 2)]
    assert shown == [[False, True, False], [False, True, True]]
    score = ViewCountScore()
    truth, _ = group_truth(rows)
    far = truth.clone()
    far[0, 1:] += torch.tensor([30.0, 0.0, 0.0])  # the first hand, which has two views
    score.update(lambda given: far, rows)
    found = score.compute()
    assert found[1] == found[2] == pytest.approx(30 * 20 / 42, rel=1e-3)
    assert found[3] == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("name", TRAINS)
def test_samples_of_a_mixture_without_3d_labels_do_not_count(name):
    torch.manual_seed(0)
    grouped, batch = name in ("fusion", "all"), groups(count=4)
    method = module(TRAINS[name][0], FUSIONS["concatenation"] if grouped else None).eval()
    if not grouped:
        batch = {key: value[:, 0] for key, value in batch.items() if key not in ("R", "t")}
    counted = {"heatmaps": set(), "all": {"loss_pose", "loss"}}.get(name, {"loss"})
    assert_stand_ins_do_not_count(losses_of(method), batch, ("joints_3d", "vertices"), counted)

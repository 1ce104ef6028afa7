"""Fusion of views: exact where nothing is wrong, whatever the views' order and number."""

from dataclasses import replace

import pytest
import torch
from mvhm.tests.hands_in_views import UNET, groups

from handpose_core.camera import reference_length
from handpose_core.errors import HandposeError
from handpose_core.rig.skinning import rotation_about
from handpose_mvhm.networks import Concatenation, GraphUNet, Mean, RefinedTriangulation, Triangulation
from handpose_mvhm.networks.fusion import palm_frame
from handpose_mvhm.networks.graph_unet import TopKPool, normalised_adjacency
from handpose_mvhm.views import as_rows, view_poses

FORMS = {
    "mean": Mean(),
    "concatenation": Concatenation(views=6, unet=UNET),
    "triangulation": RefinedTriangulation(hidden=8, unet=UNET),
    "triangulation, not refined": Triangulation(hidden=8),
    "triangulation alone": Triangulation(along=1e-6, rounds=0),
}


def trained(form):
    """A fusion whose last layers are no longer zeros."""
    torch.manual_seed(0)
    network = form.build()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return network


def poses(count=2, views=4, noise=0.0, depth_noise=0.0):
    """What views say of hands, and the truth in the world."""
    rows = as_rows(groups(count, views))
    torch.manual_seed(1)
    shift = 1 + depth_noise / 500 * torch.randn(count * views, 21, 1)  # along the camera's rays
    seen = rows["joints_3d"] * shift + noise * torch.randn(count * views, 21, 3)
    scale = reference_length(rows["joints_3d"])
    told = view_poses(seen, torch.rand(count * views, 21) * 0.5 + 0.5, scale, rows)
    truth = (rows["joints_3d"] - rows["t"][:, None]) @ rows["R"]
    return told, truth.unflatten(0, (count, views))[:, 0]


def only(views, chosen):
    """Some of the views, in any order."""
    of_views = ("joints", "centres", "scores", "present")
    return replace(views, **{name: getattr(views, name)[:, chosen] for name in of_views})


@pytest.mark.parametrize("name", FORMS)
def test_views_without_error_are_fused_without_error(name):
    views, truth = poses()
    fused = FORMS[name].build()(views)
    torch.testing.assert_close(fused, truth, rtol=0, atol=2e-3)


def test_triangulation_needs_no_depths():
    views, truth = poses(depth_noise=40.0)
    assert (FORMS["mean"].build()(views) - truth).norm(dim=-1).mean() > 10
    error = (FORMS["triangulation alone"].build()(views) - truth).norm(dim=-1)
    assert error.max() < 0.05


def test_triangulation_agrees_with_least_squares():
    views, _ = poses(noise=5.0)
    fused = Triangulation(along=1e-6, rounds=0).build()(views)
    rays = views.joints - views.centres[:, :, None]
    rays = (rays / rays.norm(dim=-1, keepdim=True)).double()
    across = torch.eye(3).double() - rays[..., :, None] * rays[..., None, :]
    weighted = views.scores.double().sqrt()[..., None, None] * across
    right = (weighted @ views.centres.double()[:, :, None, :, None])[..., 0]
    A, b = weighted.transpose(1, 2).flatten(2, 3), right.transpose(1, 2).flatten(2, 3)
    expected = torch.linalg.lstsq(A, b[..., None]).solution[..., 0]
    torch.testing.assert_close(fused, expected.float(), rtol=0, atol=0.05)


def test_one_view_is_believed():
    views, _ = poses(views=1, noise=5.0)
    fused = Triangulation().build()(views)
    torch.testing.assert_close(fused, views.joints[:, 0], rtol=0, atol=1e-2)


@pytest.mark.parametrize("name", ["mean", "triangulation", "triangulation, not refined"])
def test_the_order_of_views_does_not_matter(name):
    network = trained(FORMS[name])
    views, _ = poses(noise=8.0)
    torch.testing.assert_close(network(only(views, [2, 0, 3, 1])), network(views), rtol=0, atol=2e-2)


@pytest.mark.parametrize("name", FORMS)
def test_a_missing_view_is_as_if_it_were_not_there(name):
    network = trained(FORMS[name])
    views, _ = poses(noise=8.0)
    missing = torch.tensor([True, True, True, False]).expand(2, -1)
    broken = views.joints.clone()
    broken[:, 3] = torch.nan
    gapped = replace(views, present=missing, joints=broken)
    fused = network(gapped)
    torch.testing.assert_close(fused, network(only(views, [0, 1, 2])), rtol=0, atol=1e-2)
    fused.sum().backward() if list(network.parameters()) else None
    assert all(p.grad is None or p.grad.isfinite().all() for p in network.parameters())


@pytest.mark.parametrize("name", FORMS)
def test_fusion_turns_with_the_world(name):
    network = trained(FORMS[name])
    views, _ = poses(noise=8.0)
    turn = rotation_about(0, torch.tensor([1.0])) @ rotation_about(2, torch.tensor([2.0]))
    turned = replace(views, joints=views.joints @ turn[0].T, centres=views.centres @ turn[0].T)
    torch.testing.assert_close(network(turned), network(views) @ turn[0].T, rtol=0, atol=3e-2)


def test_too_many_views_and_none():
    views, _ = poses(views=7)
    with pytest.raises(HandposeError, match="7 views; expected at most 6"):
        FORMS["concatenation"].build()(views)
    with pytest.raises(HandposeError, match="at least one view"):
        FORMS["mean"].build()(replace(views, present=torch.zeros_like(views.present)))


def test_weights_are_learnt_against_a_view_that_errs():
    torch.manual_seed(0)
    network = Triangulation(hidden=16).build()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    views, truth = poses(count=4, views=5, noise=3.0)
    wrong = views.joints.clone()
    wrong[:, 2] += torch.tensor([60.0, -40.0, 30.0])
    views = replace(views, joints=wrong)
    before = (network(views) - truth).norm(dim=-1).mean()
    for _ in range(60):
        loss = (network(views) - truth).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (network(views) - truth).norm(dim=-1).mean() < before / 2


def test_a_degenerate_palm_has_a_frame():
    flat = torch.zeros(2, 21, 3)
    flat[1, :, 1] = torch.arange(21.0)  # all joints on one line
    frames = palm_frame(flat)
    torch.testing.assert_close(frames.transpose(-1, -2) @ frames, torch.eye(3).expand(2, 3, 3))
    torch.testing.assert_close(torch.linalg.det(frames), torch.ones(2))


def test_pooling_keeps_the_best_and_their_two_step_graph():
    pool = TopKPool(2, 2)
    pool.direction.data = torch.tensor([3.0, 4.0])
    features = torch.tensor([[[1.0, 0], [0, 5], [5, 0], [0, 0]]])  # y = 0.6, 4, 3, 0
    path = torch.tensor([[[0.0, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 1], [0, 0, 1, 0]]])
    gated, graph, kept = pool(features, path)
    assert kept.tolist() == [[1, 2]]
    expected = features[0, 1:3] * torch.tensor([[4.0], [3.0]]).sigmoid()
    torch.testing.assert_close(gated[0], expected)
    torch.testing.assert_close(graph[0], torch.tensor([[2.0, 0], [0, 2]]))  # walks of two steps from 1 to 1, 2 to 2


def test_a_node_without_edges_stays_finite():
    graph = torch.tensor([[0.0, 1, 0], [1, 0, 0], [0, 0, 0]], requires_grad=True)
    normalised = normalised_adjacency(graph)
    torch.testing.assert_close(normalised.detach(), graph.detach())
    normalised.sum().backward()
    assert graph.grad.isfinite().all()


def test_the_unet_starts_at_zero_and_has_the_papers_sizes():
    unet = GraphUNet(24, 3, Concatenation().unet)
    assert not unet(torch.randn(2, 21, 24)).any()
    assert [pool.keep for pool in unet.pools] == [11, 5, 3]
    layers = (*unet.down, unet.bottom, *unet.up)
    assert [layer.own.out_features for layer in layers] == [64, 128, 256, 256, 256, 128, 64]
    with pytest.raises(HandposeError, match="fewer and fewer nodes"):
        GraphUNet(3, 3, replace(UNET, nodes=(11, 12, 3)))

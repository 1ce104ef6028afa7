"""Shapes of the networks, small and in the paper's size, and what padding may not do."""

import pytest
import torch
from mvhm.tests.hands_in_views import SINGLE, SIZE

from handpose_core.errors import HandposeError
from handpose_core.hand import WRIST
from handpose_mvhm.networks import DepthHead, DepthHeadSize, MeshSize, SingleViewNetwork, SingleViewSize
from handpose_mvhm.networks.mesh import mesh_pyramid


def test_an_image_becomes_maps_a_mesh_and_depths():
    network = SingleViewNetwork(SINGLE)
    stages, mesh, z_rel = network(torch.rand(2, 3, SIZE, SIZE))
    assert [tuple(maps.shape) for maps in stages] == [(2, 21, 8, 8)] * 2
    assert (mesh.shape, z_rel.shape) == ((2, 1610, 3), (2, 21))


def test_the_wrists_relative_depth_is_0_by_construction():
    z_rel = SingleViewNetwork(SINGLE)(torch.rand(2, 3, SIZE, SIZE)).z_rel
    assert (z_rel[:, WRIST] == 0).all()
    assert (z_rel[:, 1:] != 0).all()


def test_the_papers_network_has_the_thesis_mesh():
    network = SingleViewNetwork(SingleViewSize(mesh=MeshSize(vertices=2561))).eval()
    with torch.no_grad():
        stages, mesh, z_rel = network(torch.rand(1, 3, 256, 256))
    assert [tuple(maps.shape) for maps in stages] == [(1, 21, 64, 64)] * 2
    assert (mesh.shape, z_rel.shape) == ((1, 2561, 3), (1, 21))
    assert network.pyramid.levels == 3


def test_every_part_reaches_the_loss():
    network = SingleViewNetwork(SINGLE)
    stages, mesh, z_rel = network(torch.rand(2, 3, SIZE, SIZE))
    (sum(maps.square().sum() for maps in stages) + mesh.square().sum() + z_rel.square().sum()).backward()
    without = [name for name, parameter in network.named_parameters() if parameter.grad is None]
    assert not without


def test_fake_nodes_are_not_seen_by_the_depth_head():
    pyramid = mesh_pyramid(SINGLE.mesh)
    head = DepthHead(SINGLE.depth_head, pyramid)
    seen = {}
    head.regress.register_forward_pre_hook(lambda _, given: seen.update(flat=given[0]))
    head(torch.randn(2, 1610, 3), pyramid)
    per_node = seen["flat"].unflatten(1, (pyramid.sizes()[-1], -1))
    real = pyramid.real(pyramid.levels)
    assert not per_node[:, ~real].any()
    assert per_node[:, real].any()


def test_sizes_that_do_not_fit_are_named():
    with pytest.raises(HandposeError, match=r"\[2, 2\] for 2 graph convolutions"):
        DepthHead(DepthHeadSize(steps=(2, 2)), mesh_pyramid(SINGLE.mesh))

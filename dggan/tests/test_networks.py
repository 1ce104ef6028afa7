import torch
from torch import nn

from handpose_core.hand import WRIST
from handpose_core.nn.cpm import CPMSize
from handpose_dggan.networks import DepthHead, DepthHeadSize, PoseRegressor


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_paper_size():
    with torch.device("meta"):
        network = PoseRegressor()
        stages, z_rel = network(torch.empty(2, 3, 256, 256))
    assert [maps.shape for maps in stages] == [(2, 22, 32, 32)] * 6
    assert z_rel.shape == (2, 21)
    linear = [(layer.in_features, layer.out_features) for layer in network.depth_head.regress]
    assert linear == [(22 * 32 * 32, 512), (512, 512), (512, 21)]  # linear layers and nothing between them


def test_parameter_counts_are_those_of_the_readme():
    with torch.device("meta"):
        network = PoseRegressor()
    assert count(network.pose_machine.trunk) == 15_894_720
    assert count(network.pose_machine) == 36_832_324
    assert count(network.depth_head) == 15_980_331
    assert count(network) == 52_812_655


def test_the_head_can_see_maps_alone():
    cpm = CPMSize()
    with torch.device("meta"):
        both, alone = DepthHead(cpm), DepthHead(cpm, DepthHeadSize(sees_features=False))
        maps, features = torch.empty(1, 22, 32, 32), torch.empty(1, 128, 32, 32)
        assert both(maps, features).shape == alone(maps, features).shape == (1, 21)
    assert next(c for c in both.modules() if isinstance(c, nn.Conv2d)).in_channels == 150
    assert next(c for c in alone.modules() if isinstance(c, nn.Conv2d)).in_channels == 22


def test_the_wrists_relative_depth_is_0_by_construction():
    size = CPMSize(trunk=((4, 1), (8, 1)), features=8, stages=2, width=8, convolutions=1, kernel=3)
    network = PoseRegressor(size, DepthHeadSize(width=8, convolutions=1, kernel=3, grid=4, hidden=16))
    _, z_rel = network(torch.rand(2, 3, 32, 32))
    assert (z_rel[:, WRIST] == 0).all()
    assert (z_rel[:, 1:] != 0).all()


def test_gradient_of_the_depths_reaches_the_image_features():
    size = CPMSize(trunk=((4, 1), (8, 1)), features=8, stages=2, width=8, convolutions=1, kernel=3)
    network = PoseRegressor(size, DepthHeadSize(width=8, convolutions=1, kernel=3, grid=4, hidden=16))
    _, z_rel = network(torch.rand(2, 3, 32, 32))
    z_rel.square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.pose_machine.trunk.parameters())

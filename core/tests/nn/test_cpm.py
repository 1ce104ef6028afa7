import pytest
import torch
from torch import nn

from handpose_core.nn.cpm import PAPER_CPM, ConvolutionalPoseMachine, ConvStage, CPMSize, Trunk, convolution

TINY = CPMSize(trunk=((4, 1), (8, 1)), features=8, stages=3, first_width=16, width=8, convolutions=2, kernel=3)


def test_paper_trunk_has_512_channels_then_128_features_at_an_eighth():
    with torch.device("meta"):
        trunk = Trunk(PAPER_CPM)
        image = torch.empty(2, 3, 256, 256)
        assert trunk.blocks(image).shape == (2, 512, 32, 32)
        assert trunk(image).shape == (2, 128, 32, 32)
    assert PAPER_CPM.stride == 8


def test_paper_stages_are_those_of_the_thesis():
    with torch.device("meta"):
        machine = ConvolutionalPoseMachine()
        stages, features = machine(torch.empty(2, 3, 256, 256))
    assert features.shape == (2, 128, 32, 32)
    assert [maps.shape for maps in stages] == [(2, 22, 32, 32)] * 6
    kernels = [
        [(c.in_channels, c.out_channels, c.kernel_size[0]) for c in stage.modules() if isinstance(c, nn.Conv2d)]
        for stage in machine.stages
    ]
    assert kernels[0] == [(128, 512, 1), (512, 22, 1)]
    for later in kernels[1:]:
        assert later == [(150, 128, 7), *[(128, 128, 7)] * 4, (128, 128, 1), (128, 22, 1)]
    assert not any(isinstance(module, nn.BatchNorm2d) for module in machine.modules())


@pytest.mark.parametrize("stem_stride", [1, 2, 4])
def test_stride_follows_the_trunk(stem_stride):
    size = CPMSize(trunk=((4, 1), (8, 2)), stem_stride=stem_stride, features=8, stages=1)
    assert Trunk(size)(torch.rand(1, 3, 32, 32)).shape[-1] * size.stride == 32


def test_a_strided_stem_is_centred_on_its_cells():
    """With equal weights a strided convolution of a ramp gives each cell's centre: no half-pixel shift."""
    layer = convolution(1, 1, 3, "none", stride=2)
    nn.init.constant_(layer[0].weight, 1 / layer[0].weight.numel())
    nn.init.zeros_(layer[0].bias)
    ramp = torch.arange(16.0).expand(1, 1, 16, 16)
    assert torch.allclose(layer(ramp)[0, 0, 3, 1:-1], (torch.arange(8.0) * 2 + 0.5)[1:-1])


def test_later_stages_see_the_previous_maps():
    torch.manual_seed(0)
    machine = ConvolutionalPoseMachine(TINY).eval()
    image = torch.rand(1, 3, 16, 16)
    before, _ = machine(image)
    nn.init.ones_(machine.stages[0].out.bias)
    after, _ = machine(image)
    assert not torch.equal(before[1], after[1])


def test_activations_keep_their_scale_without_normalisation():
    """Kaiming initialisation: a deep trunk from scratch neither dies nor explodes."""
    torch.manual_seed(0)
    features = Trunk(CPMSize(trunk=((32, 2), (32, 2), (64, 4), (64, 6))))(torch.rand(4, 3, 64, 64))
    assert 0.1 < features.std() < 10


def test_stage_without_convolutions_is_two_1x1():
    stage = ConvStage(8, 22, 16, 0, 7, "none")
    assert stage(torch.rand(1, 8, 4, 4)).shape == (1, 22, 4, 4)
    assert [c.kernel_size for c in stage.modules() if isinstance(c, nn.Conv2d)] == [(1, 1), (1, 1)]


def test_batch_normalisation_is_an_option():
    machine = ConvolutionalPoseMachine(CPMSize(trunk=((4, 1), (8, 1)), features=8, stages=2, norm="batch"))
    normalised = [layer for layer in machine.modules() if isinstance(layer, nn.Conv2d) and layer.bias is None]
    assert len(normalised) == sum(isinstance(layer, nn.BatchNorm2d) for layer in machine.modules()) > 0


def test_a_backbone_in_the_trunk_s_place_gives_maps_at_stride_8():
    size = CPMSize(backbone="lite0", frozen_blocks=16, features=8, stages=2, first_width=8, width=8, convolutions=1)
    machine = ConvolutionalPoseMachine(size)
    stages, features = machine(torch.rand(1, 3, 64, 64))
    assert size.stride == 8
    assert features.shape == (1, 8, 8, 8)
    assert [tuple(maps.shape) for maps in stages] == [(1, 22, 8, 8)] * 2
    trained = {name for name, parameter in machine.named_parameters() if parameter.requires_grad}
    assert not any(name.startswith("trunk.backbone") for name in trained)
    assert any(name.startswith("trunk.lateral") for name in trained)

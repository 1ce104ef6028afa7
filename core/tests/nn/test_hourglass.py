"""The stacked hourglass: sizes, what reaches what, and what it refuses."""

from dataclasses import replace

import pytest
import torch

from handpose_core.errors import HandposeError
from handpose_core.nn.hourglass import HourglassSize, Residual, StackedHourglass, pooled_blocks

SMALL = HourglassSize(stem=4, features=8, stacks=2, depth=2, maps=5)


def test_the_papers_size():
    with torch.device("meta"):
        network = StackedHourglass()
        stages, features = network(torch.empty(2, 3, 256, 256))
    assert [tuple(maps.shape) for maps in stages] == [(2, 21, 64, 64)] * 2
    assert features.shape == (2, 256, 64, 64)
    assert 6e6 < sum(parameter.numel() for parameter in network.parameters()) < 9e6  # Newell et al.: 3.4 M a stack


def test_flow_and_earlier_maps_come_in_beside_the_image():
    stages, _ = StackedHourglass(HourglassSize(inputs=26, stem=4, features=8, depth=2))(torch.rand(1, 26, 32, 48))
    assert stages[-1].shape == (1, 21, 8, 12)


def test_every_stack_is_supervised_and_all_features_depend_on_all_parts():
    network = StackedHourglass(SMALL)
    stages, features = network(torch.rand(2, 3, 32, 32))
    (stages[0].square().sum() + stages[1].square().sum() + features.square().sum()).backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_a_joint_sees_the_whole_picture():
    network = StackedHourglass(SMALL).eval()
    image = torch.rand(1, 3, 32, 32, requires_grad=True)
    stages, _ = network(image)
    stages[0][0, 0, 0, 0].backward()
    assert image.grad[..., 20:, 20:].abs().sum() > 0


def test_an_image_that_cannot_be_halved_is_refused():
    with pytest.raises(HandposeError, match="sides divisible by 16"):
        StackedHourglass(SMALL)(torch.rand(1, 3, 40, 32))
    with pytest.raises(HandposeError, match="0 stacks"):
        StackedHourglass(HourglassSize(stacks=0))


def test_blocks():
    features = torch.rand(2, 4, 8, 8)
    assert Residual(4, 6)(features).shape == (2, 6, 8, 8)
    assert pooled_blocks(4, 2)(features).shape == (2, 4, 2, 2)


LITE = HourglassSize(features=16, stacks=2, depth=2, backbone="lite0", frozen_blocks=5)


def test_a_backbone_takes_the_stems_place_at_the_same_stride():
    torch.manual_seed(0)
    network = StackedHourglass(LITE).eval()
    stages, features = network(torch.rand(2, 3, 64, 64))
    assert [maps.shape for maps in stages] == [(2, 21, 16, 16)] * 2
    assert features.shape == (2, 16, 16, 16)
    assert not any(name.startswith("stem.further") for name, _ in network.named_parameters())


def test_further_inputs_enter_beside_the_backbone_and_learn_from_the_first_step():
    torch.manual_seed(0)
    network = StackedHourglass(replace(LITE, inputs=5)).train()
    image = torch.rand(2, 5, 64, 64)
    frozen = {name: value.clone() for name, value in network.stem.backbone.blocks[:5].state_dict().items()}
    stages, _ = network(image)
    sum(maps.square().mean() for maps in stages).backward()
    assert network.stem.further.weight.grad.abs().max() > 0
    trained = {name for name, value in network.stem.backbone.named_parameters() if value.grad is not None}
    assert trained
    assert not any(name.startswith(("conv_stem", "bn0", *(f"blocks.{i}." for i in range(5)))) for name in trained)
    for name, value in network.stem.backbone.blocks[:5].state_dict().items():
        assert torch.equal(value, frozen[name])  # statistics, too
    other = image.clone()
    other[:, 3:] += 1
    network.eval()
    assert not torch.allclose(network(image)[0][-1], network(other)[0][-1])


def test_a_thing_that_moves_by_a_cell_moves_its_further_features_by_a_cell():
    torch.manual_seed(0)
    stem = StackedHourglass(replace(LITE, inputs=4)).stem
    dot = torch.zeros(1, 1, 64, 64)
    dot[..., 30, 30] = 1.0
    assert torch.allclose(stem.further(dot.roll(4, -1)), stem.further(dot).roll(1, -1), atol=1e-6)
    with torch.no_grad():
        stem.further.weight.fill_(1.0)
    seen = stem.further(torch.zeros(1, 1, 64, 64).index_fill(-1, torch.tensor([29, 30]), 1.0))[0, 0, 8]
    assert seen[7] == seen.max()  # cell 7 covers columns 28 to 31
    assert seen[6] == seen[8]  # centred

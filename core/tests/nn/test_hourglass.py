"""The stacked hourglass: sizes, what reaches what, and what it refuses."""

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

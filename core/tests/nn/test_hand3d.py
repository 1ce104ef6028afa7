from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from torch import nn

from handpose_core.camera import reference_length
from handpose_core.geometry.handedness import mirror_points
from handpose_core.hand import MIDDLE_MCP, Side
from handpose_core.nn.cpm import CPMSize
from handpose_core.nn.hand3d import (
    LITTLE_MCP,
    PAPER_PRIOR,
    PAPER_VIEWPOINT,
    BranchSize,
    Hand3D,
    Hand3DSize,
    HandSegNet,
    HeatmapBranch,
    Lifting,
    canonical_frame,
    place,
)
from handpose_core.nn.localise import GivenCrop
from handpose_core.nn.rotation import axis_angle_matrices

LEFT, RIGHT = int(Side.LEFT), int(Side.RIGHT)
BRANCH = BranchSize(convolutions=(8, 8), hidden=(16, 16), grid=8)
TRUNK = {"trunk": ((8, 1), (8, 1)), "features": 8, "first_width": 8}
SMALL = Hand3DSize(
    segmentation=CPMSize(**TRUNK, stages=1, maps=2),
    posenet=CPMSize(**TRUNK, stages=2, width=8, convolutions=1, kernel=3, maps=21),
    prior=BRANCH,
    viewpoint=BRANCH,
)
KNOWN = torch.ones(2, 21, dtype=torch.bool)


def hands(seed: int = 0) -> torch.Tensor:
    """Two sets of joints, mm."""
    return torch.tensor(np.random.default_rng(seed).normal([0, 0, 600], 40, (2, 21, 3)), dtype=torch.float32)


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_the_papers_segmentation_gives_two_maps_at_an_eighth_and_upsamples_them():
    with torch.device("meta"):
        network = HandSegNet()
        image = torch.empty(2, 3, 256, 256)
        stages, _ = network.machine(image)
        assert [maps.shape for maps in stages] == [(2, 2, 32, 32)]
        assert network(image).shape == (2, 2, 256, 256)


def test_the_papers_posenet_has_three_stages_of_21_maps_each_of_149_channels():
    with torch.device("meta"):
        network = Hand3D(localiser=GivenCrop())
        _, stages = network.locate(torch.empty(2, 3, 256, 256))
    assert [maps.shape for maps in stages] == [(2, 21, 32, 32)] * 3
    first = [next(c for c in stage.modules() if isinstance(c, nn.Conv2d)) for stage in network.posenet.stages]
    assert [layer.in_channels for layer in first] == [128, 149, 149]


@pytest.mark.parametrize(
    ("size", "outputs", "maps", "linear"),
    [
        (PAPER_PRIOR, 63, [(32, 32), (32, 16), (64, 16), (64, 8), (128, 8), (128, 4)], [2050, 512, 512]),
        (PAPER_VIEWPOINT, 3, [(64, 32), (64, 16), (128, 16), (128, 8), (256, 8), (256, 4)], [4098, 256, 128]),
    ],
)
def test_the_papers_branches_layer_by_layer(size, outputs, maps, linear):
    with torch.device("meta"):
        branch = HeatmapBranch(outputs, size)
        features, shapes = torch.empty(2, 21, 32, 32), []
        for layer in branch.convolutions:
            features = layer(features)
            shapes.append((features.shape[1], features.shape[2]))
        assert shapes == maps
        assert branch(torch.empty(2, 21, 32, 32), torch.zeros(2, dtype=torch.long)).shape == (2, outputs)
    assert [layer.in_features for layer in branch.regress.modules() if isinstance(layer, nn.Linear)] == linear


def test_parameter_counts_of_the_papers_networks():
    """By hand, for the branches: k² · in · out + out a convolution, in · out + out a linear layer."""
    with torch.device("meta"):
        network = Hand3D()

    def branch(widths, linear):
        inputs, count = 21, 0
        for width in widths:
            count += 9 * inputs * width + width + 16 * width * width + width
            inputs = width
        return count + sum(a * b + b for a, b in pairwise(linear))

    assert parameters(network.lifting.prior) == branch((32, 64, 128), (2050, 512, 512, 63))
    assert parameters(network.lifting.viewpoint) == branch((64, 128, 256), (4098, 256, 128, 3))
    counts = {name: parameters(module) for name, module in network.named_children()}
    assert counts == {"segmentation": 15_961_794, "posenet": 24_302_847, "lifting": 4_628_322}


def test_half_precision_leaves_coordinates_alone():
    w, joints = torch.randn(2, 3), hands()
    exact = axis_angle_matrices(w), place(joints, axis_angle_matrices(w))
    with torch.autocast("cpu", torch.bfloat16):
        rounded = axis_angle_matrices(w), place(joints, axis_angle_matrices(w))
    assert all(torch.equal(a, b) for a, b in zip(exact, rounded, strict=True))


def test_the_canonical_frame_by_its_definition():
    joints = hands()
    placed = canonical_frame(joints, KNOWN)
    expected = (joints - joints[:, :1]) / reference_length(joints)[:, None, None]
    assert torch.allclose(placed.xyz, expected, atol=1e-6)
    middle, little = placed.canonical[:, MIDDLE_MCP], placed.canonical[:, LITTLE_MCP]
    assert torch.allclose(middle[:, [0, 2]], torch.zeros(2, 2), atol=1e-5)
    assert (middle[:, 1] > 0).all()
    assert torch.allclose(little[:, 2], torch.zeros(2), atol=1e-5)
    assert (little[:, 0] > 0).all()
    assert torch.allclose(torch.linalg.det(placed.rotation), torch.ones(2), atol=1e-5)


def test_placing_what_the_canonical_frame_gives_brings_the_hand_back():
    placed = canonical_frame(hands(), KNOWN)
    assert torch.allclose(place(placed.canonical, placed.rotation), placed.xyz, atol=1e-5)


def test_turned_moved_and_scaled_hands_have_one_canonical_form():
    joints = hands()
    turn = Rotation.from_rotvec([0.3, -1.2, 2.0])
    moved = torch.tensor(turn.apply(joints.flatten(0, 1).double() * 1.7 + 5)).view(2, 21, 3).float()
    before, after = canonical_frame(joints, KNOWN), canonical_frame(moved, KNOWN)
    assert torch.allclose(before.canonical, after.canonical, atol=1e-4)
    turned = torch.tensor(turn.apply(before.rotation.flatten(0, 1).double())).view(2, 3, 3).float()
    assert torch.allclose(after.rotation, turned, atol=1e-4)


def test_a_hand_and_its_mirror_image_have_mirrored_canonical_forms():
    """So that a network which is shown right hands alone has one form to learn."""
    right = hands()
    canonical, other = (canonical_frame(joints, KNOWN).canonical for joints in (right, mirror_points(right)))
    assert torch.allclose(other, canonical * torch.tensor([1.0, 1, -1]), atol=1e-5)


def test_unknown_joints_put_no_nan_into_known_ones():
    joints, known = hands(), KNOWN.clone()
    exact = canonical_frame(joints, known)
    joints[0, 4], known[0, 4] = torch.nan, False
    joints[1, 0], known[1, 0] = torch.nan, False
    placed = canonical_frame(joints, known)
    assert torch.equal(placed.canonical[0, 5:], exact.canonical[0, 5:])
    assert torch.isfinite(placed.canonical).all()


@pytest.mark.parametrize(("form", "numbers"), [("axis_angle", 3), ("6d", 6)])
def test_the_lifted_wrist_is_the_origin_and_the_side_is_told(form, numbers):
    torch.manual_seed(0)
    lifting, maps = Lifting(BRANCH, BRANCH, form).eval(), torch.rand(2, 21, 12, 12)
    assert lifting.viewpoint(maps, torch.tensor([LEFT, RIGHT])).shape == (2, numbers)
    left, right = (lifting(maps, torch.tensor([side, side])) for side in (LEFT, RIGHT))
    assert not left.xyz[:, 0].any()
    assert not torch.equal(left.canonical, right.canonical)
    assert torch.allclose(left.rotation @ left.rotation.mT, torch.eye(3).expand(2, 3, 3), atol=1e-5)


def test_the_hands_gradient_reaches_every_network_but_that_which_cuts():
    torch.manual_seed(0)
    network = Hand3D(SMALL)
    output = network(torch.rand(2, 3, 16, 16), torch.tensor([LEFT, RIGHT]))
    output.placed.xyz.square().sum().backward()
    for part, reached in ((network.segmentation, False), (network.posenet, True), (network.lifting, True)):
        gradients = [parameter.grad is not None and bool(parameter.grad.any()) for parameter in part.parameters()]
        assert any(gradients) == reached
    assert all(parameter.grad is not None for parameter in network.lifting.parameters())

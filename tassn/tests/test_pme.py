"""The PME module: the paper's sizes, the order of time, and what is heeded of the past."""

import pytest
import torch
from tassn.tests.tiny import SIZES

from handpose_core.hand import WRIST
from handpose_core.nn.graph import ChebyshevConv
from handpose_tassn.networks import INPUTS, PAPER_MESH, PoseAndMesh

TINY = {name: SIZES[name] for name in ("heatmaps", "mesh", "pose")}


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    network = PoseAndMesh(**TINY).eval()
    with torch.no_grad():  # maps are near zero at first
        for layer in network.hourglass.to_maps:
            layer.weight.normal_()
        network.hourglass.stem[0].weight.normal_(std=0.05)  # and the past says nothing
    return network


def test_the_papers_network_has_the_papers_shapes():
    network = PoseAndMesh().to("meta").eval()
    convolutions = [
        tuple(layer.weight.shape)
        for head in (network.mesh, network.pose)
        for layer in head.modules()
        if isinstance(layer, ChebyshevConv)
    ]
    assert convolutions == [
        *((3, 64, 64), (3, 64, 32), (3, 32, 32), (3, 32, 3)),  # order, inputs, outputs
        *((3, 3, 32), (3, 32, 32), (3, 32, 64), (3, 64, 64)),
    ]
    coarsest = network.pyramid.sizes()[-1]
    assert network.mesh.hidden.weight.shape == (512, 4096)
    assert network.mesh.coarse.weight.shape == (64 * coarsest, 512)
    assert network.pose.joints.weight.shape == (63, 512)
    assert (INPUTS, PAPER_MESH.vertices) == (26, 2561)
    stages, features = network.hourglass(torch.zeros(2, INPUTS, 256, 256, device="meta"))
    assert [stage.shape for stage in stages] == [(2, 21, 64, 64)] * 2
    assert network.mesh.encoder(features).shape == (2, 256, 4, 4)


def test_clips_become_maps_meshes_and_poses(network):
    images, flow = torch.rand(2, 3, 3, 32, 32), torch.zeros(2, 3, 2, 32, 32)
    output = network(images, flow, torch.ones(2, 3, dtype=torch.bool))
    assert [stage.shape for stage in output.stages] == [(2, 3, 21, 8, 8)] * 2
    assert output.vertices.shape == (2, 3, 1610, 3)
    assert output.joints.shape == (2, 3, 21, 3)


def test_the_wrists_relative_depth_is_0_by_construction(network):
    joints = network(torch.rand(2, 1, 3, 32, 32), torch.zeros(2, 1, 2, 32, 32), torch.ones(2, 1) > 0).joints
    assert (joints[..., WRIST, 2] == 0).all()
    assert (joints[..., 1:, 2] != 0).all()
    assert (joints[..., WRIST, :2] != 0).all()


def same(one, other):
    return all(torch.allclose(a, b, atol=1e-6) for a, b in zip(one, other, strict=True))


@torch.no_grad()
def test_a_frame_sees_those_before_it_and_none_behind(network):
    images, flow = torch.rand(1, 3, 3, 32, 32), torch.randn(1, 3, 2, 32, 32)
    heeded = torch.ones(1, 3, dtype=torch.bool)
    whole = network(images, flow, heeded)
    changed = images.clone()
    changed[:, 1] = 0
    other = network(changed, flow, heeded)
    assert torch.equal(whole.joints[:, 0], other.joints[:, 0])
    assert not torch.allclose(whole.joints[:, 2], other.joints[:, 2], atol=1e-6)


@torch.no_grad()
def test_what_is_not_heeded_does_not_matter_nor_does_the_first_frames_flow(network):
    images = torch.rand(1, 3, 3, 32, 32)
    heeded = torch.tensor([[True, True, False]])
    flows = torch.randn(2, 1, 3, 2, 32, 32)
    flows[1, :, 1] = flows[0, :, 1]
    one, other = (network(images, flow, heeded) for flow in flows)
    assert same((one.vertices, one.joints, *one.stages), (other.vertices, other.joints, *other.stages))
    alone = network(images[:, 2:], flows[0][:, 2:], heeded[:, 2:])
    assert torch.allclose(one.joints[:, 2], alone.joints[:, 0], atol=1e-6)
    heard = network(images, flows[0], torch.ones(1, 3, dtype=torch.bool))
    assert not torch.allclose(one.joints[:, 2], heard.joints[:, 2], atol=1e-6)


def test_the_past_gets_no_gradient(network):
    images = torch.rand(1, 2, 3, 32, 32, requires_grad=True)
    output = network(images, torch.zeros(1, 2, 2, 32, 32), torch.ones(1, 2, dtype=torch.bool))
    (gradient,) = torch.autograd.grad(output.joints[:, 1].sum(), images)
    assert gradient[:, 0].abs().sum() == 0
    assert gradient[:, 1].abs().sum() > 0


def test_padding_reaches_neither_the_poses_nor_their_gradient():
    network = PoseAndMesh(**TINY)
    vertices = torch.rand(2, 1610, 3, requires_grad=True)
    joints = network.pose(vertices, network.pyramid)
    assert torch.isfinite(joints).all()
    (gradient,) = torch.autograd.grad(joints.square().sum(), vertices)
    assert torch.isfinite(gradient).all()
    assert gradient.abs().sum() > 0


@torch.no_grad()
def test_a_network_that_saw_stills_alone_heeds_no_past():
    torch.manual_seed(0)
    network = PoseAndMesh(**TINY).eval()
    images, flow = torch.rand(1, 2, 3, 32, 32), torch.randn(1, 2, 2, 32, 32)
    seeing, blind = (network(images, flow, torch.full((1, 2), heeded)) for heeded in (True, False))
    assert same((seeing.vertices, seeing.joints), (blind.vertices, blind.joints))

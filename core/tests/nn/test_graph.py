import io

import numpy as np
import pytest
import torch

from handpose_core.errors import HandposeError
from handpose_core.hand import PARENTS
from handpose_core.mesh import adjacency, coarsen, mesh_edges
from handpose_core.nn.graph import (
    ChebyshevConv,
    GraphPyramid,
    ScaledLaplacian,
    chebyshev_filter,
    gathered_filter,
    scaled_laplacian,
)
from handpose_core.rig import load_rig


def skeleton():
    return adjacency(np.array([[joint, parent] for joint, parent in enumerate(PARENTS) if parent >= 0]), 21)


def hand_mesh():
    rig = load_rig("webxr")
    return adjacency(mesh_edges(rig.faces), len(rig.vertices))


def dense_filter(weights, features, theta, bias):
    """The definition with full matrices: T_k through the eigenvectors, as cos(k arccos(lambda))."""
    dense = torch.as_tensor(weights.toarray())
    root = torch.where(dense.sum(1) > 0, dense.sum(1).rsqrt(), 0.0)
    laplacian = torch.diag((dense.sum(1) > 0).double()) - root[:, None] * dense * root
    values, vectors = torch.linalg.eigh(laplacian)
    scaled = (2 * values / values.max() - 1).clamp(-1, 1)
    total = bias
    for k, matrix in enumerate(theta):
        polynomial = vectors @ torch.diag(torch.cos(k * torch.arccos(scaled))) @ vectors.T
        total = total + torch.einsum("vw,wbi,io->vbo", polynomial, features, matrix)
    return total


@pytest.mark.parametrize(
    ("graph", "order"),
    [*((skeleton(), order) for order in (1, 2, 3, 4, 5)), (hand_mesh(), 3)],
    ids=["skeleton 1", "skeleton 2", "skeleton 3", "skeleton 4", "skeleton 5", "mesh 3"],
)
def test_equals_the_definition_with_dense_matrices(graph, order):
    torch.manual_seed(0)
    conv = ChebyshevConv(5, 4, order).double()
    torch.nn.init.normal_(conv.bias)
    features = torch.randn(graph.shape[0], 2, 5, dtype=torch.float64, requires_grad=True)
    found = conv(features, ScaledLaplacian(graph))
    expected = dense_filter(graph, features, conv.weight, conv.bias)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)  # the operator is kept in float32
    weigh = torch.randn_like(found)
    inputs = (features, conv.weight, conv.bias)
    for got, true in zip(
        torch.autograd.grad((found * weigh).sum(), inputs),
        torch.autograd.grad((expected * weigh).sum(), inputs),
        strict=True,
    ):
        torch.testing.assert_close(got, true, atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_gathering_neighbours_gives_the_same_filter(order):
    torch.manual_seed(0)
    laplacian, conv = ScaledLaplacian(hand_mesh()), ChebyshevConv(5, 4, order)
    torch.nn.init.normal_(conv.bias)
    features = torch.randn(laplacian.nodes, 2, 5)
    found = gathered_filter(features, conv.weight, conv.bias, laplacian)
    torch.testing.assert_close(found, conv(features, laplacian), atol=1e-5, rtol=1e-5)


def test_neighbours_are_those_of_the_checkpoint_whatever_the_graph_before():
    stored, other = ScaledLaplacian(skeleton()), ScaledLaplacian(hand_mesh())
    other.load_state_dict(stored.state_dict())
    assert not {"neighbours", "couplings"} & set(stored.state_dict())
    torch.testing.assert_close(other.neighbours, stored.neighbours)
    torch.testing.assert_close(other.couplings, stored.couplings)


def test_a_convolution_is_exported_for_any_batch():
    laplacian, conv = ScaledLaplacian(skeleton()), ChebyshevConv(3, 4)

    class Filter(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.laplacian, self.conv = laplacian, conv

        def forward(self, features):
            return self.conv(features, self.laplacian)

    batch = torch.export.Dim("batch", min=1)
    program = torch.export.export(Filter(), (torch.randn(21, 2, 3),), dynamic_shapes=({1: batch},))
    features = torch.randn(21, 5, 3)
    torch.testing.assert_close(program.module()(features), conv(features, laplacian), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
def test_gradients_are_those_of_finite_differences(order):
    torch.manual_seed(0)
    matrix = ScaledLaplacian(skeleton()).matrix(torch.float64)
    features = torch.randn(21, 2, 3, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(order, 3, 2, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda *inputs: chebyshev_filter(*inputs, matrix), (features, weight, bias))


def test_gradients_of_a_part_of_the_inputs_and_of_strided_ones():
    torch.manual_seed(0)
    laplacian, conv = ScaledLaplacian(skeleton()), ChebyshevConv(3, 3)
    batch_first = torch.randn(2, 21, 3, requires_grad=True)
    (conv(batch_first.transpose(0, 1), laplacian).transpose(0, 1) * torch.randn(2, 21, 3)).sum().backward()
    assert batch_first.grad is not None
    conv.requires_grad_(False)
    features = torch.randn(21, 2, 3, requires_grad=True)
    conv(features, laplacian).expand(21, 2, 3).sum().backward()
    expected = features.detach().clone().requires_grad_()
    dense = laplacian.matrix(torch.float32).to_dense()
    terms = [torch.eye(21), dense, 2 * dense @ dense - torch.eye(21)]
    sum(
        torch.einsum("vw,wbi,io->vbo", t, expected, w) for t, w in zip(terms, conv.weight, strict=True)
    ).sum().backward()
    torch.testing.assert_close(features.grad, expected.grad, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("graph", [skeleton(), hand_mesh()], ids=["skeleton", "mesh"])
def test_the_spectrum_fills_minus_one_to_one(graph):
    scaled, largest = scaled_laplacian(graph)
    values = np.linalg.eigvalsh(scaled.toarray())
    assert values[0] == pytest.approx(-1, abs=1e-9)
    assert values[-1] == pytest.approx(1, abs=1e-9)
    # a tree is bipartite, so 2; a triangle mesh is not
    assert largest == pytest.approx(2, abs=1e-9) if graph.shape[0] == 21 else 1.2 < largest < 1.9
    assert (scaled != scaled.T).nnz == 0


def test_a_graph_without_edges_is_finite():
    scaled, largest = scaled_laplacian(adjacency(np.zeros((0, 2), int), 3))
    assert largest == 0
    np.testing.assert_array_equal(scaled.toarray(), -np.eye(3))


def network(pyramid, features, convs):
    """A small hour-glass over the levels, to be sure that nothing leaks at any of them."""
    start = convs[0](features, pyramid.laplacian(0)).relu()
    pooled = convs[1](pyramid.max_pool(start, 0), pyramid.laplacian(1))
    coarse = convs[2](pyramid.mean_pool(pooled, 1, 2), pyramid.laplacian(3)).relu()
    return convs[3](pyramid.unpool(coarse, 3) + start, pyramid.laplacian(0))


@pytest.mark.parametrize("filling", [1e30, -1e30, torch.nan, torch.inf])
def test_fake_nodes_change_no_real_output_and_no_gradient(filling):
    torch.manual_seed(0)
    pyramid = GraphPyramid(coarsen(hand_mesh(), 3))
    convs = torch.nn.ModuleList(ChebyshevConv(4, 4) for _ in range(4))
    features = pyramid.pad(torch.randn(2, 1160, 4)).requires_grad_()
    fake = ~pyramid.real(0)
    assert 0 < fake.sum() < len(fake)
    filled = features.detach().clone()
    filled[fake] = filling
    filled.requires_grad_()
    outputs = [pyramid.unpad(network(pyramid, given, convs)) for given in (features, filled)]
    assert torch.equal(*outputs)
    for output in outputs:
        output.square().sum().backward()
    assert features.grad is not None
    assert filled.grad is not None
    assert torch.equal(features.grad[~fake], filled.grad[~fake])
    assert features.grad.isfinite().all()


def test_padding_and_back_is_the_identity():
    pyramid = GraphPyramid(coarsen(hand_mesh(), 4))
    features = torch.randn(3, 1160, 2)
    padded = pyramid.pad(features)
    assert padded.shape == (pyramid.sizes()[0], 3, 2)
    assert (padded[~pyramid.real(0)] == 0).all()
    assert torch.equal(pyramid.unpad(padded), features)


def test_pooling_by_hand():
    # a path of three: one pair, and one vertex with a fake partner
    pyramid = GraphPyramid(coarsen(adjacency(np.array([[0, 1], [1, 2]]), 3), 1))
    features = torch.tensor([[[-5.0], [-3.0], [-8.0]]])
    padded = pyramid.pad(features)
    pairs = [[int(v) for v in pair if v >= 0] for pair in pyramid.order.view(-1, 2)]
    highest = torch.tensor([max(features[0, pair, 0].tolist()) for pair in pairs])
    mean = torch.tensor([float(features[0, pair, 0].mean()) for pair in pairs])
    torch.testing.assert_close(pyramid.max_pool(padded, 0)[:, 0, 0], highest)  # not the fake node's zero
    torch.testing.assert_close(pyramid.mean_pool(padded, 0)[:, 0, 0], mean)
    again = pyramid.unpad(pyramid.unpool(mean[:, None, None]))[0, :, 0]
    for pair, value in zip(pairs, mean, strict=True):
        assert (again[pair] == value).all()


def test_two_steps_of_max_pooling_are_one_of_two():
    pyramid = GraphPyramid(coarsen(hand_mesh(), 3))
    features = pyramid.pad(torch.randn(2, 1160, 3))
    twice = pyramid.max_pool(pyramid.max_pool(features, 0), 1)
    assert torch.equal(pyramid.max_pool(features, 0, 2), twice)
    assert len(twice) == pyramid.sizes()[2]


def test_a_checkpoint_brings_its_own_permutation():
    stored = GraphPyramid(coarsen(hand_mesh(), 3, seed=1))
    buffer = io.BytesIO()
    torch.save(stored.state_dict(), buffer)
    buffer.seek(0)
    other = GraphPyramid(coarsen(hand_mesh(), 3, seed=2))
    features = torch.randn(1, 1160, 2)
    conv = ChebyshevConv(2, 2)
    other.load_state_dict(torch.load(buffer))
    assert torch.equal(stored.order, other.order)
    assert other.sizes() == stored.sizes()
    results = [conv(p.max_pool(p.pad(features), 0), p.laplacian(1)) for p in (stored, other)]
    assert torch.equal(*results)


def test_autocast_keeps_the_recurrence_in_float32():
    torch.manual_seed(0)
    laplacian, conv = ScaledLaplacian(hand_mesh()), ChebyshevConv(8, 8)
    features = torch.randn(1160, 2, 8, requires_grad=True)
    expected = conv(features, laplacian)
    with torch.autocast("cpu", torch.bfloat16):
        found = conv(features, laplacian)
        from_half = conv(features.bfloat16(), laplacian)
    assert found.dtype == from_half.dtype == torch.float32
    assert torch.equal(found, expected)
    assert (from_half - expected).abs().max() < 0.05
    from_half.sum().backward()
    assert features.grad is not None
    assert features.grad.dtype == torch.float32


def test_misuse_is_named():
    pyramid = GraphPyramid(coarsen(skeleton(), 2))
    with pytest.raises(HandposeError, match="5 vertices"):
        pyramid.pad(torch.zeros(1, 5, 3))
    with pytest.raises(HandposeError, match="levels 0 to 2"):
        pyramid.max_pool(torch.zeros(len(pyramid.order), 1, 3), 1, 2)
    with pytest.raises(HandposeError, match="level 1"):
        pyramid.mean_pool(torch.zeros(len(pyramid.order), 1, 3), 1)
    with pytest.raises(HandposeError, match="7 nodes"):
        ChebyshevConv(3, 3)(torch.zeros(7, 1, 3), pyramid.laplacian(0))
    with pytest.raises(HandposeError, match="order"):
        ChebyshevConv(3, 3, 0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_gives_what_the_cpu_gives():
    torch.manual_seed(0)
    pyramid = GraphPyramid(coarsen(hand_mesh(), 3))
    convs = torch.nn.ModuleList(ChebyshevConv(4, 4) for _ in range(4))
    features = torch.randn(2, 1160, 4)
    expected = pyramid.unpad(network(pyramid, pyramid.pad(features), convs))
    pyramid.cuda()
    convs.cuda()
    found = pyramid.unpad(network(pyramid, pyramid.pad(features.cuda()), convs))
    torch.testing.assert_close(found.cpu(), expected, atol=1e-4, rtol=1e-4)

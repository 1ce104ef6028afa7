"""Training steps a second of a stack of Chebyshev convolutions on the hand's mesh, beside torch_geometric's ChebConv.

Both filter the same features with the same weights and the same largest eigenvalue. torch_geometric is given a batch as
it makes them, as one graph of unconnected copies, which is also the faster of its two ways here.
"""

from collections.abc import Callable
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from handpose_benchmarks.speed.figure import Figure, Skipped
from handpose_benchmarks.speed.timing import rate, threads
from handpose_core.mesh import adjacency, mesh_edges
from handpose_core.nn.graph import ChebyshevConv, ScaledLaplacian
from handpose_core.rig import load_rig

VERTICES = 2561
BATCH = 8
WIDTH = 64
LAYERS = 6
ORDER = 3
THREADS = 2
ROUNDS = 3
"""Measured in turns, the best of each counts: what else the machine does then weighs on both alike."""
TARGET = 5.0
AGREEMENT = 1e-5


class OurStack(nn.Module):
    """Six Chebyshev convolutions with ReLUs between them, by handpose_core.nn.graph."""

    def __init__(self) -> None:
        super().__init__()
        faces = load_rig(vertices=VERTICES).faces
        self.edges = torch.from_numpy(mesh_edges(faces))
        self.laplacian = ScaledLaplacian(adjacency(self.edges.numpy(), VERTICES))
        self.convs = nn.ModuleList(ChebyshevConv(WIDTH, WIDTH, ORDER) for _ in range(LAYERS))

    def forward(self, features: Float[Tensor, "v batch c"]) -> Float[Tensor, "v batch c"]:
        """Filter the features of a batch."""
        for before, conv in enumerate(self.convs):
            features = conv(features.relu() if before else features, self.laplacian)
        return features


class PeersStack(nn.Module):
    """The same network by torch_geometric, with the weights of ours.

    Args:
        ours: where the weights, the graph and its largest eigenvalue come from.

    Raises:
        ImportError: torch_geometric is not installed.
    """

    def __init__(self, ours: OurStack) -> None:
        super().__init__()
        both = torch.cat([ours.edges, ours.edges.flip(1)]).T
        self.edges = torch.cat([both + VERTICES * copy for copy in range(BATCH)], dim=1)
        self.lambda_max = float(ours.laplacian.lambda_max)
        self.convs = nn.ModuleList(_peers_conv(cast(ChebyshevConv, conv)) for conv in ours.convs)

    def forward(self, features: Float[Tensor, "nodes c"]) -> Float[Tensor, "nodes c"]:
        """Filter the features of a batch, the vertices of one mesh after those of another."""
        for before, conv in enumerate(self.convs):
            features = conv(features.relu() if before else features, self.edges, lambda_max=self.lambda_max)
        return features


def _peers_conv(conv: ChebyshevConv) -> nn.Module:
    from torch_geometric.nn import ChebConv  # type: ignore[import-not-found, import-untyped]

    peer = ChebConv(WIDTH, WIDTH, ORDER, normalization="sym")
    with torch.no_grad():
        peer.bias.copy_(conv.bias)
        for linear, theta in zip(peer.lins, conv.weight, strict=True):
            linear.weight.copy_(theta.T)
    return cast(nn.Module, peer)


def measure() -> list[Figure | Skipped]:
    """Forward and backward passes a second of both, their ratio, and how far their outputs agree."""
    torch.manual_seed(0)
    ours, features = OurStack(), torch.randn(VERTICES, BATCH, WIDTH)
    name, note = "Chebyshev stack", f"{VERTICES:,} vertices, K = {ORDER}, {LAYERS} layers of {WIDTH}, batch {BATCH}"
    with threads(THREADS):
        try:
            peer = PeersStack(ours)
        except ImportError as missing:
            alone = rate(_step(ours, features), 1)
            return [_figure(name, alone, note), Skipped(f"{name}, torch_geometric", str(missing))]
        copies = features.transpose(0, 1).flatten(0, 1)
        work = (_step(ours, features), _step(peer, copies))
        turns = [[rate(step, 1) for step in work] for _ in range(ROUNDS)]
        difference = largest_difference(ours, peer, features)
    best = [max(rates) for rates in zip(*turns, strict=True)]
    return [
        _figure(f"{name}, handpose_core.nn.graph", best[0], note),
        _figure(f"{name}, torch_geometric", best[1], note),
        Figure("  ours over it", best[0] / best[1], "×", TARGET, f"best of {ROUNDS} rounds each"),
        Figure(
            "  agreement", AGREEMENT / difference, "×", 1.0, f"of {AGREEMENT:g}: outputs differ by {difference:.1e}"
        ),
    ]


def largest_difference(ours: OurStack, peer: PeersStack, features: Float[Tensor, "v batch c"]) -> float:
    """The largest difference of an output, as a share of the largest output."""
    with torch.no_grad():
        expected = peer(features.transpose(0, 1).flatten(0, 1)).unflatten(0, (BATCH, VERTICES)).transpose(0, 1)
        return float((ours(features) - expected).abs().max() / expected.abs().max())


def _step(network: nn.Module, features: Tensor) -> Callable[[], None]:
    """A forward and a backward pass, to the features and to the weights."""
    inputs = features.clone().requires_grad_()

    def step() -> None:
        network.zero_grad()
        inputs.grad = None
        network(inputs).square().sum().backward()

    return step


def _figure(name: str, value: float, note: str) -> Figure:
    return Figure(name, value, "steps/s", note=f"{note}, forward and backward, {THREADS} threads")

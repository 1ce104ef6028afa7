"""The Graph U-Net on the hand's skeleton (Gao and Ji 2019, "Graph U-Nets"): top-k pooling, skips, back up.

Graphs are dense and small, one for each hand of a batch: pooling keeps other nodes in each.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from handpose_core.errors import HandposeError
from handpose_core.hand import BONES, N_JOINTS


@dataclass(frozen=True, kw_only=True)
class GraphUNetSize:
    """The sizes of a `GraphUNet`; the defaults are figure 5.3's.

    Args:
        nodes: how many nodes each pooling keeps.
        widths: channels before each pooling; the last are the bottom's, too.
    """

    nodes: Sequence[int] = (11, 5, 3)
    widths: Sequence[int] = (64, 128, 256)


PAPER_UNET = GraphUNetSize()


def normalised_adjacency(adjacency: Float[Tensor, "*batch n n"]) -> Float[Tensor, "*batch n n"]:
    """``D^-1/2 A D^-1/2``; a node without edges has a row of zeros, never not-a-number."""
    degrees = adjacency.sum(-1)
    root = torch.where(degrees > 0, degrees.clamp_min(1e-12).rsqrt(), 0)
    return root[..., :, None] * adjacency * root[..., None, :]


class GraphConv(nn.Module):
    """``A X theta + X phi``: what a node's neighbours say, and it itself.

    Args:
        inputs: channels that come in.
        outputs: channels that go out.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.neighbours = nn.Linear(inputs, outputs)
        self.own = nn.Linear(inputs, outputs, bias=False)

    def forward(
        self, features: Float[Tensor, "batch n inputs"], adjacency: Float[Tensor, "batch n n"]
    ) -> Float[Tensor, "batch n outputs"]:
        """The filtered features."""
        out: Tensor = self.neighbours(normalised_adjacency(adjacency) @ features) + self.own(features)
        return out


class TopKPool(nn.Module):
    """Keeps the nodes with the largest ``y = X p / |p|``, gated by sigmoid(y); A becomes (A^2)[kept, kept].

    Args:
        channels: of the features.
        keep: how many nodes stay.
    """

    def __init__(self, channels: int, keep: int) -> None:
        super().__init__()
        self.keep = keep
        self.direction = nn.Parameter(torch.randn(channels) / channels**0.5)

    def forward(
        self, features: Float[Tensor, "batch n channels"], adjacency: Float[Tensor, "batch n n"]
    ) -> tuple[Float[Tensor, "batch k channels"], Float[Tensor, "batch k k"], Int[Tensor, "batch k"]]:
        """The kept nodes' features, their graph, and which they are."""
        score = features @ self.direction / self.direction.norm().clamp_min(1e-12)
        top, kept = score.topk(self.keep, dim=-1)
        gated = features.gather(1, kept[..., None].expand(-1, -1, features.shape[-1])) * top.sigmoid()[..., None]
        two_steps = adjacency @ adjacency
        rows = two_steps.gather(1, kept[..., None].expand(-1, -1, adjacency.shape[-1]))
        return gated, rows.gather(2, kept[:, None].expand(-1, self.keep, -1)), kept


def unpool(
    features: Float[Tensor, "batch k channels"], kept: Int[Tensor, "batch k"], nodes: int
) -> Float[Tensor, "batch {nodes} channels"]:
    """The features at the nodes that were kept, zeros at the others."""
    empty = features.new_zeros(len(features), nodes, features.shape[-1])
    return empty.scatter(1, kept[..., None].expand_as(features), features)


class GraphUNet(nn.Module):
    """Features of the 21 joints to others, on the hand's skeleton; zeros at first.

    Args:
        inputs: channels that come in.
        outputs: channels that go out.
        size: nodes and widths.

    Raises:
        HandposeError: there is not a width for each pooling, or one keeps more nodes than there are.
    """

    adjacency: Float[Tensor, "21 21"]

    def __init__(self, inputs: int, outputs: int, size: GraphUNetSize) -> None:
        super().__init__()
        counts = (N_JOINTS, *size.nodes)
        if len(size.nodes) != len(size.widths) or list(counts) != sorted(counts, reverse=True) or counts[-1] < 1:
            raise HandposeError(
                "Graph U-Net", f"{list(size.nodes)} nodes, widths {list(size.widths)}",
                f"a width for each pooling, of fewer and fewer nodes of {N_JOINTS}", "Correct the network's size.",
            )  # fmt: skip
        skeleton = torch.eye(N_JOINTS)  # each node beside itself: two steps then lead to one's neighbours, too
        for a, b in BONES:
            skeleton[a, b] = skeleton[b, a] = 1
        self.register_buffer("adjacency", skeleton, persistent=False)
        widths = tuple(size.widths)
        into = (inputs, *widths[:-1])
        self.down = nn.ModuleList(GraphConv(i, o) for i, o in zip(into, widths, strict=True))
        self.pools = nn.ModuleList(TopKPool(width, keep) for width, keep in zip(widths, size.nodes, strict=True))
        self.bottom = GraphConv(widths[-1], widths[-1])
        below = (widths[-1], *widths[:0:-1])
        self.up = nn.ModuleList(GraphConv(b + w, w) for b, w in zip(below, widths[::-1], strict=True))
        self.out = nn.Linear(widths[0], outputs)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, features: Float[Tensor, "batch 21 inputs"]) -> Float[Tensor, "batch 21 outputs"]:
        """The joints' new features."""
        adjacency = self.adjacency.expand(len(features), -1, -1)
        skips = []
        for convolution, pool in zip(self.down, self.pools, strict=True):
            features = F.relu(convolution(features, adjacency))
            before = adjacency
            pooled, adjacency, kept = pool(features, adjacency)
            skips.append((features, before, kept))
            features = pooled
        features = F.relu(self.bottom(features, adjacency))
        for convolution, (skip, graph, kept) in zip(self.up, reversed(skips), strict=True):
            raised = unpool(features, kept, skip.shape[1])
            features = F.relu(convolution(torch.cat([raised, skip], dim=-1), graph))
        out: Tensor = self.out(features)
        return out

"""Graphs halved level by level by heavy-edge matching, in an order that makes pooling a reshape.

Defferrard, Bresson, Vandergheynst 2016, "Convolutional neural networks on graphs with fast localized spectral
filtering", sections 2.2 and 2.3; the matching is Graclus's (Dhillon, Guan, Kulis 2007).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Int
from numpy import ndarray
from scipy.sparse import csr_array

from handpose_core.errors import HandposeError
from handpose_core.mesh.topology import require_graph


@dataclass(frozen=True)
class Coarsening:
    """A graph at every level, nodes ordered so that 2i and 2i + 1 become node i of the next level.

    A node without a partner is paired with a fake node: one that stands for nothing and has no edges.

    Attributes:
        order: the vertex at each node of the finest level, -1 where the node is fake.
        graphs: adjacency at each level, finest first, fake nodes included.
    """

    order: Int[ndarray, "nodes"]
    graphs: tuple[csr_array, ...]

    @property
    def levels(self) -> int:
        """How often the graph was halved."""
        return len(self.graphs) - 1

    @property
    def sizes(self) -> tuple[int, ...]:
        """Nodes at each level, fake ones included."""
        return tuple(graph.shape[0] for graph in self.graphs)

    @cached_property
    def position(self) -> Int[ndarray, "v"]:
        """The node of each vertex at the finest level."""
        real = np.flatnonzero(self.order >= 0)
        position = np.empty(len(real), np.int64)
        position[self.order[real]] = real
        return position

    def real(self, level: int) -> Bool[ndarray, "nodes"]:
        """Which nodes of a level stand for vertices."""
        return np.any((self.order >= 0).reshape(-1, 2**level), axis=1)


def coarsen(weights: csr_array, levels: int, seed: int = 0) -> Coarsening:
    """Halve a graph ``levels`` times.

    The same graph, levels and seed give the same result. A network's weights belong to one result: `GraphPyramid`
    keeps it among its buffers and so in the checkpoint.

    Args:
        weights: symmetric adjacency matrix; larger weights are merged first.
        levels: how often to halve; 0 only takes the graph as it is.
        seed: of the order in which vertices look for partners.

    Raises:
        HandposeError: the matrix is no graph's, or ``levels`` is negative.
    """
    require_graph(weights)
    if levels < 0:
        raise HandposeError("coarsening levels", str(levels), "0 or more", "Give how often to halve the graph.")
    draw = np.random.default_rng(seed)
    graphs, parents = [csr_array(weights)], []
    importance = graphs[0].sum(1)
    for _ in range(levels):
        parent = heavy_edge_matching(graphs[-1], importance, draw)
        count = int(parent.max()) + 1
        merge = csr_array((np.ones(len(parent)), (parent, np.arange(len(parent)))), shape=(count, len(parent)))
        coarse = csr_array(merge @ graphs[-1] @ merge.T)
        coarse.setdiag(0)
        coarse.eliminate_zeros()
        graphs.append(coarse)
        parents.append(parent)
        importance = merge @ importance
    orders = _orders(parents, graphs[-1].shape[0])
    return Coarsening(orders[0], tuple(_reorder(graph, order) for graph, order in zip(graphs, orders, strict=True)))


def heavy_edge_matching(weights: csr_array, importance: ndarray, draw: np.random.Generator) -> Int[ndarray, "v"]:
    """The node of the next level that each vertex goes into: at most two into one.

    Vertices are taken in random order, those with few neighbours first, as they run out of partners soonest. Each
    picks the unmatched neighbour with the largest w_ij (1/d_i + 1/d_j), the local normalised cut.

    Args:
        weights: symmetric adjacency matrix.
        importance: d, each vertex's summed weights, those inside it included.
        draw: where the random order comes from.
    """
    count = weights.shape[0]
    shuffled = draw.permutation(count)
    visits = shuffled[np.argsort(np.diff(weights.indptr)[shuffled], kind="stable")]
    parent = np.full(count, -1)
    pairs = 0
    for vertex in visits:
        if parent[vertex] >= 0:
            continue
        row = slice(weights.indptr[vertex], weights.indptr[vertex + 1])
        neighbours, strength = weights.indices[row], weights.data[row]
        free = parent[neighbours] < 0
        parent[vertex] = pairs
        if free.any():
            cut = strength[free] * (1 / importance[vertex] + 1 / importance[neighbours[free]])
            parent[neighbours[free][cut.argmax()]] = pairs
        pairs += 1
    return parent


def _orders(parents: list[Int[ndarray, "_"]], coarsest: int) -> list[Int[ndarray, "_"]]:
    """The node before padding at each place, per level, finest first; -1 where the place is padding."""
    orders = [np.arange(coarsest)]
    for parent in reversed(parents):
        children = np.full((len(orders[0]), 2), -1)
        place_of = np.argsort(np.where(orders[0] < 0, len(parent), orders[0]), kind="stable")
        by_parent = np.argsort(parent, kind="stable")
        is_second = np.r_[False, np.diff(parent[by_parent]) == 0]
        children[place_of[parent[by_parent]], is_second.astype(int)] = by_parent
        orders.insert(0, children.ravel())
    return orders


def _reorder(graph: csr_array, order: Int[ndarray, "_"]) -> csr_array:
    """The graph with node ``order[i]`` at place i; padding has no edges."""
    places = np.flatnonzero(order >= 0)
    select = csr_array((np.ones(len(places)), (places, order[places])), shape=(len(order), graph.shape[0]))
    ordered = csr_array(select @ graph @ select.T)
    ordered.sort_indices()
    return ordered

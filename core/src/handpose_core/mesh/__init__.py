"""Triangle meshes as surfaces and as graphs: areas and normals, topology, coarsening."""

from handpose_core.mesh.coarsening import Coarsening, coarsen, heavy_edge_matching
from handpose_core.mesh.surface import area_vectors, face_areas, face_normals, vertex_areas, vertex_normals
from handpose_core.mesh.topology import adjacency, boundary_loops, directed_edges, mesh_edges, require_graph

__all__ = [
    "Coarsening",
    "adjacency",
    "area_vectors",
    "boundary_loops",
    "coarsen",
    "directed_edges",
    "face_areas",
    "face_normals",
    "heavy_edge_matching",
    "mesh_edges",
    "require_graph",
    "vertex_areas",
    "vertex_normals",
]

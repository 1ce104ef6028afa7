"""Areas and normals of faces and vertices, batched and differentiable.

Surfaces have counter-clockwise faces seen from outside, so normals point outwards. Areas are in the square of the
vertices' unit.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional


def area_vectors(vertices: Float[Tensor, "*batch v 3"], faces: Int[Tensor, "f 3"]) -> Float[Tensor, "*batch f 3"]:
    """Each face's outward normal times its area."""
    first, second, third = vertices[..., faces, :].unbind(-2)
    return torch.linalg.cross(second - first, third - first) / 2


def face_areas(vertices: Float[Tensor, "*batch v 3"], faces: Int[Tensor, "f 3"]) -> Float[Tensor, "*batch f"]:
    """The area of each face."""
    return area_vectors(vertices, faces).norm(dim=-1)


def face_normals(vertices: Float[Tensor, "*batch v 3"], faces: Int[Tensor, "f 3"]) -> Float[Tensor, "*batch f 3"]:
    """Unit normals of the faces; zero where a face has no area."""
    return functional.normalize(area_vectors(vertices, faces), dim=-1)


def vertex_areas(vertices: Float[Tensor, "*batch v 3"], faces: Int[Tensor, "f 3"]) -> Float[Tensor, "*batch v"]:
    """A third of the area of each vertex's faces: they sum to the surface's area."""
    shares = face_areas(vertices, faces)[..., None].expand(*vertices.shape[:-2], len(faces), 3) / 3
    return vertices.new_zeros(vertices.shape[:-1]).index_add(-1, faces.flatten(), shares.flatten(-2))


def vertex_normals(vertices: Float[Tensor, "*batch v 3"], faces: Int[Tensor, "f 3"]) -> Float[Tensor, "*batch v 3"]:
    """Unit normals of the vertices; their faces weigh by area. Zero where a vertex has no face."""
    vectors = area_vectors(vertices, faces)
    normals = torch.zeros_like(vertices)
    for corner in range(3):
        normals = normals.index_add(-2, faces[:, corner], vectors)
    return functional.normalize(normals, dim=-1)

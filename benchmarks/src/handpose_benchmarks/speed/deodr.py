"""Peer: the silhouette and its gradient by DEODR (de La Gorce et al. 2011), one image after the other, in C++."""

import numpy as np
from deodr import differentiable_renderer_cython
from deodr.differentiable_renderer import Scene2DBase
from deodr.triangulated_mesh import TriMeshAdjacencies
from jaxtyping import Float, Int

EDGE_PX = 1.0
"""Width of the band around the outline over which DEODR fades."""


class DeodrSilhouette:
    """Draws one colour, white, by DEODR's own innermost calls: its scenes and its torch wrapper take longer.

    Args:
        faces: Corners, counter-clockwise seen from outside.
        vertices: How many there are.
        size: Width and height of the image, px.
    """

    def __init__(self, faces: Int[np.ndarray, "faces 3"], vertices: int, size: int) -> None:
        self._faces, self._vertices, self._size = faces.astype(np.uint32), vertices, size
        self._edges = TriMeshAdjacencies(self._faces)

    def draw(
        self,
        pixels: Float[np.ndarray, "vertices 2"],
        depth: Float[np.ndarray, "vertices"],
        gradient: Float[np.ndarray, "height width"],
    ) -> tuple[Float[np.ndarray, "height width"], Float[np.ndarray, "vertices 2"]]:
        """Coverage, and what a gradient of it is at the vertices.

        Args:
            pixels: The vertices, px.
            depth: Their depth.
            gradient: Of something by the coverage.
        """
        count, faces, shape = self._vertices, len(self._faces), (self._size, self._size, 1)
        scene = Scene2DBase(
            faces=self._faces, faces_uv=self._faces, ij=pixels, depths=depth, textured=np.zeros(faces, bool),
            uv=np.zeros((count, 2)), shade=np.zeros(count), colors=np.ones((count, 1)), shaded=np.zeros(faces, bool),
            edgeflags=np.asarray(self._edges.edge_on_silhouette(pixels)), height=self._size, width=self._size,
            nb_colors=1, texture=np.zeros((0, 0)), background_color=np.zeros(1), backface_culling=True,
        )  # fmt: skip
        image, depths = np.empty(shape), np.empty(shape[:2])
        differentiable_renderer_cython.renderSceneCpp(scene, EDGE_PX, image, depths, False, None, None)
        scene.uv_b, scene.ij_b = np.zeros((count, 2)), np.zeros((count, 2))
        scene.shade_b, scene.colors_b, scene.texture_b = np.zeros(count), np.zeros((count, 1)), np.zeros((0, 0))
        coverage = image[..., 0].copy()  # the way back undoes the picture
        differentiable_renderer_cython.renderSceneBCpp(
            scene, EDGE_PX, image, depths, np.ascontiguousarray(gradient[..., None]), False, None, None, None
        )
        return coverage, scene.ij_b

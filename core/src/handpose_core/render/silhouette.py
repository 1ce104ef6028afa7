"""Silhouettes of meshes whose gradient reaches the vertices, by two methods behind one interface.

Both draw the union of all faces, open or closed, whichever way they are wound, and take gradients from its outline
alone: where a finger lies before the palm there is no edge. The outline does not depend on what is in front, so depth
is used to leave out what lies behind the camera and gets no gradient. The same code runs on CPU and CUDA.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import inf, log, sqrt
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from handpose_core.errors import HandposeError
from handpose_core.render.rasterise import ceil_clamped, ranges
from handpose_core.render.silhouette_outline import (
    Contour,
    MeshEdges,
    Outline,
    covered_pixels,
    cross_columns,
    cross_rows,
    edges_and_faces,
    find_contour,
    find_outline,
    outline_edges,
)


class Silhouette(ABC):
    """Draws the coverage of a batch of meshes that share their faces.

    Args:
        near: faces with a vertex at a smaller depth are left out.
    """

    def __init__(self, near: float = -inf) -> None:
        self._finder = _OutlineFinder(near)

    @abstractmethod
    def draw(
        self, vertices: Float[Tensor, "batch v 3"], faces: Int[Tensor, "f 3"], size: tuple[int, int]
    ) -> Float[Tensor, "batch 1 height width"]:
        """Coverage of each pixel, 0 to 1, with gradients to ``vertices``.

        Args:
            vertices: u and v in px of the image drawn, (0, 0) = centre of the top-left pixel; then depth in any unit.
                Faces with a vertex that is not finite are left out.
            faces: corners; their edges are remembered until other faces are given.
            size: (height, width).

        Raises:
            HandposeError: faces name vertices that there are not, or the image is smaller than two pixels.
        """


class EdgeSilhouette(Silhouette):
    """Hard coverage, smoothed by how far the outline lies from the pixels' centres.

    Where a pixel's centre is covered and its neighbour's is not, the outline crosses the line between them; the
    pixel on whose side of the middle it crosses gets the difference, so that a row of pixels sums up to the length
    covered. Steep edges are treated along rows, flat ones along columns. In the manner of the antialiasing of Laine et
    al. 2020 (Modular primitives for high-performance differentiable rendering, section 3.6).

    Args:
        near: faces with a vertex at a smaller depth are left out.
    """

    def draw(
        self, vertices: Float[Tensor, "batch v 3"], faces: Int[Tensor, "f 3"], size: tuple[int, int]
    ) -> Float[Tensor, "batch 1 height width"]:
        """Coverage of each pixel; see `Silhouette`."""
        vertices = _at_least_single(vertices)
        coverage: Tensor = _Smoothed.apply(  # type: ignore[no-untyped-call]
            vertices, self._finder.find(vertices, faces, size)
        )
        return coverage


class SoftSilhouette(Silhouette):
    """Coverage that falls off smoothly around the outline: sigmoid(± d² / sigma), + inside (Liu et al. 2019, SoftRas).

    There d is the distance to one face and a pixel is covered if any face covers it: 1 − Π(1 − D). Between small
    faces that product leaves seams, and a hidden edge pulls as well as a visible one. Here d is the distance to the
    nearest edge of the faces' outline, which is what the product tends to as sigma shrinks. At the outline itself d²
    is flat: a gradient comes only from pixels off it.

    Args:
        sigma: px²; wider is smoother and reaches further, and takes longer.
        near: faces with a vertex at a smaller depth are left out.

    Raises:
        HandposeError: sigma is not positive.
    """

    _FAINT = 1e-3
    """Coverage below which a pixel is left alone."""

    def __init__(self, sigma: float = 1.0, near: float = -inf) -> None:
        if not sigma > 0:
            raise HandposeError("SoftSilhouette.sigma", str(sigma), "a number above 0 (px²)", "Choose one, such as 1.")
        super().__init__(near)
        self.sigma = sigma

    def draw(
        self, vertices: Float[Tensor, "batch v 3"], faces: Int[Tensor, "f 3"], size: tuple[int, int]
    ) -> Float[Tensor, "batch 1 height width"]:
        """Coverage of each pixel; see `Silhouette`."""
        vertices = _at_least_single(vertices)
        found = self._finder.find(vertices, faces, size)
        hard = found.covered.flatten()
        reach = sqrt(self.sigma * log(1 / self._FAINT - 1))
        pixel, edge = _nearest_edges(found, reach)
        ends = found.contour.ends.index_select(0, edge).flatten()
        points = vertices[..., :2].reshape(-1, 2).index_select(0, ends).view(-1, 2, 2)
        squared = _squared_distance(_centres(pixel, found.covered.shape).to(points.dtype), points)
        inside = hard.index_select(0, pixel)
        shade = torch.sigmoid(torch.where(inside, squared, -squared) / self.sigma)
        return hard.to(vertices.dtype).index_copy(0, pixel, shade).view(found.covered.shape)[:, None]


@dataclass(frozen=True)
class _Found:
    """The hard silhouette of a batch of meshes, and its outline."""

    contour: Contour
    covered: Bool[Tensor, "batch height width"]
    outline: Outline


class _OutlineFinder:
    """Finds outlines, and remembers the last faces' edges: making them takes longer than a silhouette."""

    def __init__(self, near: float) -> None:
        self._near = near
        self._known: tuple[Tensor, int, MeshEdges] | None = None

    @torch.no_grad()
    def find(self, vertices: Tensor, faces: Tensor, size: tuple[int, int]) -> _Found:
        batch, count, _ = vertices.shape
        height, width = size
        if min(size) < 2:
            raise HandposeError(
                "silhouette size", f"{height} x {width}", "at least 2 x 2 pixels", "Draw a larger image."
            )
        edges = self._edges(faces, count)
        # as the z-buffer: single precision, so that both see the same pixels
        vertices = vertices.detach().float()
        drawn = vertices[..., 2] >= self._near
        contour = find_contour(vertices[..., :2], drawn, faces, edges)
        rows, columns = cross_rows(contour, height, width), cross_columns(contour, height, width)
        covered = covered_pixels(contour, rows, (batch, height, width))
        return _Found(contour, covered, find_outline(contour, rows, columns, covered))

    def _edges(self, faces: Tensor, count: int) -> MeshEdges:
        if self._known is not None:
            known, known_count, edges = self._known
            if known_count == count and known.device == faces.device and torch.equal(known, faces):
                return edges
        if len(faces) and not 0 <= int(faces.min()) <= int(faces.max()) < count:
            raise HandposeError(
                "faces", f"corners {int(faces.min())} to {int(faces.max())}",
                f"0 to {count - 1}: there are {count} vertices", "Draw a mesh with the faces of its own topology.",
            )  # fmt: skip
        edges = edges_and_faces(faces)
        self._known = (faces.clone(), count, edges)
        return edges


class _Smoothed(Function):
    """Coverage from the hard silhouette and its outline.

    Its derivatives are written out: they are few numbers, and autograd's dozen steps would take longer than the rest.
    """

    @staticmethod
    def forward(ctx: Any, vertices: Tensor, found: _Found) -> Tensor:
        outline, flat = found.outline, vertices.flatten()
        ends = 3 * found.contour.ends.index_select(0, outline.edge).T
        entries = torch.cat([ends + outline.axis, ends + (1 - outline.axis)]).flatten()
        place_a, place_b, line_a, line_b = flat.index_select(0, entries).view(4, -1)
        tilt = (place_b - place_a) / (line_b - line_a)
        share = (outline.line - line_a) / (line_b - line_a)
        place = torch.lerp(place_a, place_b, share)
        # how far past the middle between the two centres the outline lies; negative: it falls short of it
        beyond = (place - outline.inner) * outline.outwards - 0.5
        pixel = torch.where(beyond > 0, outline.uncovered, outline.covered)
        hard = found.covered.flatten().to(flat.dtype)
        coverage = hard.index_add_(0, pixel, beyond)
        here = coverage.index_select(0, pixel)
        second = share * (outline.outwards * (here == here.clamp(0, 1)))
        first = outline.outwards * (here == here.clamp(0, 1)) - second
        ctx.save_for_backward(pixel, entries, torch.stack([first, second, -tilt * first, -tilt * second]))
        ctx.shape = vertices.shape
        return coverage.clamp_(0, 1).view(found.covered.shape)[:, None]

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        pixel, entries, slopes = ctx.saved_tensors
        pulls = slopes * gradients[0].reshape(-1).index_select(0, pixel)
        pulled = pulls.new_zeros(ctx.shape.numel()).index_add_(0, entries, pulls.flatten())
        return pulled.view(ctx.shape), None


def _at_least_single(vertices: Tensor) -> Tensor:
    """Half precision knows pixels to an eighth at best."""
    return vertices.to(torch.promote_types(vertices.dtype, torch.float32))


def _nearest_edges(found: _Found, reach: float) -> tuple[Tensor, Tensor]:
    """Pixels within reach of the outline, and the contour edge nearest to each."""
    _, height, width = found.covered.shape
    contour = found.contour
    edges = outline_edges(contour, found.outline, found.covered)
    points, image = contour.points.index_select(0, edges), contour.image.index_select(0, edges)
    low, high = points.amin(1) - reach, points.amax(1) + reach
    owner, row = ranges(ceil_clamped(low[:, 1], height), ceil_clamped(high[:, 1], height))
    columns = ceil_clamped(low[:, 0], width), ceil_clamped(high[:, 0], width)
    span, column = ranges(*(column.index_select(0, owner) for column in columns))
    owner, row = owner.index_select(0, span), row.index_select(0, span)
    centres = torch.stack([column, row], dim=-1).to(points.dtype)
    squared = _squared_distance(centres, points.index_select(0, owner))
    near = (squared < reach**2).nonzero().squeeze(-1)
    squared, owner = squared.index_select(0, near), owner.index_select(0, near)
    pixel = ((image.index_select(0, owner) * height + row.index_select(0, near)) * width) + column.index_select(0, near)
    key = (squared.view(torch.int32).to(torch.int64) << 32) | owner
    farther = torch.iinfo(torch.int64).max
    nearest = key.new_full((found.covered.numel(),), farther).scatter_reduce_(0, pixel, key, "amin")
    pixel = (nearest < farther).nonzero().squeeze(-1)
    return pixel, edges.index_select(0, nearest.index_select(0, pixel) & 0xFFFFFFFF)


def _centres(pixel: Int[Tensor, "n"], shape: torch.Size) -> Int[Tensor, "n 2"]:
    """Column and row of flat pixel indices."""
    _, height, width = shape
    line = torch.div(pixel, width, rounding_mode="floor")
    return torch.stack([pixel - line * width, line % height], dim=-1)


def _squared_distance(centres: Float[Tensor, "n 2"], points: Float[Tensor, "n 2 2"]) -> Float[Tensor, "n"]:
    """Squared distance from pixels to segments; the foot's own gradient is zero and left out."""
    start, end = points.unbind(1)
    with torch.no_grad():
        along = end - start
        length = along.square().sum(-1)
        foot = ((centres - start) * along).sum(-1) / torch.where(length == 0, 1.0, length)
        foot = foot.clamp(0, 1)[:, None]
    return (torch.lerp(start, end, foot) - centres).square().sum(-1)

"""The outline of a batch of meshes: contour edges, where they cross the pixel grid, and what they enclose.

The silhouette is the union of all faces, whichever is in front. A scanline through it needs no faces: where two faces
meet edge to edge what one adds along the row the other takes away, so only contour edges, at which the surface turns
over or ends, are left. Their crossings are those of `rasterise`, bit by bit: its mask is this coverage.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from handpose_core.render.rasterise import ceil_clamped, ranges


@dataclass(frozen=True)
class MeshEdges:
    """The edges that a mesh's faces share.

    Attributes:
        ends: the two vertices of each edge, the lower index first.
        along: the faces that run from its first end to its second, as many columns as the edge with most of them has;
            the number of faces fills up.
        against: the faces that run from its second end to its first.
    """

    ends: Int[Tensor, "e 2"]
    along: Int[Tensor, "e p"]
    against: Int[Tensor, "e q"]


def edges_and_faces(faces: Int[Tensor, "f 3"]) -> MeshEdges:
    """Collect the edges of faces; any number of faces may share one."""
    half = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    face = torch.arange(len(faces), device=faces.device).repeat(3)
    proper = half[:, 0] != half[:, 1]
    half, face = half[proper], face[proper]
    ends, edge = torch.unique(half.sort(1).values, dim=0, return_inverse=True)
    along = half[:, 0] < half[:, 1]
    columns = (_columns(edge[run], face[run], len(ends), len(faces)) for run in (along, ~along))
    return MeshEdges(ends, *columns)


def _columns(owner: Tensor, value: Tensor, owners: int, filling: int) -> Int[Tensor, "owners k"]:
    """Each owner's values in a row."""
    count = torch.bincount(owner, minlength=owners)
    order = owner.argsort(stable=True)
    rank = torch.arange(len(order), device=owner.device) - (count.cumsum(0) - count)[owner[order]]
    table = torch.full((owners, int(count.max()) if owners else 0), filling, device=owner.device)
    table[owner[order], rank] = value[order]
    return table


@dataclass(frozen=True)
class Contour:
    """The contour edges of a batch of meshes.

    Attributes:
        ends: rows of the table of all meshes' vertices (batch times v), two an edge.
        points: the same ends, px.
        image: which mesh of the batch each edge is of.
        layers: faces to the right of the edge, going from its first to its second end with y downwards as drawn,
            less those to its left; never 0.
        steep: the edge goes at least as far down as across.
    """

    ends: Int[Tensor, "n 2"]
    points: Float[Tensor, "n 2 2"]
    image: Int[Tensor, "n"]
    layers: Int[Tensor, "n"]
    steep: Bool[Tensor, "n"]


def find_contour(
    pixels: Float[Tensor, "batch v 2"], drawn: Bool[Tensor, "batch v"], faces: Int[Tensor, "f 3"], edges: MeshEdges
) -> Contour:
    """The edges at which the drawn surface turns over or ends, seen from the camera; faces count from both sides.

    Args:
        pixels: the vertices, px.
        drawn: vertices whose faces are drawn; those of any other vertex, or of one that is not finite, are left out.
        faces: corners.
        edges: those of ``faces``.
    """
    # the batch comes last: one gather then moves a vertex of all meshes at once
    xy = torch.where(drawn[..., None], pixels, torch.nan).permute(1, 2, 0).contiguous()
    xy = xy + (xy - xy)  # infinite becomes NaN
    first, second, third = (xy.index_select(0, corner) for corner in faces.unbind(1))
    across, along = second - first, third - first
    left, right = across[:, 0] * along[:, 1], across[:, 1] * along[:, 0]
    # every face is turned to the camera: +1 as it is, -1 reversed, 0 edge-on or not drawn (NaN compares as False)
    facing = (left < right).view(torch.int8) - (left > right).view(torch.int8)
    facing = torch.cat([facing, facing.new_zeros(1, facing.shape[1])])
    layers = facing.new_zeros(len(edges.ends), facing.shape[1])
    for beside in edges.along.unbind(1):
        layers += facing.index_select(0, beside)
    for beside in edges.against.unbind(1):
        layers -= facing.index_select(0, beside)
    place = layers.flatten().nonzero().squeeze(-1)
    edge = torch.div(place, len(pixels), rounding_mode="floor")
    image = place - edge * len(pixels)
    ends = edges.ends.index_select(0, edge) + (image * pixels.shape[1])[:, None]
    points = pixels.reshape(-1, 2).index_select(0, ends.flatten()).view(-1, 2, 2)
    run, fall = (points[:, 1] - points[:, 0]).abs().unbind(1)
    return Contour(ends, points, image, layers.flatten().index_select(0, place).long(), fall >= run)


@dataclass(frozen=True)
class Crossings:
    """Where contour edges cross the lines through pixel centres: rows (``axis`` 0) or columns (1).

    Attributes:
        edge: index into the contour.
        line: the row or column crossed.
        cell: the first pixel along that line that lies at or after the crossing, 0 to its length.
        place: the crossing, px along the line.
        change: how many more layers cover the line after the crossing than before.
    """

    edge: Int[Tensor, "m"]
    line: Int[Tensor, "m"]
    cell: Int[Tensor, "m"]
    place: Float[Tensor, "m"]
    change: Int[Tensor, "m"]


def cross_rows(contour: Contour, height: int, width: int) -> Crossings:
    """Every crossing of the contour with a row of pixels."""
    return _cross_lines(contour, 0, height, width, contour.layers)


def cross_columns(contour: Contour, height: int, width: int) -> Crossings:
    """The crossings of flat edges (those that are not steep) with columns of pixels."""
    # going right instead of down, what was to the right lies below the line
    return _cross_lines(contour, 1, width, height, torch.where(contour.steep, 0, -contour.layers))


def _cross_lines(contour: Contour, axis: int, lines: int, length: int, layers: Tensor) -> Crossings:
    """The crossings of edges with layers; evaluated from the end with the lower coordinate, as the z-buffer does."""
    across, place = contour.points[..., 1 - axis], contour.points[..., axis]
    (start, end), (begin, finish) = across.unbind(1), place.unbind(1)
    turned = start > end
    start, end = torch.minimum(start, end), torch.maximum(start, end)
    begin, finish = torch.where(turned, finish, begin), torch.where(turned, begin, finish)
    rise = end - start
    slope = (finish - begin) / torch.where(rise == 0, 1.0, rise)
    last = ceil_clamped(torch.where(layers == 0, start, end), lines)
    edge, line = ranges(ceil_clamped(start, lines), last)
    origin, base, tilt = torch.stack([start, begin, slope], dim=1).index_select(0, edge).unbind(1)
    at = base + (line.to(origin.dtype) - origin) * tilt
    change = torch.where(turned, -layers, layers).index_select(0, edge)
    return Crossings(edge, line, ceil_clamped(at, length), at, change)


def covered_pixels(
    contour: Contour, rows: Crossings, shape: tuple[int, int, int]
) -> Bool[Tensor, "batch height width"]:
    """The pixels whose centre lies under a face.

    Args:
        contour: the edges.
        rows: their crossings with the rows.
        shape: (batch, height, width).
    """
    batch, height, width = shape
    # over its whole length a row gains as many layers as it loses: one sum can run through all rows, and what is lost
    # past a row's last pixel is lost at the next one's first
    changes = rows.change.new_zeros(batch * height * width + 1)
    line = contour.image.index_select(0, rows.edge) * height + rows.line
    changes.index_add_(0, line * width + rows.cell, rows.change)
    return (changes.cumsum(0)[:-1] > 0).view(shape)


@dataclass(frozen=True)
class Outline:
    """Pairs of neighbouring pixels, one covered and one not, with the contour edge that passes between their centres.

    Attributes:
        edge: index into the contour.
        axis: 0 where the pixels are neighbours in a row, 1 in a column.
        line: that row (or column).
        inner: the covered pixel's place along that line.
        outwards: +1 where the uncovered pixel comes after the covered one, else -1.
        covered: flat index of the covered pixel into (batch, height, width).
        uncovered: that of the other.
    """

    edge: Int[Tensor, "p"]
    axis: Int[Tensor, "p"]
    line: Int[Tensor, "p"]
    inner: Int[Tensor, "p"]
    outwards: Int[Tensor, "p"]
    covered: Int[Tensor, "p"]
    uncovered: Int[Tensor, "p"]


def find_outline(
    contour: Contour, rows: Crossings, columns: Crossings, covered: Bool[Tensor, "batch height width"]
) -> Outline:
    """The crossings that bound the silhouette: between a covered and an uncovered pixel, the outermost of several.

    Steep edges are looked for along rows, flat ones along columns. Contours in front of or behind other parts of the
    mesh have covered pixels on both sides and are left out.

    Args:
        contour: the edges.
        rows: their crossings with the rows.
        columns: theirs with the columns.
        covered: pixels under a face.
    """
    halves = [_bounding(contour, crossings, covered, axis) for axis, crossings in enumerate((rows, columns))]
    return Outline(*(torch.cat(pair) for pair in zip(*halves, strict=True)))


def _bounding(contour: Contour, crossings: Crossings, covered: Tensor, axis: int) -> tuple[Tensor, ...]:
    """One axis of the outline: the columns of `Outline`."""
    _, height, width = covered.shape
    length, step, stride = (width, 1, width) if axis == 0 else (height, width, 1)
    after = crossings.cell.clamp(1, length - 1)
    pixel = contour.image.index_select(0, crossings.edge) * (height * width) + crossings.line * stride + after * step
    flat, entering = covered.flatten(), crossings.change > 0
    bounds = (after == crossings.cell) & (contour.steep.index_select(0, crossings.edge) == (axis == 0))
    bounds &= (flat.index_select(0, pixel) == entering) & (flat.index_select(0, pixel - step) != entering)
    chosen = bounds.nonzero().squeeze(-1)
    edge, line, cell, place, pixel, entering = (
        values.index_select(0, chosen)
        for values in (crossings.edge, crossings.line, crossings.cell, crossings.place, pixel, entering)
    )
    inner = torch.where(entering, cell, cell - 1)
    # the bits of a distance, which is not negative, sort as it does; the position tells equal ones apart
    reach = (place - inner).abs().view(torch.int32).long()
    key = (reach << 32) | torch.arange(len(reach), device=reach.device)
    farthest = key.new_zeros(flat.shape).scatter_reduce_(0, pixel, key, "amax")
    last = (farthest.index_select(0, pixel) == key).nonzero().squeeze(-1)
    edge, line, inner, pixel, entering = (
        values.index_select(0, last) for values in (edge, line, inner, pixel, entering)
    )
    before, sign = pixel - step, torch.where(entering, -1, 1)
    uncovered = torch.where(entering, before, pixel)
    return edge, torch.full_like(edge, axis), line, inner, sign, before + pixel - uncovered, uncovered


def outline_edges(contour: Contour, outline: Outline, covered: Bool[Tensor, "batch height width"]) -> Int[Tensor, "n"]:
    """The contour edges along the outline: those that cross it, and the shorter ones between them that cross no line.

    Of the latter those whose middle lies among four pixel centres of which some are covered and some are not.
    """
    _, height, width = covered.shape
    short = (contour.points[:, 1] - contour.points[:, 0]).abs().amax(1) < 1
    column, row = contour.points.mean(1).floor().long().unbind(1)
    corner = (contour.image * height + row.clamp(0, height - 2)) * width + column.clamp(0, width - 2)
    flat = covered.flatten()
    among = torch.stack([flat.index_select(0, corner + step) for step in (0, 1, width, width + 1)])
    along = short & among.any(0) & ~among.all(0)
    along[outline.edge] = True
    return along.nonzero().squeeze(-1)

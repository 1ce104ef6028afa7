"""The batched z-buffer: which face each pixel sees, by scanline spans instead of per-pixel edge tests.

A face's span on a pixel row runs from the ceiling of its left edge's x to the ceiling of its right
edge's x. Two faces that share an edge evaluate it from the same end points in the same order, so
they get bitwise the same x: every pixel centre under a closed surface belongs to exactly one
face of each layer: no cracks, no specks, no double hits. The same code runs on CPU and CUDA.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

NEAR = 10.0
"""mm; faces with a vertex nearer than this to the camera's plane are not drawn."""


@dataclass(frozen=True)
class Fragments:
    """What a batch of meshes covers: one entry for each pixel hit, front-most face only.

    Attributes:
        shape: (batch, height, width) of the images.
        pixel: flat index of each hit pixel into the ``shape`` grid.
        image: which image of the batch each hit is in.
        face: index of the face seen there.
        weights: perspective-correct barycentric weights of the face's three corners; they sum to 1.
        depth: z in mm at the pixel's centre.
    """

    shape: tuple[int, int, int]
    pixel: Int[Tensor, "n"]
    image: Int[Tensor, "n"]
    face: Int[Tensor, "n"]
    weights: Float[Tensor, "n 3"]
    depth: Float[Tensor, "n"]

    def face_ids(self) -> Int[Tensor, "batch height width"]:
        """Face index of every pixel, -1 where there is none."""
        flat = torch.full((self.shape[0] * self.shape[1] * self.shape[2],), -1, device=self.pixel.device)
        return flat.scatter(0, self.pixel, self.face).view(self.shape)

    def mask(self) -> Bool[Tensor, "batch height width"]:
        """Where anything was hit."""
        return self.face_ids() >= 0

    def depth_map(self) -> Float[Tensor, "batch height width"]:
        """Z in mm of every pixel, 0 where nothing was hit."""
        return self.paint(self.depth[:, None]).squeeze(-1)

    def paint(self, values: Float[Tensor, "n c"]) -> Float[Tensor, "batch height width c"]:
        """Spread per-hit values over the image grid; 0 where nothing was hit."""
        batch, height, width = self.shape
        flat = values.new_zeros(batch * height * width, values.shape[-1])
        return flat.index_copy(0, self.pixel, values).view(batch, height, width, -1)

    def pool(self, values: Float[Tensor, "n c"], factor: int) -> Float[Tensor, "batch rows columns c"]:
        """Mean of per-hit values over blocks of ``factor`` x ``factor`` pixels; pixels without a hit count as 0."""
        batch, height, width = self.shape
        rows, columns = height // factor, width // factor
        line = torch.div(self.pixel, width, rounding_mode="floor")
        block = torch.div(line, factor, rounding_mode="floor") * columns
        block = block + torch.div(self.pixel - line * width, factor, rounding_mode="floor")
        flat = values.new_zeros(batch * rows * columns, values.shape[-1])
        return flat.index_add(0, block, values, alpha=1 / factor**2).view(batch, rows, columns, -1)

    def interpolate(self, attributes: Float[Tensor, "batch v c"], faces: Int[Tensor, "f 3"]) -> Float[Tensor, "n c"]:
        """Perspective-correct value of per-vertex attributes at each hit."""
        corners = faces[self.face] + (self.image * attributes.shape[1])[:, None]
        table = attributes.reshape(-1, attributes.shape[-1])
        first, second, third = self.weights.unbind(-1)
        value = table[corners[:, 0]] * first[:, None]
        value = torch.addcmul(value, table[corners[:, 1]], second[:, None])
        return torch.addcmul(value, table[corners[:, 2]], third[:, None])


def rasterise(
    pixels: Float[Tensor, "batch v 2"],
    depth: Float[Tensor, "batch v"],
    faces: Int[Tensor, "f 3"],
    height: int,
    width: int,
    two_sided: bool = False,
) -> Fragments:
    """Find the front-most face of every pixel.

    Args:
        pixels: projected vertices, px, (0, 0) = centre of the top-left pixel.
        depth: z of the vertices in mm.
        faces: corners, counter-clockwise seen from outside.
        height: rows of the images.
        width: columns of the images.
        two_sided: also draw faces seen from behind (for open meshes).

    Returns:
        The hits. Weights and depth carry gradients to ``pixels`` and ``depth``; which face is seen does not.
    """
    with torch.no_grad():
        keys = _z_buffer(pixels, depth, faces, height, width, two_sided)
        pixel = keys.nonzero().squeeze(-1)
        face = keys[pixel] & 0xFFFFFFFF
    shape = (pixels.shape[0], height, width)
    image, weights, z = _corner_weights(pixels, depth, faces, pixel, face, shape)
    return Fragments(shape, pixel, image, face, weights, z)


def _z_buffer(
    pixels: Tensor, depth: Tensor, faces: Tensor, height: int, width: int, two_sided: bool
) -> Int[Tensor, "pixels"]:
    """Per pixel the largest ``1/z`` (its float bits in the upper half) with its face (lower half); 0 = none."""
    corners, inverse, image, face = _visible_faces(pixels, depth, faces, height, width, two_sided)
    order = corners[..., 1].argsort(dim=1)
    corners = corners.gather(1, order[..., None].expand(-1, -1, 2))
    inverse = inverse.gather(1, order)
    x, y = corners.unbind(-1)
    row_start, row_end = ceil_clamped(y[:, 0], height), ceil_clamped(y[:, 2], height)
    owner, row = ranges(row_start, row_end)

    slopes = torch.stack([_slope(x, y, 0, 2), _slope(x, y, 0, 1), _slope(x, y, 1, 2)], dim=1)
    # one gather of a packed table is much quicker than many gathers of its columns
    xf, yf, sf = torch.cat([x[:, :2], y[:, :2], slopes], dim=1)[owner].split([2, 2, 3], dim=1)
    rows = row.to(x.dtype)
    long_edge = xf[:, 0] + (rows - yf[:, 0]) * sf[:, 0]
    upper = rows < yf[:, 1]
    short_edge = torch.where(upper, xf[:, 0] + (rows - yf[:, 0]) * sf[:, 1], xf[:, 1] + (rows - yf[:, 1]) * sf[:, 2])
    start = ceil_clamped(torch.minimum(long_edge, short_edge), width)
    end = ceil_clamped(torch.maximum(long_edge, short_edge), width)

    gradient_x, gradient_y = _plane(x, y, inverse)
    at_zero = inverse[:, 0] - gradient_x * x[:, 0] - gradient_y * y[:, 0]
    planes = torch.stack([at_zero, gradient_y, gradient_x, inverse.amin(1), inverse.amax(1)], dim=1)[owner]
    planes[:, 0].addcmul_(planes[:, 1], rows)
    places = torch.stack([image * height, face], dim=1)[owner]
    places[:, 0].add_(row).mul_(width)

    span, column = ranges(start, end)
    origin, _, across, lowest, highest = planes[span].unbind(1)
    nearness = torch.addcmul(origin, across, column.to(x.dtype)).clamp_(lowest, highest)
    place = places[span]
    key = nearness.view(torch.int32).to(torch.int64).bitwise_left_shift_(32).bitwise_or_(place[:, 1])
    target = place[:, 0] + column
    buffer = torch.zeros(pixels.shape[0] * height * width, dtype=torch.int64, device=pixels.device)
    return buffer.scatter_reduce_(0, target, key, "amax")


def _visible_faces(
    pixels: Tensor, depth: Tensor, faces: Tensor, height: int, width: int, two_sided: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Corners (px), 1/z, image and face index of the faces that can cover a pixel."""
    corners = pixels[:, faces].float()
    z = depth[:, faces].float()
    low, high = corners.amin(2), corners.amax(2)
    limit = corners.new_tensor([width - 1, height - 1])
    drawn = (z > NEAR).all(-1) & (high >= 0).all(-1) & (low <= limit).all(-1) & corners.isfinite().all(-1).all(-1)
    if not two_sided:
        side = corners[:, :, 1:] - corners[:, :, :1]
        # y points down: counter-clockwise seen from outside is a negative area on the screen
        drawn &= side[..., 0, 0] * side[..., 1, 1] < side[..., 0, 1] * side[..., 1, 0]
    image, face = drawn.nonzero(as_tuple=True)
    return corners[image, face], z[image, face].reciprocal(), image, face


def ceil_clamped(values: Tensor, limit: int) -> Tensor:
    """The first pixel at or after each coordinate, within ``0..limit``."""
    return values.ceil().clamp(0, limit).to(torch.int64)


def ranges(start: Tensor, end: Tensor) -> tuple[Tensor, Tensor]:
    """All integers of the half-open ranges ``start[i]..end[i]``, with the i each belongs to."""
    count = (end - start).clamp_min(0)
    owner = torch.repeat_interleave(count)
    before = count.cumsum(0) - count
    return owner, torch.arange(len(owner), device=start.device) + (start - before)[owner]


def _slope(x: Tensor, y: Tensor, a: int, b: int) -> Tensor:
    """dx/dy of the edge from corner a to corner b; a horizontal edge is never evaluated."""
    rise = y[:, b] - y[:, a]
    return (x[:, b] - x[:, a]) / torch.where(rise == 0, 1.0, rise)


def _plane(x: Tensor, y: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    """Gradient in x and y of the plane through the three corners' values."""
    dx1, dy1, dv1 = x[:, 1] - x[:, 0], y[:, 1] - y[:, 0], value[:, 1] - value[:, 0]
    dx2, dy2, dv2 = x[:, 2] - x[:, 0], y[:, 2] - y[:, 0], value[:, 2] - value[:, 0]
    area = dx1 * dy2 - dx2 * dy1
    area = torch.where(area == 0, 1.0, area)
    return (dv1 * dy2 - dv2 * dy1) / area, (dv2 * dx1 - dv1 * dx2) / area


def _corner_weights(
    pixels: Tensor, depth: Tensor, faces: Tensor, pixel: Tensor, face: Tensor, shape: tuple[int, int, int]
) -> tuple[Tensor, Tensor, Tensor]:
    """Image, perspective-correct barycentric weights and z of each hit."""
    _, height, width = shape
    line = torch.div(pixel, width, rounding_mode="floor")
    image = torch.div(line, height, rounding_mode="floor")
    corner = faces[face] + (image * pixels.shape[1])[:, None]
    table = torch.cat([pixels, depth[..., None].reciprocal()], dim=-1).reshape(-1, 3)
    points = table[corner.T]
    here = torch.stack([pixel - line * width, line - image * height], dim=-1).to(pixels.dtype)
    a, b, c = (points[i, :, :2] - here for i in range(3))
    areas = torch.stack([_cross(b, c), _cross(c, a), _cross(a, b)])
    # the sign is the winding's; a pixel centre lies at worst a rounding error outside: keep weights in the face
    areas = areas * areas.detach().sum(0).sign()
    over_z = areas.clamp_min(1e-12) * points[..., 2]
    weights = over_z * over_z.sum(0).reciprocal()
    return image, weights.T, (weights / points[..., 2]).sum(0)


def _cross(a: Tensor, b: Tensor) -> Tensor:
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]

"""Which of millions of simulated poses fits a real hand best, and by which affine map g (thesis, 2.4 and 2.5).

The cosine (2.4) of all pairwise differences (2.5) is a cosine of centred joints: with weights w of joints,
``Σ_{i<j} w_i w_j d_ij · d'_ij = (Σ w) Σ_i w_i U_i · V_i``, U and V without their weighted means. Over all g of a kind
its greatest value has a closed form, so a query is a few matrix products over all poses:

- similarities: with joints as complex numbers ``|⟨U, V⟩| / (|U| |V|)``, rotated by ``arg ⟨U, V⟩``;
- affine maps: the length of V's projection on the columns of U, over ``|V|``.
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from handpose_core.errors import HandposeError

LEAST_JOINTS = 12
"""Fewer keypoints than these do not tell a pose."""
BLOCK = 1 << 16
"""Poses that are compared at a time: what is computed of them stays in a core's cache."""
_TINY = 1e-6
"""Of a pose's own size, squared: what lies on one point or one line within it has no direction."""


class Products(NamedTuple):
    """Weighted sums over the joints, of every pose of a block with every query; all centred.

    Attributes:
        uv: Σ w U V, the pose's coordinate x or y first, then the query's.
        xx: Σ w U_x², of the pose.
        xy: Σ w U_x U_y.
        yy: Σ w U_y².
        vv: Σ w |V|² of the query.
    """

    uv: Float[Tensor, "2 2 queries poses"]
    xx: Float[Tensor, "queries poses"]
    xy: Float[Tensor, "queries poses"]
    yy: Float[Tensor, "queries poses"]
    vv: Float[Tensor, "queries 1"]


@runtime_checkable
class Family(Protocol):
    """The maps g among which the best is sought."""

    def scores(self, sums: Products) -> Float[Tensor, "queries poses"]:
        """(2.4) at the best g; -1 where that one is of no use."""
        ...

    def linear(self, sums: Products) -> Float[Tensor, "queries poses 2 2"]:
        """The 2 x 2 part of the g that brings a pose nearest to the query."""
        ...


@dataclass(frozen=True)
class Similarity:
    """Rotation, one scale and translation: they leave a hand as a camera sees it."""

    def scores(self, sums: Products) -> Float[Tensor, "queries poses"]:
        """See `Family`."""
        real, imaginary = self._inner(sums)
        return (real.square() + imaginary.square()).div((sums.xx + sums.yy) * sums.vv).sqrt()

    def linear(self, sums: Products) -> Float[Tensor, "queries poses 2 2"]:
        """See `Family`."""
        real, imaginary = (part / (sums.xx + sums.yy) for part in self._inner(sums))
        return torch.stack([torch.stack([real, -imaginary], -1), torch.stack([imaginary, real], -1)], -2)

    @staticmethod
    def _inner(sums: Products) -> tuple[Tensor, Tensor]:
        """⟨U, V⟩ = Σ w conj(U) V, its real and imaginary part."""
        (xx, xy), (yx, yy) = sums.uv
        return xx + yy, xy - yx


@dataclass(frozen=True)
class Affine:
    """Any affine map of the image that is neither a reflection nor too far from a similarity.

    Args:
        worst_condition: largest ratio of the map's two stretches.
    """

    worst_condition: float = 3.0

    def scores(self, sums: Products) -> Float[Tensor, "queries poses"]:
        """See `Family`."""
        (a, b), (c, d) = sums.uv
        (p, q), (r, s), determinant = self._solve(sums)
        # of two stretches: the sum of squares, and the product
        squares = p * p + q * q + r * r + s * s
        product = (a * d - b * c) / determinant
        useful = (squares <= product * (self.worst_condition + 1 / self.worst_condition)) & (
            determinant > _TINY * (sums.xx + sums.yy).square()
        )
        score = (a * p + b * q + c * r + d * s).div(sums.vv).clamp_min(0).sqrt()
        return torch.where(useful, score, -1.0)

    def linear(self, sums: Products) -> Float[Tensor, "queries poses 2 2"]:
        """See `Family`: Vᵀ U (Uᵀ U)⁻¹."""
        (p, q), (r, s), _ = self._solve(sums)
        return torch.stack([torch.stack([p, r], -1), torch.stack([q, s], -1)], -2)

    @staticmethod
    def _solve(sums: Products) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor], Tensor]:
        """(Uᵀ U)⁻¹ Uᵀ V, row by row, and the determinant of Uᵀ U."""
        (a, b), (c, d) = sums.uv
        determinant = sums.xx * sums.yy - sums.xy.square()
        x, y, m = sums.xx / determinant, sums.yy / determinant, sums.xy / determinant
        return (y * a - m * c, y * b - m * d), (x * c - m * a, x * d - m * b), determinant


SIMILARITY = Similarity()


class Matches(NamedTuple):
    """The best poses for every query, best first.

    Attributes:
        indices: Of the poses; -1 where no pose was of use.
        scores: (2.4), 1 for the same pose; -1 where there is no pose.
        maps: g from the pose's pixels to the query's; not a number where there is no pose.
    """

    indices: Int[Tensor, "queries k"]
    scores: Float[Tensor, "queries k"]
    maps: Float[Tensor, "queries k 3 3"]


class PoseIndex:
    """Poses that can be searched; exact, and held in memory: 190 MB a million.

    Args:
        joints_2d: px, all finite.

    Raises:
        HandposeError: there is no pose, or the joints of one are not finite or all in one place.
    """

    def __init__(self, joints_2d: Float[Tensor, "poses 21 2"]) -> None:
        if not len(joints_2d):
            raise HandposeError("pose index", "no pose", "at least one", "Simulate hands first.")
        points = joints_2d.float()
        self._means = points.mean(1)
        centred = points - self._means[:, None]
        self._sizes = torch.linalg.vector_norm(centred, dim=(1, 2))
        usable = torch.isfinite(self._sizes) & (self._sizes > 0)
        if not usable.all():
            bad = int((~usable).nonzero()[0])
            raise HandposeError(
                f"pose index, pose {bad}", "joints that are not finite, or all in one place", "21 joints in px",
                "Leave this pose out.",
            )  # fmt: skip
        # x and y apart, joints before poses: rows that a matrix product reads in one sweep
        self._points = (centred / self._sizes[:, None, None]).permute(2, 1, 0).contiguous()
        x, y = self._points
        self._moments = torch.stack([(x * x).sum(0), (x * y).sum(0), (y * y).sum(0)])

    def __len__(self) -> int:
        return self._points.shape[-1]

    def match(
        self,
        joints_2d: Float[Tensor, "queries 21 2"],
        present: Bool[Tensor, "queries 21"] | None = None,
        k: int = 1,
        family: Family = SIMILARITY,
    ) -> Matches:
        """The k best poses for each query.

        Args:
            joints_2d: px; what stands at joints that are not present does not matter.
            present: which keypoints a detector found; all without.
            k: poses a query.
            family: the maps g that are allowed.

        Raises:
            HandposeError: fewer than 12 keypoints, or none that are apart, or fewer than k poses.
        """
        queries = _Queries.of(joints_2d.float(), present)
        self._check(queries, k)
        scores, rows = torch.zeros(len(joints_2d), 0), torch.zeros(len(joints_2d), 0, dtype=torch.int64)
        for first in range(0, len(self), BLOCK):
            sums = self._sums(slice(first, first + BLOCK), queries)
            new, places = family.scores(sums).topk(min(k, sums.xx.shape[1]), dim=1)
            scores, chosen = torch.cat([scores, new], 1).topk(min(k, scores.shape[1] + new.shape[1]), dim=1)
            rows = torch.cat([rows, places + first], 1).gather(1, chosen)
        found = scores >= 0
        maps = torch.where(found[..., None, None], self._maps(rows, queries, family), torch.nan)
        return Matches(torch.where(found, rows, -1), scores.clamp_max(1), maps)

    def _check(self, queries: "_Queries", k: int) -> None:
        counts = queries.weights.sum(1)
        if counts.min() < LEAST_JOINTS:
            query = int(counts.argmin())
            raise HandposeError(
                f"pose matching, query {query}", f"{int(counts[query])} keypoints", f"at least {LEAST_JOINTS}",
                "Leave this picture out, or lower the detector's threshold.",
            )  # fmt: skip
        usable = torch.isfinite(queries.vv) & (queries.vv > 0)
        if not usable.all():
            raise HandposeError(
                f"pose matching, query {int((~usable).nonzero()[0])}", "keypoints not finite, or all in one place",
                "px of keypoints that are apart", "Mark what is no keypoint as not present.",
            )  # fmt: skip
        if not 1 <= k <= len(self):
            raise HandposeError("pose matching, k", str(k), f"1 to {len(self)}, the number of poses", "Change k.")

    def _sums(self, rows: slice | Tensor, queries: "_Queries") -> Products:
        """Of some poses with all queries."""
        x, y = points = self._points[..., rows]
        vx, vy = queries.weighted.unbind(-1)
        uv = torch.stack([torch.stack([v @ axis for v in (vx, vy)]) for axis in points])
        if queries.complete:
            xx, xy, yy = (moment.expand_as(uv[0, 0]) for moment in self._moments[..., rows])
        else:
            w, total = queries.weights, queries.weights.sum(1, keepdim=True)
            sum_x, sum_y = w @ x, w @ y
            xx = w @ (x * x) - sum_x * sum_x / total
            xy = w @ (x * y) - sum_x * sum_y / total
            yy = w @ (y * y) - sum_y * sum_y / total
        return Products(uv, xx, xy, yy, queries.vv[:, None])

    def _maps(self, rows: Int[Tensor, "queries k"], queries: "_Queries", family: Family) -> Tensor:
        """G of the chosen poses, in the pixels they were given in."""
        maps = torch.eye(3).repeat(*rows.shape, 1, 1)
        for number, chosen in enumerate(rows):
            one = queries.only(number)
            linear = family.linear(self._sums(chosen, one))[0] / self._sizes[chosen, None, None]
            middle = (self._points[..., chosen] * one.weights[0, :, None]).sum(1).T / one.weights.sum()
            start = self._means[chosen] + middle * self._sizes[chosen, None]
            maps[number, :, :2, :2] = linear
            maps[number, :, :2, 2] = one.means - (linear @ start[..., None])[..., 0]
        return maps


class _Queries(NamedTuple):
    """Weights of joints, weighted and centred joints, their means, and Σ w |V|²."""

    weights: Float[Tensor, "queries 21"]
    weighted: Float[Tensor, "queries 21 2"]
    means: Float[Tensor, "queries 2"]
    vv: Float[Tensor, "queries"]
    complete: bool

    @classmethod
    def of(cls, joints_2d: Float[Tensor, "queries 21 2"], present: Bool[Tensor, "queries 21"] | None) -> "_Queries":
        there = torch.ones(joints_2d.shape[:2], dtype=torch.bool) if present is None else present
        weights = there.float()
        known = torch.where(there[..., None], joints_2d, 0)
        means = known.sum(1) / weights.sum(1, keepdim=True)
        weighted = torch.where(there[..., None], known - means[:, None], 0)
        return cls(weights, weighted, means, weighted.square().sum((1, 2)), bool(there.all()))

    def only(self, number: int) -> "_Queries":
        """One of them."""
        chosen = slice(number, number + 1)
        return _Queries(
            self.weights[chosen], self.weighted[chosen], self.means[chosen], self.vv[chosen], self.complete
        )  # fmt: skip

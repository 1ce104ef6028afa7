"""How good fused hands are with few views and with many."""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torchmetrics import Metric

from handpose_core.datasets.sample import Sample
from handpose_core.hand import WRIST
from handpose_mvhm.views import PRESENT, group_truth, present_views

_MOST = 512
"""More cameras than any dataset has."""


def first_views(batch: Sample, count: int) -> Sample:
    """Rows of whose groups only the first ``count`` views stay, of those that there are."""
    present = present_views(batch)
    kept = present & (present.cumsum(1) <= count)
    return {**batch, PRESENT: kept.repeat_interleave(present.shape[1], dim=0)}


class ViewCountScore(Metric):
    """EPE (mm, wrists on each other, world frame) of fused hands by how many of their views were used.

    A hand counts once for each number of views, up to as many as it has.
    """

    full_state_update = False
    total: Tensor
    joints: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.zeros(_MOST, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("joints", torch.zeros(_MOST, dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, fuse: Callable[[Sample], Float[Tensor, "groups 21 3"]], batch: Sample) -> None:
        """Fuse the hands of a batch with one view, with two, and so on.

        Args:
            fuse: the fused joints (mm, world frame) of a batch's rows.
            batch: the rows, with their truth.
        """
        truth, known = group_truth(batch)
        available = present_views(batch).sum(1)
        for count in range(1, int(available.max()) + 1):
            self._add(count, fuse(first_views(batch, count)), truth, known & (available >= count)[:, None])

    def compute(self) -> dict[int, float]:
        """Number of views → EPE, mm."""
        counts = self.joints.nonzero().flatten().tolist()
        return {count + 1: float(self.total[count] / self.joints[count]) for count in counts}

    def _add(
        self,
        count: int,
        fused: Float[Tensor, "groups 21 3"],
        truth: Float[Tensor, "groups 21 3"],
        known: Bool[Tensor, "groups 21"],
    ) -> None:
        rooted = (fused - fused[:, [WRIST]]) - (truth - truth[:, [WRIST]])
        counted = known & known[:, [WRIST]]
        self.total[count - 1] += rooted.norm(dim=-1).where(counted, 0).sum()
        self.joints[count - 1] += counted.sum()

"""What generated depth is compared with: the error of a map that says the same everywhere."""

import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics import Metric

_BINS = 1000


class BestConstantError(Metric):
    """Mean absolute error of the best constant for all values seen, their median: who is not below has learnt nothing.

    The values are counted in steps of a thousandth, so the error is exact to as much.
    """

    higher_is_better = False
    full_state_update = False
    counts: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("counts", torch.zeros(_BINS, dtype=torch.long), dist_reduce_fx="sum")

    def update(self, values: Float[Tensor, " n"]) -> None:
        """Add values in [0, 1]."""
        places = (values * _BINS).long().clamp(0, _BINS - 1)
        self.counts += torch.bincount(places, minlength=_BINS)

    def compute(self) -> Float[Tensor, ""]:
        """The error; NaN of nothing."""
        middles = (torch.arange(_BINS, device=self.counts.device) + 0.5) / _BINS
        below = self.counts.cumsum(0)
        median = middles[(2 * below < below[-1]).sum().clamp_max(_BINS - 1)]
        return (self.counts * (middles - median).abs()).sum() / below[-1]

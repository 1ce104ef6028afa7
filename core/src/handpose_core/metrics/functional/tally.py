"""Sums over joints that hold a test set's scores in constant memory.

A `Tally` has one row a joint: how many errors were counted, their sum, their clipped sums, and two
histograms. All of it is integers, so that sums do not depend on the order of samples or on how many
processes share them, and so that it runs on devices without double precision. Two roundings follow:

- mean, PCK and AUC: an error is rounded to ``RESOLUTION`` (1e-5 mm or px), finer than single precision is
  for a hand a metre away;
- median: within 0.005 up to 100, within 0.5 % above (the bins are 0.01 wide, then 1 % wide).

Thresholds of PCK are evenly spaced from 0, so that an error's place among them is one integer division: the
search of ``torch.bucketize`` starts a thread pool for a handful of joints, and waits for it on a busy machine.
"""

import math
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from handpose_core.errors import HandposeError
from handpose_core.metrics.functional.errors import clipped

RESOLUTION = 1e-5
FINE_WIDTH = 0.01
FINE_LIMIT = 100.0
TAIL_RATIO = 1.01
LARGEST = 1e9
"""Errors up to here can be added without overflow; anything larger is a broken prediction."""
_FINE_BINS = round(FINE_LIMIT / FINE_WIDTH)
N_BINS = _FINE_BINS + math.ceil(math.log(LARGEST / FINE_LIMIT) / math.log(TAIL_RATIO)) + 1


class Tally(NamedTuple):
    """Constant-memory sums of joint errors; int64, one row a joint."""

    counts: Int[Tensor, " joints"]
    error_sum: Int[Tensor, " joints"]
    """Sum of the errors, in units of ``RESOLUTION``."""
    clipped_sums: Int[Tensor, "joints ranges"]
    """Sum of the errors clipped to each range of an AUC (see `clipped`), in units of ``RESOLUTION``."""
    steps: Int[Tensor, "joints thresholds+1"]
    """How many errors have their first fulfilled ``e <= threshold`` at each threshold; last: at none."""
    histogram: Int[Tensor, "joints bins"]
    """How many errors lie in each bin of the histogram that the median is read from."""


def empty_tally(joints: int, thresholds: Sequence[float], ranges: Sequence[tuple[float, float]]) -> Tally:
    """A tally of nothing."""
    shapes = ((joints,), (joints,), (joints, len(ranges)), (joints, len(thresholds) + 1), (joints, N_BINS))
    return Tally(*(torch.zeros(shape, dtype=torch.long) for shape in shapes))


def add(
    tally: Tally,
    errors: Float[Tensor, "batch joints"],
    counted: Bool[Tensor, "batch joints"],
    thresholds: Sequence[float],
    ranges: Sequence[tuple[float, float]],
) -> None:
    """Add a batch of errors to the tally, in place: a fresh histogram a batch would cost more than all else.

    Raises:
        HandposeError: a counted error is above ``LARGEST`` or not finite.
    """
    weights = counted.long()
    errors = torch.where(counted, errors, 0)
    _reject_immeasurable(errors)
    whole = (errors / RESOLUTION).round().long()
    tally.counts.add_(weights.sum(dim=0))
    tally.error_sum.add_(whole.sum(dim=0))
    for i, (low, high) in enumerate(ranges):
        start, end = round(low / RESOLUTION), round(high / RESOLUTION)
        tally.clipped_sums[:, i].add_(clipped(whole, start, end).sum(dim=0))
    _count(tally.steps, _first_fulfilled(whole, thresholds), weights)
    _count(tally.histogram, _bins(errors, whole), weights)


def with_missing(tally: Tally, missing: Int[Tensor, " joints"], ranges: Sequence[tuple[float, float]]) -> Tally:
    """Count joints without a prediction as farther away than every threshold.

    Args:
        tally: of the joints that were predicted.
        missing: number of joints without a prediction.
        ranges: as for `add`.

    Returns:
        A tally whose PCK and AUC are of all joints; its error sum, and so its mean, is still of those predicted.
    """
    widths = torch.tensor([round((high - low) / RESOLUTION) for low, high in ranges])
    steps, histogram = tally.steps.clone(), tally.histogram.clone()
    steps[:, -1] += missing
    histogram[:, -1] += missing
    return Tally(
        tally.counts + missing, tally.error_sum, tally.clipped_sums + missing[:, None] * widths, steps, histogram
    )


def pooled(tally: Tally) -> Tally:
    """One row for all joints together."""
    return Tally(*(state.sum(dim=0, keepdim=True) for state in tally))


def rows(tally: Tally, joints: Sequence[int]) -> Tally:
    """A view of the rows of neighbouring joints, from the first to the last of them."""
    return Tally(*(state[joints[0] : joints[-1] + 1] for state in tally))


def means(tally: Tally) -> Float[Tensor, " joints"]:
    """Mean error of each row."""
    return tally.error_sum.double() * RESOLUTION / tally.counts


def medians(tally: Tally) -> Float[Tensor, " joints"]:
    """Median error of each row, from the histogram: within 0.005 up to 100, within 0.5 % above.

    As everywhere, the median of an even number of errors is the mean of the two in the middle.
    """
    cumulative = tally.histogram.cumsum(dim=1)
    middle = torch.stack([(tally.counts - 1) // 2, tally.counts // 2], dim=1)
    return _bin_centres()[torch.searchsorted(cumulative, middle, right=True)].mean(dim=1)


def curves(tally: Tally) -> Float[Tensor, "joints thresholds"]:
    """PCK of each row at each threshold."""
    return tally.steps[:, :-1].cumsum(dim=1).double() / tally.counts[:, None]


def areas(tally: Tally, ranges: Sequence[tuple[float, float]]) -> Float[Tensor, "joints ranges"]:
    """Exact AUC of each row over each range, ``1 - E[clip(e - a, 0, b - a)] / (b - a)``."""
    widths = torch.tensor([high - low for low, high in ranges], dtype=torch.double)
    left = tally.counts[:, None] * widths - tally.clipped_sums.double() * RESOLUTION
    return left.clamp_min(0) / (tally.counts[:, None] * widths) + 0.0  # + 0.0: no negative zero


def _count(
    table: Int[Tensor, "joints bins"], bins: Int[Tensor, "batch joints"], weights: Int[Tensor, "batch joints"]
) -> None:
    """Add weights to the table's bins, row by row, in place."""
    offsets = torch.arange(table.shape[0], device=table.device) * table.shape[1]
    table.view(-1).index_add_(0, (bins + offsets).reshape(-1), weights.reshape(-1))


def _first_fulfilled(whole: Int[Tensor, "batch joints"], thresholds: Sequence[float]) -> Int[Tensor, "batch joints"]:
    """The index of the first threshold that is not below each error; their number where there is none."""
    end = round(thresholds[-1] / RESOLUTION)
    return (-(-whole * (len(thresholds) - 1) // end)).clamp(max=len(thresholds))


def _bins(errors: Float[Tensor, "batch joints"], whole: Int[Tensor, "batch joints"]) -> Int[Tensor, "batch joints"]:
    """The histogram's bin of each error."""
    fine = whole // round(FINE_WIDTH / RESOLUTION)
    tail = (errors.clamp_min(FINE_LIMIT) / FINE_LIMIT).log() / math.log(TAIL_RATIO)
    return torch.where(fine < _FINE_BINS, fine, (tail.long() + _FINE_BINS).clamp(max=N_BINS - 1))


@cache
def _bin_centres() -> Float[Tensor, " bins"]:
    """The middle of each bin of the histogram."""
    fine = (torch.arange(_FINE_BINS, dtype=torch.double) + 0.5) * FINE_WIDTH
    power = torch.arange(N_BINS - _FINE_BINS, dtype=torch.double)
    return torch.cat([fine, FINE_LIMIT * TAIL_RATIO**power * (1 + TAIL_RATIO) / 2])


def _reject_immeasurable(errors: Float[Tensor, "batch joints"]) -> None:
    """Refuse an error that no tally can hold, naming its place."""
    fits = errors <= LARGEST
    if not bool(fits.all()):
        sample, joint = (int(i) for i in (~fits).nonzero()[0])
        raise HandposeError(
            f"sample {sample} of the batch, joint {joint}",
            f"an error of {float(errors[sample, joint]):g}",
            f"at most {LARGEST:g}",
            "The prediction has left every scene: check its units, or the run for divergence.",
        )

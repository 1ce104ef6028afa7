"""Differences between rows that share seeds, with their spread."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """Some values, in brief.

    Attributes:
        mean: Their mean.
        deviation: Their sample standard deviation (n - 1); None for a single one.
        low: The smallest.
        high: The largest.
        count: How many.
    """

    mean: float
    deviation: float | None
    low: float
    high: float
    count: int


def spread(values: list[float]) -> Spread | None:
    """The values in brief; None for none."""
    if not values:
        return None
    deviation = statistics.stdev(values) if len(values) > 1 else None
    return Spread(statistics.fmean(values), deviation, min(values), max(values), len(values))


def paired_differences(row: Mapping[int, float], first: Mapping[int, float]) -> dict[int, float]:
    """``row - first`` for every seed that both have."""
    return {seed: value - first[seed] for seed, value in row.items() if seed in first}


def gain(new: float, old: float) -> float:
    """How much smaller the new error is, in % of the OLD one."""
    return 100 * (old - new) / old


def paired_gains(row: Mapping[int, float], first: Mapping[int, float]) -> dict[int, float]:
    """`gain` of the row over the first one, for every seed that both have."""
    return {seed: gain(value, first[seed]) for seed, value in row.items() if seed in first}

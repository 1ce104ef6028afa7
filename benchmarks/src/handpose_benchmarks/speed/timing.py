"""How a rate is timed: on a number of threads; warm up, repeat, take the median."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Hold torch to so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def rate(work: Callable[[], object], items: int, seconds: float = 2.0) -> float:
    """Items per second that ``work`` gets through.

    The first call is not counted (allocation, compilation, caches); the median of the others is taken, so that one
    interruption by the machine does not count either.

    Args:
        work: Processes ``items`` items at each call, and has finished with them when it returns.
        items: Items a call.
        seconds: How long to repeat; at least three calls are counted.

    Returns:
        Items a second.
    """
    work()
    durations: list[float] = []
    while len(durations) < 3 or sum(durations) < seconds:
        start = time.perf_counter()
        work()
        durations.append(time.perf_counter() - start)
    return items / statistics.median(durations)

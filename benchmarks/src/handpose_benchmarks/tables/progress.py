"""Lines about what begins and ends, with the time left."""

import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Sequence

from handpose_benchmarks.tables.plan import Node

_INSTANT = 2.0  # s; what was finished before takes less


class Progress:
    """Says what begins and ends, and guesses the time left from the stages done.

    Args:
        nodes: All trainings.
        jobs: How many at a time.
        report: Takes the lines.
    """

    def __init__(self, nodes: Sequence[Node], jobs: int, report: Callable[[str], None]) -> None:
        self._total, self._jobs, self._report = len(nodes), jobs, report
        self._unsettled = list(nodes)
        self._seconds: dict[str, list[float]] = defaultdict(list)

    def begun(self, node: Node) -> None:
        """A training begins, goes on, or is found finished."""
        self._say(f"{node.label}: begun")

    def ended(self, node: Node, seconds: float, failure: str | None) -> None:
        """A training and its test, if any, ended."""
        self._unsettled.remove(node)
        done = f"{self._total - len(self._unsettled)} of {self._total}"
        if failure is not None:
            self._say(f"{node.label}: FAILED after {duration(seconds)} ({done}): {failure}")
        elif seconds < _INSTANT:
            self._say(f"{node.label}: was finished before ({done})")
        else:
            self._seconds[node.stage].append(seconds)
            self._say(f"{node.label}: finished in {duration(seconds)} ({done}{self._left()})")

    def given_up(self, node: Node) -> None:
        """A training whose parent failed."""
        self._unsettled.remove(node)
        self._say(f"{node.label}: left out, as the stage before it failed")

    def _left(self) -> str:
        """Each training left takes as long as its like did, or as the mean of all where none was done yet."""
        if not self._unsettled:
            return ""
        means = {stage: statistics.fmean(seconds) for stage, seconds in self._seconds.items()}
        other = statistics.fmean(means.values())
        left = sum(means.get(node.stage, other) for node in self._unsettled)
        return f", about {duration(left / self._jobs)} left"

    def _say(self, line: str) -> None:
        self._report(f"{time.strftime('%H:%M:%S')} {line}")


def duration(seconds: float) -> str:
    """``1 h 02 min``, ``3 min 20 s`` or ``12 s``."""
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 60} min {whole % 60:02d} s" if whole >= 60 else f"{whole} s"

"""Lines about what begins and ends, with the time left."""

import time
from collections import defaultdict
from collections.abc import Callable

from handpose_benchmarks.tables.plan import Node

_INSTANT = 2.0  # s; what was finished before takes less


class Progress:
    """Says what begins and ends, and guesses the time left from the stages done.

    Args:
        total: Trainings.
        jobs: How many at a time.
        report: Takes the lines.
    """

    def __init__(self, total: int, jobs: int, report: Callable[[str], None]) -> None:
        self._total, self._jobs, self._report = total, jobs, report
        self._settled = 0
        self._seconds: dict[str, list[float]] = defaultdict(list)

    def begun(self, node: Node) -> None:
        """A training begins, goes on, or is found finished."""
        self._say(f"{node.label}: begun")

    def ended(self, node: Node, seconds: float, failure: str | None) -> None:
        """A training and its test, if any, ended."""
        self._settled += 1
        if failure is not None:
            self._say(f"{node.label}: FAILED after {duration(seconds)}: {failure}")
            return
        if seconds < _INSTANT:
            self._say(f"{node.label}: was finished before ({self._settled} of {self._total})")
            return
        self._seconds[node.stage].append(seconds)
        self._say(f"{node.label}: finished in {duration(seconds)} ({self._settled} of {self._total}{self._left()})")

    def given_up(self, node: Node) -> None:
        """A training whose parent failed."""
        self._settled += 1
        self._say(f"{node.label}: left out, as the stage before it failed")

    def _left(self) -> str:
        """The mean over the kinds of stages seen, times what is left."""
        means = [sum(seconds) / len(seconds) for seconds in self._seconds.values()]
        rounds = (self._total - self._settled) / self._jobs
        return f", about {duration(sum(means) / len(means) * rounds)} left" if rounds else ""

    def _say(self, line: str) -> None:
        self._report(f"{time.strftime('%H:%M:%S')} {line}")


def duration(seconds: float) -> str:
    """``1 h 02 min``, ``3 min 20 s`` or ``12 s``."""
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 60} min {whole % 60:02d} s" if whole >= 60 else f"{whole} s"

"""Works a plan off: each training once, several at a time, past failures."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from handpose_benchmarks.tables.plan import Cell, Node, nodes_of
from handpose_benchmarks.tables.progress import Progress
from handpose_benchmarks.tables.runner import Runner
from handpose_core.errors import HandposeError


@dataclass
class Outcome:
    """What became of a plan.

    Attributes:
        checkpoints: Of every training that ended.
        results: The test's results file of every node that cells end in.
        failures: Why a node has none, one line each; it names the log.
    """

    checkpoints: dict[Node, Path] = field(default_factory=dict)
    results: dict[Node, Path] = field(default_factory=dict)
    failures: dict[Node, str] = field(default_factory=dict)


def execute(
    cells: Sequence[Cell],
    runner: Runner,
    jobs: int,
    report: Callable[[str], None],
    on_result: Callable[[Outcome], None] = lambda outcome: None,
) -> Outcome:
    """Train and test what the cells need, in their order, as soon as each node's parent is there.

    Args:
        cells: Of the plan.
        runner: Trains and tests.
        jobs: How many nodes at a time.
        report: Takes lines of progress.
        on_result: Called after every test.
    """
    waiting = list(nodes_of(cells))
    tested = {cell.node for cell in cells}
    outcome, progress = Outcome(), Progress(waiting, jobs, report)
    running: dict[Future[tuple[Path, Path | None]], tuple[Node, float]] = {}
    with ThreadPoolExecutor(jobs) as pool:
        try:
            while waiting or running:
                _skip_orphans(waiting, outcome, progress)
                for node in _ready(waiting, outcome)[: jobs - len(running)]:
                    waiting.remove(node)
                    origin = outcome.checkpoints[node.parent] if node.parent else None
                    progress.begun(node)
                    running[pool.submit(_work, runner, node, origin, node in tested)] = (node, time.monotonic())
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    node, started = running.pop(future)
                    _settle(node, future, outcome)
                    progress.ended(node, time.monotonic() - started, outcome.failures.get(node))
                    if node in outcome.results:
                        on_result(outcome)
        except BaseException:
            runner.stop()
            pool.shutdown(cancel_futures=True)
            raise
    return outcome


def _work(runner: Runner, node: Node, origin: Path | None, tested: bool) -> tuple[Path, Path | None]:
    checkpoint = runner.fit(node, origin)
    return checkpoint, runner.test(node, checkpoint) if tested else None


def _ready(waiting: Sequence[Node], outcome: Outcome) -> list[Node]:
    return [node for node in waiting if node.parent is None or node.parent in outcome.checkpoints]


def _skip_orphans(waiting: list[Node], outcome: Outcome, progress: Progress) -> None:
    """Give up what starts from a failed node; parents come first, so one pass is enough."""
    for node in list(waiting):
        if node.parent is not None and (reason := outcome.failures.get(node.parent)):
            waiting.remove(node)
            outcome.failures[node] = reason
            progress.given_up(node)


def _settle(node: Node, future: "Future[tuple[Path, Path | None]]", outcome: Outcome) -> None:
    """Note what became of a node; an error of this program goes on up."""
    try:
        checkpoint, results = future.result()
    except (HandposeError, OSError) as error:
        outcome.failures[node] = str(error)
        return
    outcome.checkpoints[node] = checkpoint
    if results is not None:
        outcome.results[node] = results

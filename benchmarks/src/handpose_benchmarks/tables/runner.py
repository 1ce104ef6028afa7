"""The trainings and tests themselves, as the scheduler sees them."""

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Protocol, runtime_checkable

from handpose_benchmarks.tables.job import Job
from handpose_benchmarks.tables.plan import Node
from handpose_core.cli.registry import methods
from handpose_core.errors import HandposeError
from handpose_core.training.arguments import as_options, differences
from handpose_core.training.recipes import find_recipe
from handpose_core.training.stages import read_finished


@runtime_checkable
class Runner(Protocol):
    """Trains and tests; tests of the scheduler put another one in its place."""

    def fit(self, node: Node, init_from: Path | None) -> Path:
        """Train a node from its parent's checkpoint, or go on with it; its checkpoint. A finished one is not redone."""

    def test(self, node: Node, checkpoint: Path) -> Path:
        """Test a checkpoint, unless that was done; the file with the results."""

    def trivial(self, node: Node) -> Path:
        """Score the trivial rows of a node's test, unless that was done; the file with the results."""

    def stop(self) -> None:
        """End what runs, so that it can go on later."""


class StageRunner:
    """Runs stages in processes of their own, see `handpose_core.training.stages`; what they print goes to a log.

    Args:
        threads: Of torch in each; None leaves the choice to it.
        loaders: Loader processes of each; None leaves them as configured.
    """

    def __init__(self, threads: int | None = None, loaders: int | None = None) -> None:
        self._threads = threads
        self._further = [] if loaders is None else ["--data.num_workers", str(loaders)]
        self._live: set[subprocess.Popen[bytes]] = set()

    def fit(self, node: Node, init_from: Path | None) -> Path:
        """See `Runner`."""
        self._process("fit", node, resolved(node, node.arguments), node.folder, init_from)
        done = read_finished(node.folder)
        assert done is not None  # the process ended well
        return node.folder / done.checkpoint

    def test(self, node: Node, checkpoint: Path) -> Path:
        """See `Runner`."""
        self._process("test", node, resolved(node, node.test_arguments), node.test_folder, checkpoint)
        return _results_file(node)

    def trivial(self, node: Node) -> Path:
        """See `Runner`."""
        training = resolved(node, node.arguments) if node.elsewhere else None
        self._process("trivial", node, resolved(node, node.test_arguments), node.trivial_folder, None, training)
        return trivial_results(node)

    def stop(self) -> None:
        """See `Runner`."""
        for process in list(self._live):
            process.terminate()

    def _process(
        self,
        subcommand: str,
        node: Node,
        options: tuple[str, ...],
        folder: Path,
        checkpoint: Path | None,
        training: tuple[str, ...] | None = None,
    ) -> None:
        """Run a job.

        Raises:
            HandposeError: it did not end well.
        """
        arguments, origin = [*options, *self._further], str(checkpoint) if checkpoint else None
        learnt_from = None if training is None else [*training, *self._further]
        job = Job(node.method, node.name, arguments, str(folder), origin, self._threads, learnt_from)
        log = folder / f"{subcommand}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "handpose_benchmarks.tables.job", subcommand, json.dumps(asdict(job))]
        with log.open("ab") as output:
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
            self._live.add(process)
            status = process.wait()
            self._live.discard(process)
        if status:
            raise HandposeError(str(log), _last_words(log), f"a {subcommand} that ends well", "See the log.")


def resolved(node: Node, arguments: tuple[str, ...]) -> tuple[str, ...]:
    """Arguments of a node's training or test with the recipe as a file: what stands in it is then compared as well.

    Raises:
        HandposeError: the method is not installed or has no such recipe.
    """
    known = methods()
    if node.method not in known:
        raise HandposeError(f"method {node.method}", "none installed", ", ".join(known), "Install its package.")
    option, recipe, *further = arguments
    return (option, str(find_recipe(known[node.method].package, recipe)), *further)


def earlier_results(node: Node) -> Path | None:
    """The results of a node's test, run before with the node's options; None where there are none."""
    results, record = _results_file(node), node.test_folder / "tested.json"
    if not results.is_file() or not record.is_file():
        return None
    try:
        now = as_options(resolved(node, node.test_arguments))
    except HandposeError:  # no such recipe any more: what was run with it cannot be this
        return None
    before = {
        name: values
        for name, values in json.loads(record.read_text("utf-8"))["options"].items()
        if name != "--ckpt_path"
    }
    return None if differences(before, now) else results


def trivial_results(node: Node) -> Path:
    """Return the results file of the trivial rows of a node's test, written or not."""
    return node.trivial_folder / "test" / "results.json"


def _results_file(node: Node) -> Path:
    return node.test_folder / "test" / "results.json"


def _last_words(log: Path) -> str:
    """The error that a command ended with, or its last line."""
    lines = [line.strip() for line in log.read_text("utf-8", errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines[-20:] if "error:" in line.lower()]
    return (errors[:1] or lines[-1:] or ["nothing printed"])[0]

"""A stage of a recipe: a training in a process of its own that goes on where it stopped and is never run twice.

A stage's folder holds ``fit/``, as ``handpose <method> fit`` writes it (``fit_2/``, ... for what came after an
interruption; the checkpoints stay in ``fit/checkpoints``), ``begun.json``, what it was begun with, and
``finished.json``, which hands its checkpoint on.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import entry_points, version
from pathlib import Path
from types import FrameType
from typing import Any

from handpose_core.errors import HandposeError
from handpose_core.io import atomic
from handpose_core.training.arguments import as_options, differences, fingerprint
from handpose_core.training.lock import held

ENDED = "ended.json"
"""What ``fit`` leaves beside its log once it came to its end."""
RESERVED = ("--run_dir", "--ckpt_path", "--init_from", "--checkpoint.dirpath", "--last_checkpoint.dirpath")
"""Options that the stages set themselves."""
_GO_ON = "See what it printed above; the same command goes on from its last checkpoint."
_INTERRUPTED_BY_TERMINAL = 5.0  # s in which a child that the terminal told of Ctrl+C as well should end


class StageStopped(HandposeError):
    """A stage's process ended before its work did; it can go on."""


@dataclass(frozen=True)
class Stage:
    """A stage of a method's training.

    Args:
        method: the method's name.
        name: the stage's.
        arguments: those of ``handpose <method> fit``, such as ``("--config", "paper-1-regression.yaml")``.
    """

    method: str
    name: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Finished:
    """What a finished stage leaves.

    Args:
        checkpoint: the one that it hands on, relative to the stage's folder.
        seconds: how long its last process took.
        processes: how many it took, more than one after interruptions.
    """

    checkpoint: str
    seconds: float
    processes: int


def read_finished(folder: Path) -> Finished | None:
    """What the stage in a folder left, None where it has not finished."""
    path = folder / "finished.json"
    if not path.is_file():
        return None
    record = json.loads(path.read_text("utf-8"))
    return Finished(record["checkpoint"], record["seconds"], record["processes"])


def run_stage(stage: Stage, folder: Path, init_from: Path | None = None, threads: int | None = None) -> Path:
    """Train a stage, go on with it, or find it finished.

    Args:
        stage: what to train.
        folder: the stage's own.
        init_from: a checkpoint to take weights from.
        threads: of torch, in every process; None leaves the choice to it.

    Returns:
        The checkpoint that the stage hands on: the best, or the last where nothing is monitored.

    Raises:
        HandposeError: the folder holds a stage begun with other options, or somebody works in it.
        StageStopped: the training ended before its time.
    """
    refuse_reserved(stage)
    options = as_options(stage.arguments)
    if init_from is not None:
        options["--init_from"] = (fingerprint(init_from),)
    with held(folder) as holding:
        _agree(folder / "begun.json", stage, options)
        if done := read_finished(folder):
            return folder / done.checkpoint
        checkpoints = folder / "fit" / "checkpoints"
        started = time.monotonic()
        if _ended(folder) is None:
            # one that was stopped in its first epoch may have a best checkpoint alone
            written = [path for name in ("last", "best") if (path := checkpoints / f"{name}.ckpt").is_file()]
            origin = ("--ckpt_path", str(written[0])) if written else _option("--init_from", init_from)
            keep = ("--checkpoint.dirpath", str(checkpoints), "--last_checkpoint.dirpath", str(checkpoints))
            _run(stage, "fit", folder, (*origin, *keep), threads, holding)
        done = Finished(_checkpoint(stage, folder), time.monotonic() - started, len(list(folder.glob("fit*"))))
        record = {**_description(stage, options), "init_from": str(init_from) if init_from else None, **asdict(done)}
        _write(folder / "finished.json", record)
        return folder / done.checkpoint


def test_stage(stage: Stage, folder: Path, checkpoint: Path, threads: int | None = None) -> Path:  # noqa: PT028 (no test)
    """Test a checkpoint as ``handpose <method> test`` does, unless this was done with the same options.

    Args:
        stage: whose arguments the test has.
        folder: ``test/`` is written there; one that broke off or had other options is moved to ``test_before``.
        checkpoint: what to test.
        threads: of torch, in every process; None leaves the choice to it.

    Returns:
        The test's ``results.json``.

    Raises:
        HandposeError: somebody works in the folder.
        StageStopped: the test ended before its time.
    """
    refuse_reserved(stage)
    options = as_options(stage.arguments) | {"--ckpt_path": (fingerprint(checkpoint),)}
    record, results = folder / "tested.json", folder / "test" / "results.json"
    with held(folder) as holding:
        if record.is_file():
            before = json.loads(record.read_text("utf-8"))
            if results.is_file() and not differences(before["options"], options):
                return results
        if results.parent.exists():
            results.parent.replace(atomic.claim_folder(folder / "test_before"))
        _run(stage, "test", folder, ("--ckpt_path", str(checkpoint)), threads, holding)
        _write(record, _description(stage, options))
        return results


def refuse_reserved(stage: Stage) -> None:
    """Refuse options that stages set themselves.

    Args:
        stage: To run.

    Raises:
        HandposeError: Its arguments have one of `RESERVED`.
    """
    for option in as_options(stage.arguments):
        if option in RESERVED:
            raise HandposeError(
                f"stage {stage.name}, {option}",
                "an option that stages set themselves",
                "other options",
                "Leave it out; a stage starts from the one before it and goes on by itself.",
            )


def _agree(path: Path, stage: Stage, options: dict[str, tuple[str, ...]]) -> None:
    """Record what a stage is begun with; refuse to go on with anything else.

    A start that left no checkpoint binds to nothing: it may have failed at a misspelt option.
    """
    if not path.is_file() or not any((path.parent / "fit" / "checkpoints").glob("*.ckpt")):
        _write(path, _description(stage, options))
        return
    before = json.loads(path.read_text("utf-8"))
    if before["method"] != stage.method:
        raise HandposeError(str(path), f"a stage of {before['method']}", stage.method, "Take another folder.")
    for option, then, now in differences(before["options"], options):
        raise HandposeError(
            f"stage {stage.name} in {path.parent}, {option}",
            now,
            f"{then}, with which the stage was begun",
            "Give the options it was begun with, or start anew in another folder.",
        )


def _description(stage: Stage, options: dict[str, tuple[str, ...]]) -> dict[str, Any]:
    points = entry_points(group="handpose.methods", name=stage.method)
    own = [point.dist.name for point in points if point.dist]
    return {
        "method": stage.method,
        "stage": stage.name,
        "arguments": stage.arguments,
        "options": options,
        "versions": {name: version(name) for name in ("handpose-core", *own, "torch", "pytorch-lightning")},
    }


def _write(path: Path, record: Mapping[str, Any]) -> None:
    atomic.write_text(path, json.dumps(record, indent=2) + "\n")


def _ended(folder: Path) -> dict[str, Any] | None:
    """What the training wrote at its end, None before."""
    for path in folder.glob(f"fit*/{ENDED}"):
        record: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return record
    return None


def _checkpoint(stage: Stage, folder: Path) -> str:
    """The checkpoint to hand on, relative to the folder."""
    ended = _ended(folder)
    if ended is None:
        raise StageStopped(
            f"stage {stage.name}",
            "a training that stopped before its end",
            "one that ends",
            _GO_ON,
        )
    found = ended["checkpoint"]
    path = folder / "fit" / "checkpoints" / Path(found or "last.ckpt").name
    if not path.is_file():
        raise HandposeError(
            f"stage {stage.name}",
            f"no checkpoint in {path.parent}",
            "one to hand on",
            "Leave checkpoints on, with the options --checkpoint.* rather than by a callback of the trainer.",
        )
    return str(path.relative_to(folder))


def _option(name: str, value: Path | None) -> tuple[str, ...]:
    return () if value is None else (name, str(value))


def _run(
    stage: Stage,
    subcommand: str,
    folder: Path,
    arguments: tuple[str, ...],
    threads: int | None,
    holding: Mapping[str, Any],
) -> None:
    """Run a subcommand of the stage's method in a process started with the arguments that hold the folder (`held`).

    Raises:
        StageStopped: its exit status is not 0.
        SystemExit: this process got SIGTERM, and passed it on.
    """
    module = [sys.executable, "-m", "handpose_core.cli.main", stage.method, subcommand]
    environment = os.environ | {"PYTHONSAFEPATH": "1"}  # as the console script: nothing is imported from the folder
    if threads is not None:
        environment["OMP_NUM_THREADS"] = str(threads)
    command = [*module, *stage.arguments, "--run_dir", str(folder), *arguments]
    with subprocess.Popen(command, env=environment, **holding) as process:
        status = _wait(process)
    if status:
        ending = f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
        raise StageStopped(
            f"stage {stage.name}, {subcommand} in {folder}",
            ending,
            "exit status 0",
            _GO_ON,
        )


def _wait(process: "subprocess.Popen[bytes]") -> int:
    """Wait for the process, and pass on what would end this one."""
    with _passing_on(signal.SIGTERM, process) as passed:
        try:
            status = process.wait()
            if passed:
                raise SystemExit(128 + signal.SIGTERM)
            return status
        except KeyboardInterrupt:
            try:  # a terminal tells both
                process.wait(_INTERRUPTED_BY_TERMINAL)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGINT)
                process.wait()
            raise


@contextmanager
def _passing_on(number: signal.Signals, process: "subprocess.Popen[bytes]") -> Iterator[list[int]]:
    """Send on a signal that this process gets, and yield a list of those sent; only the main thread can."""
    passed: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield passed
        return

    def send(number: int, frame: FrameType | None) -> None:
        passed.append(number)
        process.send_signal(number)

    before = signal.signal(number, send)
    try:
        yield passed
    finally:
        signal.signal(number, before)

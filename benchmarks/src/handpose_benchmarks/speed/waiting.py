"""The share of a training step that is spent waiting for data, for every stage of every installed method's recipes."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]
from pytorch_lightning import Callback, LightningModule, Trainer

from handpose_benchmarks.speed.figure import Figure, Skipped
from handpose_core.cli.registry import methods
from handpose_core.training.recipes import known_recipes

BUSY = 95.0
"""Per cent of a step's time that is to go into the step."""
FRAMES = 256
STEPS, PAPER_STEPS, PAPER_BATCH = 40, 3, 2
"""Timed steps; those of paper-size networks are few, and of few samples, so that they end on a CPU too."""


class WaitingShare(Callback):
    """Times what passes between the end of a step and the next one's beginning: the wait for its batch.

    The first two steps do not count: loaders and kernels start with them.

    Args:
        path: Where the figures go, as JSON.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._ended: float | None = None
        self._begun = 0.0
        self._seconds = {"waiting": 0.0, "step": 0.0}

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Note how long the batch was waited for."""
        self._begun = time.perf_counter()
        if self._ended is not None and batch_idx > 1:
            self._seconds["waiting"] += self._begun - self._ended

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Note how long the step took."""
        self._ended = time.perf_counter()
        if batch_idx > 1:
            self._seconds["step"] += self._ended - self._begun

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the figures."""
        self._path.write_text(json.dumps(self._seconds), "utf-8")


def measure() -> Iterator[Figure | Skipped]:
    """A short training by each recipe on synthetic hands in RHD's layout, as its command line starts it."""
    from handpose_core.synth.generate import Recipe, generate
    from handpose_core.synth.twins import TWINS

    with tempfile.TemporaryDirectory() as folder:
        for _ in generate(TWINS["rhd"](Recipe()), Path(folder) / "data", "training", FRAMES, os.cpu_count() or 1):
            pass
        for name, method in methods().items():
            for recipe in known_recipes(method.package):
                yield _figure(name, recipe, Path(folder))


def _data(method: str, recipe: str, root: Path) -> tuple[str, ...]:
    """What the recipe trains on here: the hands; or, where it takes pictures of two kinds, their pictures twice."""
    content = yaml.safe_load(known_recipes(methods()[method].package)[recipe].read_text("utf-8"))
    if "simulated" in content["data"].get("init_args", {}):
        pictures = str(root / "training" / "color")
        return ("--data.root", pictures, "--data.simulated", pictures)
    return ("--data", "RHD", "--data.root", str(root))


def _figure(method: str, recipe: str, folder: Path) -> Figure | Skipped:
    report = folder / f"{method}-{recipe}.json"
    small = [f"--data.batch_size={PAPER_BATCH}"] if recipe.startswith("paper") else []
    steps = PAPER_STEPS + 2 if small else STEPS + 2
    command = [
        *(sys.executable, "-m", "handpose_core.cli.main", method, "fit", "--config", recipe),
        *(*_data(method, recipe, folder / "data"), "--data.num_workers", str(os.cpu_count() or 1), *small),
        *("--run_dir", str(folder / recipe), "--trainer.logger=false", "--trainer.enable_checkpointing=false"),
        *("--trainer.max_epochs", "1", "--trainer.max_steps=-1", "--trainer.limit_train_batches", str(steps)),
        *("--trainer.limit_val_batches=0", "--trainer.num_sanity_val_steps=0", "--trainer.enable_progress_bar=false"),
        *("--trainer.callbacks+", f"{__name__}.WaitingShare", "--trainer.callbacks.path", str(report)),
    ]
    run = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=False)
    name = f"busy with the step, {method} {recipe}"
    if run.returncode or not report.is_file():
        return Skipped(name, (run.stderr.strip().splitlines() or ["nothing printed"])[-1])
    seconds = json.loads(report.read_text("utf-8"))
    whole = seconds["waiting"] + seconds["step"]
    note = f"{steps - 2} steps of {1000 * whole / (steps - 2):.0f} ms" + (
        f", {PAPER_BATCH} samples each" if small else ""
    )
    return Figure(name, 100 * seconds["step"] / whole, "%", BUSY, note)

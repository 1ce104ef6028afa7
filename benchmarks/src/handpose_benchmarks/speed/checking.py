"""How fast ``handpose data check`` looks at RHD's evaluation annotations and at a sequence of STB."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from handpose_benchmarks.speed.figure import Figure, Skipped
from handpose_core.checks.report import check

_AT_MOST = 200
_SECONDS = 30.0
_SAMPLES = "HANDPOSE_SAMPLES"


def measure() -> Iterator[Figure | Skipped]:
    """Checks a minute of the real samples; at least two are asked for, which is 30 s each."""
    yield _figure("RHD", "rhd")
    yield _figure("STB", "stb")


def _figure(dataset: str, folder: str) -> Figure | Skipped:
    name, samples = f"data check, {dataset}", os.environ.get(_SAMPLES)
    if not samples or not (root := Path(samples) / folder).is_dir():
        return Skipped(name, f"set {_SAMPLES} to the folder that holds {folder}/")
    start = time.perf_counter()
    report = check(root, _AT_MOST)
    seconds = time.perf_counter() - start
    labels = sum(len(part.labels) for part in report.parts if part.labels is not None)
    pictures = sum(len(part.sample) for part in report.parts)
    return Figure(
        name=name,
        value=60 / seconds,
        unit="checks/min",
        target=60 / _SECONDS,
        note=f"{seconds:.2g} s for {labels} labels and the pictures of {pictures} of them",
    )

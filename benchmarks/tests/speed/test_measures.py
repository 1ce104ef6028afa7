"""The measurements run through, on little data; what they measure is tested where it lives."""

from collections.abc import Callable

import pytest

from handpose_benchmarks.speed import loading, metrics
from handpose_core.nn.cpm import CPMSize
from handpose_dggan.module import DGGANModule
from handpose_dggan.networks import DepthHeadSize


def once(work: Callable[[], object], items: int, seconds: float = 0.0) -> float:
    work()
    return float(items)


def test_loading_is_held_against_the_step_it_feeds(monkeypatch: pytest.MonkeyPatch) -> None:
    def small() -> DGGANModule:
        cpm = CPMSize(trunk=((4, 1), (8, 2), (8, 4)), features=8, stages=1, first_width=8, width=8, convolutions=1)
        return DGGANModule(cpm, DepthHeadSize(width=8, convolutions=1, hidden=8))

    for name, value in {"rate": once, "FRAMES": 8, "DGGANModule": small}.items():
        monkeypatch.setattr(loading, name, value)
    monkeypatch.setattr(loading, "generate", in_one_process)

    monkeypatch.setattr(loading, "WORKERS", 1)
    step, plain, augmented, prepared, gain = loading.measure()

    assert step.value == loading.STEP_BATCH
    assert plain.target == augmented.target == step.value
    assert plain.value == prepared.value == 7  # of 8 frames one is held out for validation
    assert gain.value == 1


def in_one_process(twin, root, part, frames, workers):
    from handpose_core.synth.generate import generate

    return generate(twin, root, part, frames, workers=1)


def test_metrics_are_measured_by_joints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "rate", once)
    monkeypatch.setattr(metrics, "_BATCHES", 2)
    figures = metrics.measure()
    assert {figure.value for figure in figures} == {2 * 64 * 21}
    assert len({figure.name for figure in figures}) == 3

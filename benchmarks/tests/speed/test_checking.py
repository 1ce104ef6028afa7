"""The measurement of data check says what it looked at, and skips where there is nothing to look at."""

import os
from pathlib import Path

import pytest

from handpose_benchmarks.speed.checking import measure
from handpose_benchmarks.speed.figure import Figure, Skipped


def test_without_samples_it_is_skipped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HANDPOSE_SAMPLES", str(tmp_path))
    assert all(isinstance(result, Skipped) and "HANDPOSE_SAMPLES" in result.reason for result in measure())


@pytest.mark.skipif("HANDPOSE_SAMPLES" not in os.environ, reason="no real samples: set HANDPOSE_SAMPLES")
def test_two_checks_a_minute_are_asked_for() -> None:
    for result in measure():
        assert isinstance(result, Figure)
        assert (result.unit, result.target) == ("checks/min", 2)
        assert "labels" in result.note

"""The measurements of MVHM's data run through, on little of it."""

import pytest

from handpose_benchmarks.speed import generation, spin_match
from handpose_benchmarks.speed.figure import Figure, Skipped


def test_generation_is_measured_end_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generation, "GROUPS", 24)
    monkeypatch.setattr(generation, "SIZE", 32)
    monkeypatch.setattr(generation, "cores", lambda: 1)
    whole, single, blender = generation.measure("no-python-here")
    assert isinstance(whole, Figure)
    assert (whole.unit, whole.target) == ("images/s", 60)
    assert isinstance(single, Figure)
    assert single.value > whole.value > 0  # without the start of a process
    assert isinstance(blender, Skipped)
    assert "no-python-here" in blender.reason


def test_the_spin_match_is_measured_in_poses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spin_match, "_SAMPLED", 8)
    monkeypatch.setattr(spin_match, "_BATCH", 16)
    monkeypatch.setattr(spin_match, "rate", lambda work, items: (work(), float(items))[1])
    (figure,) = spin_match.measure()
    assert (figure.value, figure.target) == (16.0, 20_000)

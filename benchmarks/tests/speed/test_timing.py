import pytest
import torch

from handpose_benchmarks.speed import timing


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that the test moves on by hand."""
    now = [0.0]
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])
    return now


def test_rate_is_items_over_median_without_the_first_call(clock: list[float]) -> None:
    durations = iter([100.0, 2.0, 50.0, 2.0])

    def work() -> None:
        clock[0] += next(durations)

    assert timing.rate(work, items=10, seconds=5.0) == pytest.approx(5.0)


def test_rate_repeats_until_the_time_is_spent(clock: list[float]) -> None:
    calls = []

    def work() -> None:
        calls.append(None)
        clock[0] += 0.5

    timing.rate(work, items=1, seconds=4.0)
    assert len(calls) == 1 + 8


def test_threads_are_given_back() -> None:
    before = torch.get_num_threads()
    with timing.threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before

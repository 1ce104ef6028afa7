"""Working a plan off, with a stand-in for the trainings."""

from pathlib import Path

import pytest
from benchmarks.tests.tables.conftest import FakeRunner

from handpose_benchmarks.tables.data import Source
from handpose_benchmarks.tables.execute import execute
from handpose_benchmarks.tables.plan import Setting, nodes_of, plan
from handpose_benchmarks.tables.progress import Progress, duration
from handpose_benchmarks.tables.spec import TableSpec


@pytest.mark.parametrize("jobs", [1, 3])
def test_each_training_is_done_once_from_its_parents_checkpoint(tmp_path: Path, table: TableSpec, jobs: int) -> None:
    cells = plan(table, Setting("demo", tmp_path, {"rhd": Source(Path("R"))}), ["rhd"], [0, 1])
    runner, lines = FakeRunner({}), []
    outcome = execute(cells, runner, jobs, lines.append)
    assert sorted(runner.trained) == sorted(
        (f"rhd/seed{seed}/{stages}", f"rhd/seed{seed}/first" if "+" in stages else None)
        for seed in (0, 1)
        for stages in ("first", "first+plain", "first+guided")
    )
    assert len(runner.tested) == len(outcome.results) == 6  # the third row's test is of `first` itself
    assert not outcome.failures
    assert sum("begun" in line for line in lines) == 6


def test_a_failure_takes_what_starts_from_it_and_nothing_else(tmp_path: Path, table: TableSpec) -> None:
    cells = plan(table, Setting("demo", tmp_path, {"rhd": Source(Path("R"))}), ["rhd"], [0, 1])
    runner, lines = FakeRunner({}, broken=("rhd/seed0/first", "rhd/seed1/first+plain")), []
    outcome = execute(cells, runner, 2, lines.append)
    assert {node.label for node in outcome.results} == {"rhd/seed1/first", "rhd/seed1/first+guided"}
    assert {node.label for node in outcome.failures} == {
        "rhd/seed0/first", "rhd/seed0/first+plain", "rhd/seed0/first+guided", "rhd/seed1/first+plain",
    }  # fmt: skip
    assert all("fit.log" in reason for reason in outcome.failures.values())
    assert sum("FAILED" in line for line in lines) == 2


def test_the_time_left_is_that_of_stages_of_the_same_kind(tmp_path: Path, table: TableSpec) -> None:
    lines: list[str] = []
    cells = plan(table, Setting("demo", tmp_path, {"rhd": Source(Path("R"))}), ["rhd"], [0, 1])
    nodes = list(nodes_of(cells))
    progress = Progress(nodes, 2, lines.append)
    for node, seconds in zip(nodes, (100.0, 10.0, 30.0, 1.0), strict=False):
        progress.ended(node, seconds, None)
    assert [node.stage for node in nodes] == ["first", "plain", "guided"] * 2
    # after `first`: five of 100 s; then 2 x 55 for `guided`, 100 and 10; then 100, 10 and 30; two at a time
    lefts = [line.partition("about ")[2] for line in lines]
    assert lefts == ["4 min 10 s left)", "1 min 50 s left)", "1 min 10 s left)", ""]
    assert "was finished before (4 of 6)" in lines[-1]


@pytest.mark.parametrize(("seconds", "text"), [(12.4, "12 s"), (200, "3 min 20 s"), (3720, "1 h 02 min")])
def test_durations_are_readable(seconds: float, text: str) -> None:
    assert duration(seconds) == text

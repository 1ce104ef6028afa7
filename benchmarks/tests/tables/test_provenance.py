"""Commit, data version and twins of results: recorded, told, and never averaged over."""

import json
from pathlib import Path

import pytest
from benchmarks.tests.tables.conftest import FakeRunner
from benchmarks.tests.tables.test_command import EPE, document, wish

from handpose_benchmarks import cli
from handpose_benchmarks.tables import command
from handpose_benchmarks.tables.command import run_table
from handpose_benchmarks.tables.figure import draw
from handpose_benchmarks.tables.markdown import as_markdown
from handpose_benchmarks.tables.plan import Node
from handpose_benchmarks.tables.provenance import age, by_twin, provenance_of
from handpose_benchmarks.tables.results import read_document
from handpose_benchmarks.tables.spec import TableSpec
from handpose_core import DATA_VERSION
from handpose_core.io.commit import code_commit

KEPT = Path(__file__).parents[2] / "results"


class OfTwins(FakeRunner):
    """Seed 0 is tested on one twin, seed 1 on another."""

    def test(self, node: Node, checkpoint: Path) -> Path:
        path = super().test(node, checkpoint)
        seed = node.folder.parent.name.removeprefix("seed")
        recorded = {
            "commit": "c0ffee", "data_version": DATA_VERSION,
            "trained_on": [{"dataset": "S", "data_checksum": "9" * 64}],
            "data": {"frames": "3", "data_version": DATA_VERSION, "data_checksum": seed * 64},
        }  # fmt: skip
        path.write_text(json.dumps(json.loads(path.read_text()) | recorded))
        return path


@pytest.fixture
def small_table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, table: TableSpec) -> None:
    monkeypatch.setattr(command, "find_table", lambda number: table)
    monkeypatch.chdir(tmp_path)
    for name in ("R", "S"):
        Path(name).mkdir()


def test_a_run_records_what_its_test_tells() -> None:
    chapters = [
        {"dataset": "A", "data_checksum": "1"},
        {"dataset": "A + B", "0.data_checksum": "1", "1.data_checksum": "2", "data_version": "x"},
        {"dataset": "A", "data_checksum": "3"},
    ]
    told = provenance_of({"data": {"data_checksum": "4"}, "trained_on": chapters, "commit": "c", "data_version": "v"})
    twins = {"A": "1", "0.A + B": "1", "1.A + B": "2", "A, made again": "3", "test": "4"}
    assert told == {"commit": "c", "data_version": "v", "twins": twins}
    assert provenance_of({"data": {}}) == {"commit": None, "data_version": None, "twins": {}}


@pytest.mark.usefixtures("small_table")
def test_seeds_of_different_twins_are_not_averaged() -> None:
    run_table(wish(), print, OfTwins(EPE))
    written = document()
    assert written["commit"] == code_commit()
    assert written["data_version"] == DATA_VERSION
    run = written["datasets"][0]["rows"][1]["runs"][1]
    assert (run["commit"], run["data_version"], run["twins"]) == (
        "c0ffee",
        DATA_VERSION,
        {"S": "9" * 64, "test": "1" * 64},
    )
    text = Path("results/table_3_1-demo-real.md").read_text()
    assert "19.00 (18.00–20.00)" not in text
    assert "Runs of different twins stand apart" in text
    first, second = text.split("## RHD, twins ")[1:3]
    assert first.startswith(f"A\n\nTwins A (tested on sha256 {'0' * 16}; S sha256 {'9' * 16}): seed 0.")
    assert second.startswith("B\n\nTwins B (tested on sha256 1111")
    assert "| New | – | 0.640 | 18.00 | 18.00 |" in first
    assert "| New | – | 0.600 | 18.00 | 20.00 |" in second
    assert "| -5.00 |" in second  # paired within the twin alone
    assert draw(written).shape[1] > 1.5 * draw({**written, "datasets": by_twin(written)["datasets"][:1]}).shape[1]
    assert by_twin(by_twin(written)) == by_twin(written)


@pytest.mark.usefixtures("small_table")
def test_joined_parts_of_different_twins_stand_apart() -> None:
    for seed in (0, 1):
        run_table(wish(seeds=(seed,), work=Path(f"work{seed}"), out=Path(f"part{seed}")), print, FakeRunner(EPE))
        path = Path(f"part{seed}/table_3_1-demo-real.json")
        part = json.loads(path.read_text())
        part["data"]["rhd"] = {"source": "twin", "size": "demo", "version": DATA_VERSION, "checksum": str(seed) * 64,
                               "world": "target", "seed": 0, "frames": {"training": 2}}  # fmt: skip
        for row in part["datasets"][0]["rows"]:
            for run in row["runs"]:
                run.pop("twins", None)  # as files had it before runs told
        path.write_text(json.dumps(part))
    parts = [f"part{seed}/table_3_1-demo-real.json" for seed in (0, 1)]
    assert cli.main(["table", "3.1", "--join", *parts, "--out", "joined"]) == 0
    text = Path("joined/table_3_1-demo-real.md").read_text()
    assert "## RHD, twins A" in text
    assert "19.00 (18.00–20.00)" not in text


def test_kept_results_that_average_two_twins_are_shown_seed_by_seed() -> None:
    kept = read_document(KEPT / "table_4_1-demo-twins.json")
    text = as_markdown(kept)
    titles = [line for line in text.splitlines() if line.startswith("## MHP")]
    assert titles == ["## MHP, seed 0", "## MHP, seed 1", "## MHP, seed 2"]
    assert "Of which of several twins seed 1 is was not recorded; it stands alone." in text
    assert "(54.24–66.17)" not in text  # the range over both twins
    one = read_document(KEPT / "table_5_2-demo-twins.json")  # of one twin each
    assert "## MHP\n" in as_markdown(one)
    assert "twins A" not in as_markdown(one)


@pytest.mark.parametrize("path", sorted(KEPT.glob("table_*.json")), ids=lambda path: path.stem)
def test_kept_results_of_an_older_data_version_say_so_in_their_first_line(path: Path) -> None:
    kept = read_document(path)
    text = path.with_suffix(".md").read_text("utf-8")
    first = text.splitlines()[2]
    assert (age(kept) is None) == (not first.startswith(("**Older than the record", "**Of an older data version")))
    figure = path.with_suffix(".png")
    assert text == as_markdown(kept, figure.name if figure.is_file() else None)  # made of the figures alone


def test_results_of_another_data_version_are_told_from_todays() -> None:
    def data(version: str) -> dict:
        return {"data_version": version, "data": {"rhd": {"source": "twin", "version": version}, "real": {"name": "R"}}}

    assert age(data(DATA_VERSION)) is None
    assert age(data("0.0.9+data.1")).startswith("Of an older data version, 0.0.9+data.1.")  # type: ignore[union-attr]
    unrecorded = {"data": {"rhd": {"source": "twin", "version": "0.1.0"}}}
    assert "its generated data were made by version 0.1.0" in (age(unrecorded) or "")
    assert "version 0" not in (age({"data": {"real": {"name": "R"}}}) or "")

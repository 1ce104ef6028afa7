"""Trivial rows in a table: read, compared by hand, told in its first line, and computed alone."""

import json
from pathlib import Path

import pytest
from benchmarks.tests.tables.conftest import FakeRunner, results, trivial_results
from benchmarks.tests.tables.test_command import EPE, document, wish

from handpose_benchmarks import cli
from handpose_benchmarks.tables import command
from handpose_benchmarks.tables.command import run_table
from handpose_benchmarks.tables.markdown import as_markdown
from handpose_benchmarks.tables.plan import Node
from handpose_benchmarks.tables.spec import IN_PIXELS, Protocol, TableSpec
from handpose_benchmarks.tables.trivial import read_trivial, shortfalls
from handpose_core.errors import HandposeError
from handpose_core.training.trivial_rows import CONSTANT_2D, CONSTANT_3D, UNTRAINED

SHOWN = "results/table_3_1-demo-real"


@pytest.fixture(autouse=True)
def small_table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, table: TableSpec) -> None:
    monkeypatch.setattr(command, "find_table", lambda number: table)
    monkeypatch.chdir(tmp_path)
    for name in ("R", "S"):
        Path(name).mkdir()


def trivial(name: str, none: float, procrustes: float) -> dict:
    return {"name": name, "figures": {"none": {"epe_mean": none}, "procrustes": {"epe_mean": procrustes}}}


def test_a_row_is_competent_when_it_beats_the_best_trivial_row_of_each_alignment_by_a_fifth() -> None:
    rows = [trivial("flat", 33.0, 23.8), trivial("constant", 60.0, 12.4)]
    assert shortfalls({"none": 26.4, "procrustes": 9.92}, rows) == []  # 0.8 x 33 and 0.8 x 12.4
    (one,) = shortfalls({"none": 26.4, "procrustes": 10.0}, rows)
    assert (one.trivial, one.alignment, one.error) == ("constant", "procrustes", 10.0)
    assert one.allowed == pytest.approx(9.92)
    assert [one.trivial for one in shortfalls({"none": 30.0, "procrustes": 11.0}, rows)] == ["flat", "constant"]


def test_rows_are_printed_beside_the_trivial_ones_and_a_competent_baseline_leaves_no_warning() -> None:
    assert run_table(wish(), print, FakeRunner(EPE)) == 0  # Old has 22.5 mm, the constant hand 100
    block = document()["datasets"][0]
    assert [row["name"] for row in block["trivial"]["rows"]] == ["true 2D, flat depth", CONSTANT_3D, UNTRAINED]
    assert block["trivial"]["rows"][1]["figures"]["procrustes"]["epe_mean"] == 50.0
    text = Path(f"{SHOWN}.md").read_text()
    assert "Nothing can be read" not in text
    assert "| *best constant 3D hand* | – | 0.980 | – | 100.00 | – | 99.00 | 200.00 | 50.00 | – | – |" in text
    old, *_ = [line for line in text.splitlines() if line.startswith("| Old |")]
    assert old.endswith("| 2 | yes |")
    assert "best constant 3D hand: true wrist and scale and side" in text


def test_a_baseline_that_does_not_beat_a_constant_hand_is_told_in_the_first_line() -> None:
    run_table(wish(), print, FakeRunner(EPE, trivial=28.0))  # 0.8 x 28 = 22.4 < 22.5
    title, _, first, *rest = Path(f"{SHOWN}.md").read_text().splitlines()
    assert title.startswith("# Table 3.1")
    assert first.startswith("**Nothing can be read from the rows on RHD: the baseline row, Old, is not 20 % better")
    assert "22.50 mm with alignment none, where best constant 3D hand allows 22.40" in first
    verdicts = {line.split(" | ")[0]: line for line in rest if line.endswith((" yes |", ") |"))}
    assert verdicts["| Old"].endswith("| no (none, root, procrustes) |")
    assert verdicts["| New"].endswith("| yes |")  # 19 mm


def test_the_first_line_says_where_trivial_rows_are_missing() -> None:
    class Unable(FakeRunner):
        def trivial(self, node: Node) -> Path:
            raise HandposeError("trivial.log", "a crash", "a test that ends well", "See the log.")

    assert run_table(wish(), print, Unable(EPE)) == 1
    _, _, first, *rest = Path(f"{SHOWN}.md").read_text().splitlines()
    assert first.startswith("**RHD: whether Old is competent is not known: trivial.log: found a crash")
    assert any(line.startswith("- RHD, trivial rows: trivial.log") for line in rest)


def test_the_trivial_rows_alone_need_no_training(capsys: pytest.CaptureFixture[str]) -> None:
    runner = FakeRunner(EPE)
    assert run_table(wish(trivial_only=True, only=None), print, runner) == 0
    assert (runner.trained, runner.tested) == ([], [])
    written = document(f"{SHOWN}-trivial.json")
    assert [(block["name"], block["rows"]) for block in written["datasets"]] == [("rhd", []), ("stb", [])]
    text = Path(f"{SHOWN}-trivial.md").read_text()
    assert text.count("| *untrained network* |") == 2
    assert not Path(f"{SHOWN}.json").exists()
    with pytest.raises(HandposeError, match="--trivial-only"):
        cli.main(["table", "--show", f"{SHOWN}-trivial.json", "--trivial-only"])


def test_trivial_rows_of_pixels_are_the_constant_and_the_untrained(tmp_path: Path) -> None:
    pixels = {"protocol": "exact", "recover": "none: 2D", "alignment": "none", "unit": "px (crop)", "n_samples": 2}
    curve = {"thresholds": [0.0, 20.0], "pck": [0.0, 0.5]}
    rows = [
        {"method": name, **pixels, **curve, "epe_mean": epe, "epe_median": epe}
        for name, epe in (("ours", 30.0), (CONSTANT_2D, 14.0))
    ]
    path = tmp_path / "results.json"
    path.write_text(json.dumps({"data": {"data_checksum": "abc"}, "rows": rows}))
    found = read_trivial(path, IN_PIXELS)
    assert found["twin"] == "abc"
    assert [(row["name"], row["figures"]["none"]["epe_mean_px"]) for row in found["rows"]] == [
        (CONSTANT_2D, 14.0),
        (UNTRAINED, 30.0),
    ]
    with pytest.raises(HandposeError, match="no score of true 2D, flat depth, alignment none"):
        read_trivial(path, Protocol())


def test_trivial_rows_of_other_twins_judge_nothing() -> None:
    run_table(wish(), print, FakeRunner(EPE, trivial=28.0))
    told = document()
    told["datasets"][0]["trivial"]["twin"] = "new"
    for row in told["datasets"][0]["rows"]:
        for run in row["runs"]:
            run["twins"] = {"test": "new" if run["seed"] else "old"}
    first, second = as_markdown(told).split("## RHD, twins")[1:3]
    assert "competent" not in first
    assert "| *best constant 3D hand* |" in second


def test_what_the_stand_ins_write_is_what_is_read() -> None:
    assert {row["method"] for row in trivial_results(1.0)["rows"]} >= {results(1.0)["rows"][0]["method"]}  # type: ignore[attr-defined, index]

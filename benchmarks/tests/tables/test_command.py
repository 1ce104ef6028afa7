"""``handpose bench table`` from the wish to the files, with a stand-in for the trainings."""

import json
from pathlib import Path

import pytest
from benchmarks.tests.tables.conftest import FakeRunner

from handpose_benchmarks import cli
from handpose_benchmarks.tables import command
from handpose_benchmarks.tables.command import Wish, run_table
from handpose_benchmarks.tables.spec import RowSpec, TableSpec
from handpose_core.errors import HandposeError

EPE = {
    "rhd/seed0/first+plain": 20.0, "rhd/seed0/first+guided": 18.0,
    "rhd/seed1/first+plain": 25.0, "rhd/seed1/first+guided": 20.0,
}  # fmt: skip


@pytest.fixture(autouse=True)
def small_table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, table: TableSpec) -> None:
    monkeypatch.setattr(command, "find_table", lambda number: table)
    monkeypatch.chdir(tmp_path)
    for name in ("R", "S"):
        Path(name).mkdir()


def wish(**changes: object) -> Wish:
    asked: dict[str, object] = {
        "number": "3.1", "data": "rhd=R,stb=S", "recipe": "demo", "only": ("rhd",), "rows": None, "seeds": (0, 1),
        "jobs": 1, "work": None, "out": None, "size": None, "options": (),
    }  # fmt: skip
    return Wish(**(asked | changes))  # type: ignore[arg-type]


def document(path: str = "results/table_3_1-demo-real.json") -> dict:
    return json.loads(Path(path).read_text())


def test_results_hold_figures_seed_by_seed_and_the_markdown_compares(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_table(wish(), print, FakeRunner(EPE)) == 0
    written = document()
    _, new, _ = written["datasets"][0]["rows"]
    assert [run["figures"]["none"]["epe_mean"] for run in new["runs"]] == [18.0, 20.0]
    assert new["runs"][1]["figures"]["procrustes"]["epe_mean"] == 10.0
    assert new["runs"][0]["curve"]["pck"] == [0.0, 0.64, 1.0]
    assert [(stage["stage"], stage["recipe"], stage["arguments"]) for stage in new["runs"][0]["stages"]] == [
        ("first", "demo-1", ["--model.a", "1"]),
        ("guided", "demo-2", []),
    ]
    assert str(Path.cwd()) not in Path("results/table_3_1-demo-real.json").read_text()
    assert written["data"]["rhd"] == {"source": "folder", "name": "R"}
    assert "torch" in written["versions"]
    assert int(written["machine"]["cores"]) >= 1

    text = Path("results/table_3_1-demo-real.md").read_text()
    assert "| New | – | 0.620 (0.600–0.640) | 18.00 | 19.00 (18.00–20.00) |" in text
    # minus Old: -2 and -5 of 20 and 25, gains 10 % and 20 %; the thesis's 2 of 20
    row, *_ = [line for line in text.splitlines() if line.startswith("| New |") and "%" in line]
    assert "| -2.00 | -3.50 ± 2.12 |" in row
    assert "| +10.0 % | +15.0 ± 7.1 % |" in row
    assert "| Someone (quoted) | – | – | 9.50 | – |" in text
    assert "Someone: quoted, not run; a paper." in text
    assert "- STB, Old, seeds 0, 1: not run" in text
    assert "Not drawn, as the thesis gives no values: PSO." in text
    assert "- a note" in text
    assert Path("results/table_3_1-demo-real.png").stat().st_size > 5000

    capsys.readouterr()
    assert cli.main(["table", "--show", "results/table_3_1-demo-real.json"]) == 0
    shown = capsys.readouterr().out
    assert "| New | – | 0.620 (0.600–0.640) | 18.00 | 19.00 (18.00–20.00) |" in shown


def test_a_failed_row_is_named_the_others_are_there_and_the_status_is_1() -> None:
    broken = FakeRunner(EPE, broken=("rhd/seed1/first+guided",))
    assert run_table(wish(), print, broken) == 1
    new = document()["datasets"][0]["rows"][1]
    assert "figures" in new["runs"][0]
    assert "fit.log: found a crash" in new["runs"][1]["failure"]
    text = Path("results/table_3_1-demo-real.md").read_text()
    assert "- RHD, New, seed 1: runs/tables/3.1/demo-real/rhd/seed1/first+guided/fit.log" in text
    row, *_ = [line for line in text.splitlines() if line.startswith("| New |") and "%" in line]
    assert "| -2.00 | -2.00 |" in row  # one seed has no deviation
    assert row.endswith("| 1 |")


def test_only_the_rows_and_datasets_asked_for_are_run() -> None:
    runner = FakeRunner(EPE)
    run_table(wish(rows=(1,), seeds=(0,), only=("stb",)), print, runner)
    assert [label for label, _ in runner.trained] == ["stb/seed0/first", "stb/seed0/first+plain"]


def test_what_is_tried_out_is_kept_apart(tmp_path: Path) -> None:
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "pyproject.toml").touch()
    tried = {"options": ("--trainer.max_epochs=1",), "seeds": (0,)}
    run_table(wish(**tried), print, FakeRunner(EPE))
    kept = document("runs/tables/3.1/demo-real-tried/results/table_3_1-demo-real.json")
    assert kept["options"] == ["--trainer.max_epochs=1"]
    with pytest.raises(HandposeError, match="only recipes' results"):
        run_table(wish(**tried, out=Path("benchmarks/results")), print, FakeRunner(EPE))
    assert wish(size="tiny").tried_out
    assert not wish(size="demo").tried_out
    run_table(wish(seeds=(0,)), print, FakeRunner(EPE))
    assert document("benchmarks/results/table_3_1-demo-real.json")["options"] == []


def test_a_table_takes_the_runs_of_another(monkeypatch: pytest.MonkeyPatch, table: TableSpec) -> None:
    optional = RowSpec("New", (), {"rhd": {"epe_mean": 9.11}}, optional=True)
    rows = (optional, RowSpec("Not run", (), {"rhd": {}}, optional=True))
    shared = TableSpec("3.2", "shared", "dggan", ("rhd",), rows, runs_of="3.1")
    monkeypatch.setattr(command, "find_table", lambda number: {"3.1": table, "3.2": shared}[number])
    with pytest.raises(HandposeError, match=r"handpose bench table 3\.1"):
        run_table(wish(number="3.2"), print)
    run_table(wish(), print, FakeRunner(EPE))
    assert run_table(wish(number="3.2"), print) == 0
    (block,) = document("results/table_3_2-demo-real.json")["datasets"]
    assert [row["name"] for row in block["rows"]] == ["New"]
    assert [run["figures"]["none"]["epe_mean"] for run in block["rows"][0]["runs"]] == [18.0, 20.0]
    assert "those of Table 3.1" in Path("results/table_3_2-demo-real.md").read_text()


def test_parts_of_a_table_are_joined_seed_by_seed(capsys: pytest.CaptureFixture[str]) -> None:
    for seed in (0, 1):
        run_table(wish(seeds=(seed,), work=Path(f"work{seed}"), out=Path(f"part{seed}")), print, FakeRunner(EPE))
    run_table(wish(), print, FakeRunner(EPE))
    parts = [f"part{seed}/table_3_1-demo-real.json" for seed in (0, 1)]
    assert cli.main(["table", "3.1", "--join", *parts, "--out", "joined"]) == 0
    joined, whole = document("joined/table_3_1-demo-real.json"), document()
    for one, other in zip(joined["datasets"], whole["datasets"], strict=True):
        for row, same in zip(one["rows"], other["rows"], strict=True):
            figures = [[run.get("figures") for run in runs["runs"]] for runs in (row, same)]
            assert row["name"] == same["name"]
            assert figures[0] == figures[1]
    assert len(joined["parts"]) == 2
    text = Path("joined/table_3_1-demo-real.md").read_text()
    assert "| New | – | 0.620 (0.600–0.640) | 18.00 | 19.00 (18.00–20.00) |" in text
    assert text.count("- machine: ") == 2
    assert Path("joined/table_3_1-demo-real.png").is_file()


def test_parts_that_cannot_be_compared_are_not_joined(tmp_path: Path) -> None:
    run_table(wish(seeds=(0,), out=Path("one")), print, FakeRunner(EPE))
    part = Path("one/table_3_1-demo-real.json")
    again = Path("again.json")
    again.write_text(part.read_text())
    with pytest.raises(HandposeError, match="seed 0"):  # no two first stages of one seed
        cli.main(["table", "3.1", "--join", str(part), str(again)])
    other = json.loads(part.read_text())
    other["data"]["rhd"]["name"] = "another"
    again.write_text(json.dumps(other))
    with pytest.raises(HandposeError, match=r"again\.json, data, rhd"):
        cli.main(["table", "3.1", "--join", str(part), str(again)])
    again.write_text(part.read_text().replace('"recipe": "demo",', '"recipe": "paper",', 1))
    with pytest.raises(HandposeError, match=r"again.json, recipe: found paper; expected demo"):
        cli.main(["table", "3.1", "--join", str(part), str(again)])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"only": ("mhp",)}, "--only: found 'mhp'"),
        ({"rows": (4,)}, "--rows: found 4"),
        ({"data": "rhd"}, "--data: found 'rhd'"),
        ({"data": "rhd=nowhere"}, "--data rhd: found nowhere"),
        ({"data": "mhp=R", "only": None}, "a dataset of the table"),
        ({"data": "twins", "size": "huge"}, "--size: found 'huge'"),
    ],
)
def test_what_does_not_fit_is_named(changes: dict[str, object], message: str) -> None:
    with pytest.raises(HandposeError, match=message):
        run_table(wish(**changes), print, FakeRunner(EPE))


def test_results_of_another_kind_are_refused(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text('{"schema": 0}')
    with pytest.raises(HandposeError, match="schema 0"):
        cli.main(["table", "--show", "old.json"])
    with pytest.raises(HandposeError, match="no such file"):
        cli.main(["table", "--show", "none.json"])

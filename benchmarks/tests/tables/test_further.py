"""What a table shows beside the pose's measures, and rows that are run by their number alone."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from benchmarks.tests.tables.conftest import FakeRunner
from benchmarks.tests.tables.test_command import wish

from handpose_benchmarks.tables import command
from handpose_benchmarks.tables.command import run_table
from handpose_benchmarks.tables.plan import Node
from handpose_benchmarks.tables.spec import Further, RowSpec, TableSpec
from handpose_benchmarks.tables.thesis import find_table

FURTHER = Further(
    "Depth", {"test/error": "error", "test/constant": "constant"}, {"val/error": "error", "val/constant": "constant"},
    "depth.png", "3.7",
)  # fmt: skip
PICTURE = np.full((4, 6, 3), 90, np.uint8)


class GuidedRunner(FakeRunner):
    """Leaves curves of guided trainings, the last epoch in two parts, and their tests' measures and picture."""

    def fit(self, node: Node, init_from: Path | None) -> Path:
        if node.stage == "guided":
            for name, lines in (("fit", "0,,\n0,0.5,0.4\n1,0.45,0.4\n"), ("fit_2", "1,0.3,0.4\n2,0.2,0.4\n")):
                (node.folder / name).mkdir(parents=True)
                (node.folder / name / "metrics.csv").write_text(f"epoch,val/error,val/constant\n{lines}")
        return super().fit(node, init_from)

    def test(self, node: Node, checkpoint: Path) -> Path:
        path = super().test(node, checkpoint)
        if node.stage == "guided":
            seed = int(node.folder.parent.name.removeprefix("seed"))
            metrics = {"test/error": 0.2 + 0.1 * seed, "test/constant": 0.4, "test/other": 1.0}
            path.write_text(json.dumps(json.loads(path.read_text()) | {"metrics": metrics}))
            (path.parent / "pictures").mkdir()
            cv2.imwrite(str(path.parent / "pictures" / "depth.png"), PICTURE)
        return path


@pytest.fixture(autouse=True)
def further_table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, table: TableSpec) -> None:
    further_row = RowSpec("Wider", ("first", "plain", "first"), {"rhd": {}, "stb": {}}, optional=True)
    table = replace(table, further=FURTHER, rows=(*table.rows, further_row))
    new = RowSpec("New", (), {"rhd": {}})
    taking = TableSpec("3.2", "taken", "dggan", ("rhd",), (new,), runs_of="3.1")
    monkeypatch.setattr(command, "find_table", lambda number: {"3.1": table, "3.2": taking}[number])
    monkeypatch.chdir(tmp_path)
    for name in ("R", "S"):
        Path(name).mkdir()


def test_measures_curves_and_pictures_of_the_row_that_has_them() -> None:
    assert run_table(wish(), print, GuidedRunner({})) == 0
    document = json.loads(Path("results/table_3_1-demo-real.json").read_text())
    old, new, _ = document["datasets"][0]["rows"]
    assert [run["further"] for run in old["runs"]] == [{}, {}]
    assert new["runs"][1]["further"] == {"test/error": pytest.approx(0.3), "test/constant": 0.4}
    curve = {"val/error": [0.5, 0.3, 0.2], "val/constant": [0.4, 0.4, 0.4]}  # what was repeated counts once
    assert new["runs"][0]["traces"] == [{"stage": "guided", "values": curve}]
    text = Path("results/table_3_1-demo-real.md").read_text()
    assert "| RHD | New | 0.250 (0.200–0.300) | 0.400 (0.400–0.400) |" in text
    assert "| RHD | Old |" not in text
    for name in document["pictures"].values():
        assert f"({name})" in text
    assert document["pictures"] == {
        "rhd": "table_3_1-demo-real-rhd-depth.png", "training": "table_3_1-demo-real-training.png",
    }  # fmt: skip
    assert (cv2.imread("results/table_3_1-demo-real-rhd-depth.png") == PICTURE).all()
    drawn = cv2.imread("results/table_3_1-demo-real-training.png")
    assert drawn.shape[1] > 600
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) > 50
    assert run_table(wish(number="3.2"), print) == 0  # has no such text
    assert "training.png" not in Path("results/table_3_2-demo-real.md").read_text()


def test_without_any_nothing_is_shown() -> None:
    assert run_table(wish(), print, FakeRunner({})) == 0
    assert "## Depth" not in Path("results/table_3_1-demo-real.md").read_text()
    assert json.loads(Path("results/table_3_1-demo-real.json").read_text())["pictures"] == {}


def test_an_optional_row_is_run_and_shown_by_its_number_alone() -> None:
    run_table(wish(seeds=(0,)), print, FakeRunner({}))
    assert "Wider" not in Path("results/table_3_1-demo-real.md").read_text()
    runner = FakeRunner({})
    run_table(wish(seeds=(0,), rows=(4,)), print, runner)
    assert runner.tested == ["rhd/seed0/first+plain+first"]
    assert "| Wider |" in Path("results/table_3_1-demo-real.md").read_text()
    assert Path("results/table_3_1-demo-real.md").read_text().count("Wider |") == 2  # on RHD alone, and its difference
    run_table(wish(seeds=(1,), rows=(4,)), print, FakeRunner({}, broken=("rhd/seed1/first+plain",)))
    assert "RHD, Wider, seed 1: runs/tables" in Path("results/table_3_1-demo-real.md").read_text()


def test_the_regularisers_input_is_table_3_1s_optional_row() -> None:
    table = find_table("3.1")
    *printed, ablation, _ = table.rows
    assert [row.optional for row in printed] == [False] * 3
    assert ablation.optional
    for name in ablation.stages[1:]:
        assert "RelativeDepths" in table.stages[name].arguments

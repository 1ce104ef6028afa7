"""Further sets that rows are tested on: how they are named, tested with and told."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from benchmarks.tests.tables.conftest import FakeRunner, results

from handpose_benchmarks.tables import command
from handpose_benchmarks.tables.also import FurtherSet, further_set
from handpose_benchmarks.tables.command import run_table
from handpose_benchmarks.tables.markdown import as_markdown
from handpose_benchmarks.tables.plan import Node
from handpose_benchmarks.tables.spec import TableSpec
from handpose_core.errors import HandposeError

from .test_command import wish

PIXELS = {
    "method": "ours", "protocol": "exact", "recover": "none: 2D", "alignment": "none", "unit": "px (crop)",
    "n_samples": 3, "epe_mean": 6.5, "epe_median": 6.0, "thresholds": [0.0, 20.0, 30.0], "pck": [0.0, 0.75, 1.0],
}  # fmt: skip


class Examiner(FakeRunner):
    """Writes tests where they belong: on `flat` none has 3D joints."""

    def test(self, node: Node, checkpoint: Path) -> Path:
        super().test(node, checkpoint)
        if node.elsewhere is None:
            return node.folder / "test" / "results.json"
        if node.elsewhere.dataset == "also_broken":
            raise HandposeError("also_broken", "a picture that does not open", "one that does", "See the log.")
        document = results(30.0)
        rows = [PIXELS] if node.elsewhere.dataset == "also_flat" else [*document["rows"], PIXELS]  # type: ignore[misc]
        path = node.test_folder / "test" / "results.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({**document, "rows": rows}))
        return path


@pytest.fixture
def pictures(tmp_path: Path) -> str:
    folder = tmp_path / "some pictures"
    folder.mkdir()
    cv2.imwrite(str(folder / "0.png"), np.zeros((8, 8, 3), np.uint8))
    np.savez(folder / "labels.npz", joints_2d=np.zeros((1, 21, 2)))
    return str(folder)


def test_a_set_is_named_with_its_folder_and_options(pictures: str) -> None:
    further = further_set(f"Real hands='{pictures}' --data.side left")
    assert (further.name, further.folder) == ("Real hands", "also_Real_hands")
    assert further.data == ("--data", "Folder", "--data.root", pictures, "--data.side", "left")
    for wrong in ("no_path", f"a='{pictures}' --data.side", f"a='{pictures}' --trainer.limit 1", "a=nowhere"):
        with pytest.raises(HandposeError):
            further_set(wrong)


def test_it_takes_the_place_of_the_trainings_data_alone() -> None:
    arguments = ("--config", "c", "--data", "RHD", "--data.root", "R", "--a", "1", "--data.b", "2", "--fast", "x")
    node = Node("n", "n", "dggan", arguments, Path("w/rhd/seed0/n"), None)
    own = FurtherSet("new", ("--data", "Folder", "--data.root", "F")).of(node, ("--fast", "x"))
    assert own.arguments == arguments
    assert own.test_arguments == ("--config", "c", "--a", "1", "--data", "Folder", "--data.root", "F", "--fast", "x")
    assert own.test_folder == Path("w/rhd/seed0/n/also_new")


def test_every_row_is_tested_on_every_set(
    pictures: str, table: TableSpec, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(command, "find_table", lambda number: table)
    monkeypatch.chdir(tmp_path)
    for name in ("R", "S"):
        Path(name).mkdir()
    shutil.copytree(pictures, "F")
    also = ("real=F", "flat=F", "broken=F")
    assert run_table(wish(also=also), print, Examiner({})) == 1
    document = json.loads(Path("results/table_3_1-demo-real.json").read_text())
    real, flat, broken = document["also"]
    old, *_ = real["rows"]
    assert (old["row"], old["trained_on"], [run["seed"] for run in old["runs"]]) == ("Old", "rhd", [0, 1])
    assert old["runs"][0]["figures"]["procrustes"]["epe_mean"] == 15.0
    assert old["runs"][0]["figures"]["none"] == {
        "epe_mean": 30.0, "epe_median": 29.0, "auc_0_50": 0.5, "auc_20_50": 0.4, "epe_mean_px": 6.5, "pck_20": 75.0,
    }  # fmt: skip
    assert flat["rows"][0]["runs"][0]["figures"] == {"none": {"epe_mean_px": 6.5, "pck_20": 75.0}}
    assert "does not open" in broken["rows"][0]["runs"][0]["failure"]
    text = as_markdown(document)
    assert "## Also tested on real\n\n3 pictures" in text
    assert "| trained on | row | PCK at 20 px (%) ↑ | EPE mean (px) ↓ | seeds |" in text
    assert "| RHD | New | 75.00 (75.00–75.00) | 6.50 (6.50–6.50) | 2 |" in text

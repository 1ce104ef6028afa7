"""The regression row trained and tested for real: twin, command line, processes, results."""

import json
import time
from pathlib import Path

import pytest

from handpose_benchmarks import cli
from handpose_benchmarks.tables import command
from handpose_benchmarks.tables.spec import RowSpec, StageSpec, TableSpec
from handpose_core.errors import HandposeError

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning's and jsonargparse's own, of a whole run

NARROW = (
    "--model.cpm.trunk=[[4, 2], [4, 2], [4, 4], [4, 6]]", "--model.cpm.features=4", "--model.cpm.width=4",
    "--model.cpm.first_width=4", "--model.depth_head.width=4", "--data.num_workers=0", "--data.image_size=64",
)  # fmt: skip
TABLE = TableSpec(
    number="3.1",
    title="the regression row",
    method="dggan",
    datasets=("rhd",),
    stages={"regression": StageSpec("paper-1-regression", NARROW), "none": StageSpec("${recipe}-0-none")},
    rows=(
        RowSpec("Regression", ("regression",), {"rhd": {"epe_mean": 21.5}}),
        RowSpec("Not to be had", ("regression", "none"), {"rhd": {"epe_mean": 19.0}}),
    ),
)


def test_a_row_runs_once_and_a_row_without_a_recipe_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "find_table", lambda number: TABLE)
    monkeypatch.chdir(tmp_path)
    for name, value in {"WANDB_MODE": "disabled", "OMP_NUM_THREADS": "1"}.items():
        monkeypatch.setenv(name, value)
    asked = ["table", "3.1", "--fast", "--recipe", "demo", "--seeds", "3", "--", "--trainer.accelerator", "cpu"]
    with pytest.raises(HandposeError, match="'demo-0-none', which is neither a recipe nor a file"):
        cli.main(asked)  # the second row's recipe is not there: nothing is trained
    assert not list(tmp_path.rglob("*.ckpt"))
    started = time.monotonic()
    assert cli.main([*asked[:3], "--rows", "1", *asked[3:]]) == 0
    took = time.monotonic() - started
    results = tmp_path / "runs/tables/3.1/demo-tried/results/table_3_1-demo-twins.json"
    document = json.loads(results.read_text())
    regression = document["datasets"][0]["rows"][0]
    (run,) = regression["runs"]
    assert run["n_samples"] == 6
    assert 0 < run["figures"]["procrustes"]["epe_mean"] < run["figures"]["root"]["epe_mean"] < 1000
    assert len(run["curve"]["pck"]) == len(run["curve"]["thresholds"])
    assert run["stages"][0]["seconds"] > 1
    assert (run["seed"], run["stages"][0]["recipe"]) == (3, "paper-1-regression")
    assert run["twins"]["test"] == document["data"]["rhd"]["checksum"] == document["datasets"][0]["trivial"]["twin"]
    flat, constant, untrained = (row["figures"] for row in document["datasets"][0]["trivial"]["rows"])
    assert 0 < flat["none"]["epe_mean"] < 60  # true 2D
    assert 0 < constant["procrustes"]["epe_mean"] < 40 < constant["none"]["epe_mean"]
    assert untrained["none"]["epe_mean"] > 20
    assert results.with_suffix(".md").read_text().splitlines()[2].startswith("**Nothing can be read from the rows on")
    twin = document["data"]["rhd"]
    assert (twin["world"], twin["frames"]) == ("target", {"training": 24, "evaluation": 6})
    assert len(twin["checksum"]) == 64
    test = json.loads((tmp_path / "runs/tables/3.1/demo-tried" / run["folder"] / "test" / "results.json").read_text())
    ours = [row for row in test["rows"] if (row["recover"], row["alignment"]) == ("true_root_and_scale", "none")]
    assert run["figures"]["none"]["epe_mean"] == ours[0]["epe_mean"]

    capsys.readouterr()
    started = time.monotonic()
    assert cli.main([*asked[:3], "--rows", "1", *asked[3:]]) == 0
    assert time.monotonic() - started < took / 2  # nothing is trained or made again
    assert "regression: was finished before" in capsys.readouterr().out
    assert json.loads(results.read_text())["datasets"][0]["rows"][0] == regression

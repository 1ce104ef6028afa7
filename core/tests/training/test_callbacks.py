import contextlib
import io
import json
import math

import cv2
import numpy as np
import pytest
import torch

from handpose_core.training import callbacks_pictures
from handpose_core.training.callbacks_pictures import Chosen, extremes, root_aligned_epe, spread
from handpose_core.training.results import ScoreSheet

pytestmark = pytest.mark.filterwarnings("ignore:The .* does not have many workers", "ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def tested(tmp_path_factory, tiny_runner):
    """The folder that ``test`` wrote, and what it printed."""
    printed = io.StringIO()
    folder = tmp_path_factory.mktemp("tested")
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        run = tiny_runner(patch, folder)
        assert run("fit", "--config", "tiny", "--run_dir", "run") == 0
        data = ("--data", "TinyHands", "--data.n", "5", "--pictures.samples", "2")
        assert run("test", "--ckpt_path", "run/fit/checkpoints/best.ckpt", "--run_dir", "run", *data) == 0
    return folder / "run" / "test", printed.getvalue()


def test_results_name_their_conventions(tested):
    folder, printed = tested
    record = json.loads((folder / "results.json").read_text())
    assert record["checkpoint"].endswith("best.ckpt")
    assert record["data"] == {"dataset": "tiny hands", "crop": "none"}
    in_mm = [row for row in record["rows"] if row["unit"] == "mm" and row["method"] == "tiny"]
    assert {(row["recover"], row["alignment"]) for row in in_mm} == {
        (recover, alignment)
        for recover in ("true_root_and_scale", "predicted")
        for alignment in ("none", "root", "root_scale", "procrustes")
    }
    assert all(row["protocol"] == "exact" and row["root"] == "wrist" and row["n_samples"] == 5 for row in in_mm)
    markdown = (folder / "results.md").read_text()
    for row in in_mm:
        assert f"| {row['epe_mean']:.2f} mm |" in markdown
        assert f"{row['epe_mean']:.2f} mm" in printed
    assert "dataset: tiny hands" in markdown
    assert "dataset tiny hands" in printed


def test_baselines_stand_in_the_same_table(tested):
    names = [row["method"] for row in json.loads((tested[0] / "results.json").read_text())["rows"]]
    assert names[0] == "tiny"
    assert {"mean training pose", "true 2D, flat depth", "untrained network"} < set(names)


def test_baselines_of_the_configuration_stand_in(tiny, trained):
    """One row each, not two, when a recipe names the callback itself."""
    best = str(trained / "fit" / "checkpoints" / "best.ckpt")
    callback = ("--trainer.callbacks+=handpose_core.training.baselines.Baselines",)
    tiny("test", "--ckpt_path", best, "--data", "TinyHands", "--data.n", "1", "--run_dir", str(trained), *callback)
    rows = json.loads((trained / "test" / "results.json").read_text())["rows"]
    assert sum(row["method"] == "mean training pose" and row["unit"] == "mm" for row in rows) == 1


def test_curves_are_drawn_of_the_network_and_each_baseline(monkeypatch):
    drawn = []
    picture = np.zeros((1, 1, 3), np.uint8)
    monkeypatch.setattr(callbacks_pictures, "plot_pck", lambda *given: drawn.append(given) or picture)
    sheet, rows = ScoreSheet(["true_root_and_scale", "predicted"], ["none", "root"]), []
    joints = torch.randn(2, 21, 3)
    batch = {
        "joints_3d": joints,
        "joints_2d": joints[..., :2],
        "annotated": torch.ones(2, 21, dtype=torch.bool),
        "visible": torch.ones(2, 21, dtype=torch.bool),
    }
    for name in ("net", "baseline"):
        for recover in ("true_root_and_scale", "predicted"):
            sheet.update(joints + 1, batch, recover)
        sheet.update_2d(joints[..., :2], batch)
        rows += sheet.results(name)
    callbacks_pictures.draw_curves(rows, {"dataset": "RHD evaluation"})
    ((curves, title),) = drawn
    assert [curve.label for curve in curves] == ["net, true_root_and_scale", "baseline, true_root_and_scale"]
    assert title == "RHD evaluation, 2 samples\nprotocol exact, alignment root (wrist)"


def test_pictures_are_written_and_not_blank(tested):
    pictures = {path.stem: cv2.imread(str(path)) for path in (tested[0] / "pictures").iterdir()}
    assert set(pictures) == {"sheet", "best", "median", "worst", "pck"}
    assert all(picture.std() > 1 for picture in pictures.values())
    assert pictures["best"].shape[1] == 3 * 384
    assert not list(tested[0].rglob("*.tmp"))


def test_best_and_worst_differ_when_the_errors_do(tested):
    best, worst = (cv2.imread(str(tested[0] / "pictures" / f"{name}.png")) for name in ("best", "worst"))
    assert (best != worst).any()


def test_extremes_count_nan_as_the_worst():
    assert extremes([3.0, 1.0, math.nan, 2.0, 5.0]) == [Chosen(1, "best"), Chosen(0, "median"), Chosen(2, "worst")]


@pytest.mark.parametrize(("count", "wanted", "positions"), [(9, 3, [0, 4, 8]), (2, 5, [0, 1]), (1, 4, [0])])
def test_spread(count, wanted, positions):
    assert [sample.position for sample in spread(count, wanted)] == positions


def test_root_aligned_epe_by_hand():
    truth = torch.zeros(2, 21, 3)
    prediction = truth + torch.tensor([100.0, 0, 0])  # a shift of the whole hand is aligned away
    prediction[:, 5, 1] += 42.0
    annotated = torch.ones(2, 21, dtype=torch.bool)
    annotated[1, 5] = False
    batch = {"joints_3d": truth, "annotated": annotated}
    assert root_aligned_epe(prediction, batch).tolist() == pytest.approx([2.0, 0.0])


@pytest.mark.filterwarnings("ignore:The .* does not have many workers", "ignore::DeprecationWarning")
def test_brackets_in_the_run_s_name_are_printed(tiny, tmp_path, capsys):
    assert tiny("fit", "--config", "tiny", "--run_dir", "run [a]") == 0
    capsys.readouterr()
    assert tiny("test", "--data", "TinyHands", "--data.n", "2", "--run_dir", "run [a]") == 0
    assert "results: run [a]/test/results.json" in capsys.readouterr().out

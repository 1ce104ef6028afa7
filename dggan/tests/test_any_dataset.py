"""`handpose dggan fit` trains from any dataset's twin: nothing changes but the data's name and folder."""

import pytest

from handpose_core.cli.main import main

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning's and jsonargparse's own, of a whole run

SPLITS = {
    "RHD": ("rhd", ("training", "evaluation")),
    "STB": ("stb", ("B2Counting", "B6Random")),
    "MHP": ("mhp", ("data_3", "data_20")),
    "FreiHAND": ("freihand", ("training",)),
}


@pytest.mark.parametrize("name", SPLITS)
def test_fit_needs_only_another_data_argument(tmp_path, monkeypatch, capsys, name):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    like, splits = SPLITS[name]
    root = tmp_path / "data"
    for split in splits:
        synth = ["data", "synth", "--like", like, "--world", "target", "--frames", "3", "--split", split]
        assert main([*synth, "--workers", "1", str(root)]) == 0
    fit = [
        "dggan",
        "fit",
        "--config",
        "demo-1-regression",
        "--data",
        name,
        "--data.root",
        str(root),
        "--data.missing",
        "skip",
    ]
    small = ["--data.batch_size", "2", "--data.num_workers", "0", "--data.image_size", "96"]
    run = ["--trainer.fast_dev_run", "1", "--trainer.precision", "32", "--run_dir", str(tmp_path / "run")]
    assert main([*fit, *small, *run]) == 0, capsys.readouterr().err

"""All stages of the packaged recipe, through the command that a user calls."""

import json
import shutil

import pytest

from handpose_core.cli.main import main

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning's and jsonargparse's own, of whole runs


def test_the_demo_recipe_goes_through_its_four_stages(tmp_path, drawn_rhd, monkeypatch, capfd):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    monkeypatch.chdir(tmp_path)
    for name in ("target", "hands"):
        shutil.copytree(drawn_rhd, tmp_path / name)
    small = ["--data.batch_size", "2", "--data.num_workers", "0", "--data.val_fraction", "0.2"]
    short = ["--trainer.max_epochs", "1", "--trainer.logger", "false", "--trainer.accelerator", "cpu"]
    own = [
        word.format(stage)
        for stage in ("depth", "regulariser")
        for word in ("--{}:data.root", "hands", "--{}:data.batch_size", "2", "--{}:data.num_workers", "0",
                     "--{}:data.val_fraction", "0.2")
    ]  # fmt: skip
    command = ["recipe", "dggan/demo", "--run_dir", "run", "--data.root", "target", *small, *short, *own]
    assert main(command) == 0, capfd.readouterr().err
    (results,) = (tmp_path / "run").glob("test/results.json")
    record = json.loads(results.read_text())
    chapters = record["trained_on"]
    assert [chapter["objective"].partition("(")[0] for chapter in chapters] == [
        "Regression", "DepthReconstruction", "Regularisation", "Joined",
    ]  # fmt: skip
    true = "true depth of these pictures"
    assert [chapter["paired_depth"] for chapter in chapters] == ["none", true, true, "none"]
    assert chapters[3]["depth_maps"] == "of the training samples, unpaired"
    assert 0 < record["metrics"]["test/depth_error"] <= 1
    assert (tmp_path / "run" / "test" / "pictures" / "depth.png").is_file()
    for stage, root in (
        ("1-regression", "target"),
        ("2-depth", "hands"),
        ("3-regulariser", "hands"),
        ("4-joined", "target"),
    ):
        assert f"root: {root}\n" in (tmp_path / "run" / stage / "fit" / "config.yaml").read_text()
    capfd.readouterr()
    assert main(command) == 0
    assert capfd.readouterr().out.count("finished before") == 4

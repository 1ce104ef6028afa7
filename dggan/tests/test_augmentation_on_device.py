"""`handpose dggan fit` with augmentation on the device: chosen by name, or in a recipe."""

from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from handpose_core.cli.main import main

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning's and jsonargparse's own, of a whole run

PATH = "handpose_core.datamodules.device_augmentation.OnDevice"


DEMO = min(Path(str(files("handpose_dggan") / "configs")).glob("demo*.yaml"))
"""The small recipe's training, or the first stage of it."""


def recipe_with(option, root, folder):
    """The demo recipe with another ``augmentation``."""
    recipe = yaml.safe_load(DEMO.read_text())
    recipe["data"]["init_args"] |= {"augmentation": option, "root": str(root)}
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return ["--config", str(path)]


@pytest.mark.parametrize("chosen", ["in a recipe", "by name"])
def test_fit_runs_and_records_it(tmp_path, monkeypatch, capsys, drawn_rhd, chosen):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    in_a_recipe = {"class_path": PATH, "init_args": {"rotation": 180, "flip": 0.5}}
    options = {
        "in a recipe": recipe_with(in_a_recipe, drawn_rhd, tmp_path),
        "by name": [
            "--config", str(DEMO), "--data", "RHD", "--data.root", str(drawn_rhd),
            "--data.augmentation", "OnDevice", "--data.augmentation.flip", "0.5",
        ],
    }[chosen]  # fmt: skip
    small = ["--data.batch_size", "2", "--data.num_workers", "0"]
    run = ["--trainer.max_epochs", "1", "--trainer.precision", "32", "--run_dir", str(tmp_path / "run")]
    assert main(["dggan", "fit", *options, *small, *run]) == 0, capsys.readouterr().err
    (config,) = (tmp_path / "run").rglob("config.yaml")
    recorded = yaml.safe_load(config.read_text())["data"]["init_args"]["augmentation"]
    assert recorded["class_path"] == PATH
    assert (recorded["init_args"]["rotation"], recorded["init_args"]["flip"]) == (180, 0.5)

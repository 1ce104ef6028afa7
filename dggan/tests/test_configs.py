"""The packaged recipes, through the same command line that a user calls."""

import json
import shutil
from importlib.resources import files

import pytest
import torch
import yaml

from handpose_core.cli.method import method_main
from handpose_core.nn.cpm import PAPER_CPM, CPMSize
from handpose_dggan.cli import METHOD
from handpose_dggan.module import DGGANModule
from handpose_dggan.networks import PAPER_DEPTH_HEAD, DepthHeadSize

RECIPES = ("demo", "paper-1-regression")
# the paper's network in this test keeps its depth and its kernels, but not its width
NARROW = {
    "demo": [],
    "paper-1-regression": [
        "--model.cpm.trunk=[[4, 2], [4, 2], [4, 4], [4, 6]]", "--model.cpm.features=4", "--model.cpm.width=4",
        "--model.cpm.first_width=4", "--model.depth_head.width=4", "--data.num_workers=0", "--data.image_size=64",
    ],
}  # fmt: skip
pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning's and jsonargparse's own, of a whole run


def recipe(name):
    return yaml.safe_load((files("handpose_dggan") / "configs" / f"{name}.yaml").read_text())


def test_every_packaged_recipe_is_tested_here():
    assert {path.name for path in (files("handpose_dggan") / "configs").iterdir()} == {f"{n}.yaml" for n in RECIPES}


def test_the_papers_recipe_has_the_papers_sizes():
    model = recipe("paper-1-regression")["model"]
    sizes = model["cpm"] | {"trunk": tuple(tuple(block) for block in model["cpm"]["trunk"])}
    assert CPMSize(**sizes) == PAPER_CPM
    assert DepthHeadSize(**model["depth_head"]) == PAPER_DEPTH_HEAD


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_trains_and_its_checkpoint_tests(name, tmp_path, drawn_rhd, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    shutil.copytree(drawn_rhd, tmp_path / "rhd")
    common = ["--data.root", str(tmp_path / "rhd"), "--data.num_workers=0", "--trainer.logger=false"]
    limits = ["--trainer.max_epochs=1", "--trainer.limit_train_batches=1", "--trainer.accelerator=cpu"]
    fit = ["fit", "--config", name, *NARROW[name], *common, *limits, "--data.batch_size=2", "--data.val_fraction=0.2"]
    assert method_main("dggan", METHOD, [*fit, "--run_dir", str(tmp_path / "run")]) == 0
    (checkpoint,) = (tmp_path / "run").rglob("best.ckpt")
    assert isinstance(DGGANModule.load_from_checkpoint(checkpoint), DGGANModule)
    test = [
        "test",
        "--config",
        name,
        *NARROW[name],
        *common,
        "--ckpt_path",
        str(checkpoint),
        "--trainer.accelerator=cpu",
    ]
    assert method_main("dggan", METHOD, [*test, "--run_dir", str(tmp_path / "run")]) == 0
    (results,) = (tmp_path / "run").rglob("results.json")
    rows = json.loads(results.read_text())["rows"]
    assert {row["method"] for row in rows} == {
        "DGGAN, regression", "mean training pose", "true 2D, flat depth", "untrained network",
    }  # fmt: skip
    assert all(row["n_samples"] == 3 for row in rows)
    assert torch.isfinite(torch.tensor([row["epe_mean"] for row in rows])).all()

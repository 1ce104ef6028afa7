"""The packaged recipes, through the same command line that a user calls."""

import json
import shutil
from importlib.resources import files

import pytest
import torch
import yaml

from handpose_core.cli.method import method_main
from handpose_core.nn.cpm import PAPER_CPM, CPMSize
from handpose_core.nn.gan import DiscriminatorSize, GeneratorSize
from handpose_dggan.cli import METHOD
from handpose_dggan.module import DGGANModule
from handpose_dggan.networks import PAPER_DEPTH_HEAD, DepthHeadSize, GANSize, RegulariserSize

STAGES = ("1-regression", "2-depth", "3-regulariser", "4-joined")
RECIPES = tuple(f"{recipe}-{stage}" for recipe in ("demo", "paper") for stage in STAGES)
# the paper's networks in this test keep their depth and their kernels, but not their width
POSE = [
    "--model.cpm.trunk=[[4, 2], [4, 2], [4, 4], [4, 6]]", "--model.cpm.features=4", "--model.cpm.width=4",
    "--model.cpm.first_width=4", "--model.depth_head.width=4", "--data.num_workers=0", "--data.image_size=64",
]  # fmt: skip
REST = [
    "--model.regulariser.widths=[4, 4, 4, 4, 4]", "--model.gan.generator.width=4", "--model.gan.discriminator.width=4",
    "--model.gan.side=32",
]  # fmt: skip
NARROW = {name: [] if name.startswith("demo") else POSE + REST for name in RECIPES}
pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning's and jsonargparse's own, of a whole run


def recipe(name):
    return yaml.safe_load((files("handpose_dggan") / "configs" / f"{name}.yaml").read_text())


def test_every_packaged_recipe_is_tested_here():
    assert {path.name for path in (files("handpose_dggan") / "configs").iterdir()} == {f"{n}.yaml" for n in RECIPES}


@pytest.mark.parametrize("stage", STAGES)
def test_the_papers_recipe_has_the_papers_sizes(stage):
    model = recipe(f"paper-{stage}")["model"]
    sizes = model["cpm"] | {"trunk": tuple(tuple(block) for block in model["cpm"]["trunk"])}
    assert CPMSize(**sizes) == PAPER_CPM
    assert DepthHeadSize(**model["depth_head"]) == PAPER_DEPTH_HEAD
    regulariser = {key: value for key, value in model["regulariser"]["init_args"].items() if key != "joints"}
    assert RegulariserSize(**{**regulariser, "widths": tuple(regulariser["widths"])}) == RegulariserSize()
    gan = model["gan"]
    generator, discriminator = GeneratorSize(**gan["generator"]["init_args"]), DiscriminatorSize(**gan["discriminator"])
    assert GANSize(**{**gan, "generator": generator, "discriminator": discriminator}) == GANSize()


@pytest.mark.parametrize("which", ["demo", "paper"])
def test_all_stages_of_a_recipe_have_the_same_networks(which):
    first, *others = (recipe(f"{which}-{stage}")["model"] for stage in STAGES)
    same = ("cpm", "depth_head", "sigma", "loss_size", "lambda_2d", "regulariser", "gan")
    assert all(model[key] == first[key] for model in others for key in same)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_trains_and_its_checkpoint_tests(name, tmp_path, drawn_rhd, monkeypatch, capsys):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    shutil.copytree(drawn_rhd, tmp_path / "rhd")
    common = ["--data.root", str(tmp_path / "rhd"), "--data.num_workers=0", "--trainer.logger=false"]
    limits = ["--trainer.max_epochs=1", "--trainer.limit_train_batches=1", "--trainer.accelerator=cpu"]
    fit = ["fit", "--config", name, *NARROW[name], *common, *limits, "--data.batch_size=2", "--data.val_fraction=0.2"]
    assert method_main("dggan", METHOD, [*fit, "--run_dir", str(tmp_path / "run")]) == 0
    checkpoint = next(path for name in ("best", "last") for path in (tmp_path / "run").rglob(f"{name}.ckpt"))
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
    status = method_main("dggan", METHOD, [*test, "--run_dir", str(tmp_path / "run")])
    if name.endswith(("2-depth", "3-regulariser")):  # the pose network has seen nothing yet
        assert status == 2
        assert "no training labels to learn it from" in capsys.readouterr().err
        return
    assert status == 0
    (results,) = (tmp_path / "run").rglob("results.json")
    rows = json.loads(results.read_text())["rows"]
    assert {row["method"] for row in rows} == {
        "DGGAN", "mean training pose", "true 2D, flat depth", "untrained network",
    }  # fmt: skip
    assert all(row["n_samples"] == 3 for row in rows)
    assert torch.isfinite(torch.tensor([row["epe_mean"] for row in rows])).all()

"""The packaged recipes, through the same command lines that a user calls, on generated data."""

import json
from importlib.resources import files

import pytest
import torch
import yaml

from handpose_core.cli.main import main
from handpose_core.cli.method import method_main
from handpose_core.nn.hourglass import PAPER_HOURGLASS, HourglassSize
from handpose_core.synth.generate import Recipe, generate
from handpose_core.synth.twins import TWINS
from handpose_mvhm.cli import METHOD
from handpose_mvhm.module import MVHMModule
from handpose_mvhm.networks.mesh import PAPER_DEPTH_HEAD, PAPER_MESH, DepthHeadSize, MeshSize

STAGES = ("1-heatmaps", "2-mesh", "3-depth", "4-joined", "mv-1-fusion", "mv-2-joined")
RECIPES = tuple(f"{recipe}-{stage}" for recipe in ("demo", "paper") for stage in STAGES)
SMALL = [
    "--model.size.hourglass.stem=4", "--model.size.hourglass.features=8", "--model.size.hourglass.depth=1",
    "--model.size.mesh.poolings=1", "--model.size.mesh.grid=2", "--model.size.mesh.hidden=8",
    "--model.size.mesh.widths=[4, 4, 4, 4]", "--model.size.depth_head.widths=[4, 4]",
    "--model.size.depth_head.hidden=8", "--data.image_size=32", "--data.num_workers=0", "--data.batch_size=2",
    "--trainer.logger=false", "--trainer.accelerator=cpu", "--trainer.max_epochs=1", "--trainer.precision=32-true",
]  # fmt: skip
pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning's and jsonargparse's own, of whole runs


def recipe(name):
    return yaml.safe_load((files("handpose_mvhm") / "configs" / f"{name}.yaml").read_text())


def test_every_packaged_recipe_is_tested_here():
    assert {path.name for path in (files("handpose_mvhm") / "configs").iterdir()} == {f"{n}.yaml" for n in RECIPES}


@pytest.mark.parametrize("stage", STAGES)
def test_the_papers_recipe_has_the_papers_sizes(stage):
    size = recipe(f"paper-{stage}")["model"]["size"]
    assert HourglassSize(**size["hourglass"]) == PAPER_HOURGLASS
    assert MeshSize(**{**size["mesh"], "widths": tuple(size["mesh"]["widths"])}) == PAPER_MESH
    head = {key: tuple(value) if isinstance(value, list) else value for key, value in size["depth_head"].items()}
    assert DepthHeadSize(**head) == PAPER_DEPTH_HEAD


@pytest.mark.parametrize("which", ["demo", "paper"])
def test_all_stages_of_a_recipe_have_one_network(which):
    first, *others = (recipe(f"{which}-{stage}")["model"] for stage in STAGES)
    for model in others:
        assert all(model[key] == first[key] for key in ("size", "sigma", "decoder") if key in first)


def fit(name, made, run_dir, *more):
    """One step of a recipe; its exit status."""
    short = ["--trainer.limit_train_batches=1", "--trainer.limit_val_batches=1", "--trainer.enable_progress_bar=false"]
    data = ["--data.root", str(made.root), "--run_dir", str(run_dir)]
    return method_main("mvhm", METHOD, ["fit", "--config", name, *SMALL, *short, *data, *more])


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_trains_one_step_and_its_checkpoint_loads(name, tmp_path, made, monkeypatch, capfd):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert fit(name, made, tmp_path) == 0, capfd.readouterr().err
    loaded = MVHMModule.load_from_checkpoint(next(tmp_path.rglob("best.ckpt")))
    assert (loaded.fusion is not None) == ("mv" in name)


@pytest.mark.parametrize("name", ["Mean", "Triangulation", "RefinedTriangulation"])
def test_another_fusion_by_its_name(name, tmp_path, made, monkeypatch, capfd):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert fit("demo-mv-2-joined", made, tmp_path, "--model.fusion", name) == 0, capfd.readouterr().err
    loaded = MVHMModule.load_from_checkpoint(next(tmp_path.rglob("best.ckpt")))
    assert type(loaded.fusion).__name__ == f"{name}Network"


def test_the_demo_recipe_goes_from_one_view_to_several(tmp_path, made, monkeypatch, capfd):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    monkeypatch.chdir(tmp_path)
    assert fit("demo-4-joined", made, "single") == 0, capfd.readouterr().err
    (origin,) = (tmp_path / "single").rglob("best.ckpt")
    common = [*SMALL, "--data.root", str(made.root), "--trainer.enable_progress_bar=false"]
    rays = ["--model.fusion", "RefinedTriangulation"]
    several = ["recipe", "mvhm/demo-mv", "--run_dir", "several", "--init_from", str(origin), *common, *rays]
    assert main(several) == 0, capfd.readouterr().err
    record = json.loads((tmp_path / "several" / "test" / "results.json").read_text())
    objectives = [chapter["objective"].partition("(")[0] for chapter in record["trained_on"]]
    assert objectives == ["EndToEnd", "FusionOnly", "MultiViewEndToEnd"]
    assert record["trained_on"][-1]["fusion"] == "RefinedTriangulationNetwork"
    rows = {row["method"]: row for row in record["rows"]}
    assert torch.isfinite(torch.tensor([row["epe_mean"] for row in record["rows"]])).all()
    assert rows["MVHM"]["n_samples"] == 4  # two hands before two cameras
    assert record["metrics"]["test/true_root_and_scale/root/mpvpe"] > 0


def test_several_views_of_another_dataset_without_meshes(tmp_path, made, monkeypatch, capfd):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    for part in ("data_3", "data_20"):
        for _ in generate(TWINS["mhp"](Recipe("mhp")), tmp_path / "mhp", part, 2, 1):
            pass
    mhp = ["--data", "MHP", "--data.root", str(tmp_path / "mhp"), "--data.cameras=[1, 3]", "--data.missing", "skip"]
    assert fit("demo-mv-2-joined", made, tmp_path / "run", *mhp) == 0, capfd.readouterr().err
    history = MVHMModule.load_from_checkpoint(next((tmp_path / "run").rglob("best.ckpt"))).history
    assert history[-1]["view_groups"] == "4 of 2 views"  # two frames of each sequence

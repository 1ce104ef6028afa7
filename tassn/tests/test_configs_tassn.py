"""The packaged recipes, through the same command line that a user calls, stage after stage."""

import json
from importlib.resources import files

import numpy as np
import pytest
import yaml

from handpose_core.cli.method import method_main
from handpose_tassn.cli import METHOD
from handpose_tassn.module import TASSNModule
from handpose_tassn.networks import PAPER_HEATMAPS, PAPER_MESH, PAPER_POSE, HeatmapSize, MeshSize, PoseSize

STAGES = ("1-pretraining", "2-heatmaps", "3-silhouettes", "4-consistency")
RECIPES = tuple(f"{recipe}-{stage}" for recipe in ("demo", "paper") for stage in STAGES)
# the paper's networks in this test keep their depth, but not their width
NARROW = [
    "--model.heatmaps.stem=4", "--model.heatmaps.features=4", "--model.mesh.vertices=null", "--model.mesh.hidden=8",
    "--model.mesh.coarse=4", "--model.mesh.middle=[4, 4]", "--model.mesh.fine=[4]", "--model.pose.fine=[4, 4]",
    "--model.pose.middle=[4, 4]", "--model.pose.hidden=8", "--data.image_size=64",
]  # fmt: skip
FOLDER = "handpose_core.datamodules.folder.FolderDataModule"
pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning's and jsonargparse's own, of a whole run


def recipe(name):
    return yaml.safe_load((files("handpose_tassn") / "configs" / f"{name}.yaml").read_text())


def sized(kind, options):
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in options.items()})


def test_every_packaged_recipe_is_tested_here():
    assert {path.name for path in (files("handpose_tassn") / "configs").iterdir()} == {f"{n}.yaml" for n in RECIPES}


@pytest.mark.parametrize("stage", STAGES)
def test_the_papers_recipe_has_the_papers_sizes(stage):
    model = recipe(f"paper-{stage}")["model"]
    sizes = (HeatmapSize, "heatmaps"), (MeshSize, "mesh"), (PoseSize, "pose")
    found = tuple(sized(kind, model[name]) for kind, name in sizes)
    assert found == (PAPER_HEATMAPS, PAPER_MESH, PAPER_POSE)


@pytest.mark.parametrize("which", ["demo", "paper"])
def test_all_stages_of_a_recipe_have_one_network(which):
    first, *others = (recipe(f"{which}-{stage}")["model"] for stage in STAGES)
    for model in others:
        assert all(model[key] == first[key] for key in ("heatmaps", "mesh", "pose", "flow", "places"))


@pytest.mark.parametrize("stage", STAGES[1:])
def test_no_3d_label_chooses_the_checkpoint(stage):
    assert recipe(f"demo-{stage}")["checkpoint"]["monitor"] is None
    assert recipe(f"paper-{stage}")["checkpoint"]["monitor"] is None


def fit(name, data, run, *options):
    arguments = ["fit", "--config", name, *data, *options, "--run_dir", str(run), "--trainer.logger=false"]
    limits = [
        "--trainer.max_epochs=1",
        "--trainer.limit_train_batches=1",
        "--trainer.accelerator=cpu",
        "--trainer.num_sanity_val_steps=0",
    ]
    rest = ["--data.batch_size=2", "--data.num_workers=0"]
    assert method_main("tassn", METHOD, [*arguments, *limits, *rest]) == 0
    return next(path for kind in ("best", "last") for path in run.rglob(f"{kind}.ckpt"))


def rehearsed(name, root):
    """Options with which the demo's last stage rehearses generated hands, too."""
    options = {"root": str(root), "vertices": True, "batch_size": 2, "image_size": 64}
    data = {"class_path": "handpose_core.datamodules.mvhm.MVHMDataModule", "init_args": options}
    return ["--model.rehearsal", json.dumps({"data": data})] if name == "demo-4-consistency" else []


@pytest.mark.parametrize("which", ["demo", "paper"])
def test_the_stages_of_a_recipe_follow_one_another(which, tmp_path, drawn_video, drawn_meshes, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    narrow = NARROW if which == "paper" else []
    meshes = ["--data.root", str(drawn_meshes)]
    checkpoint = fit(f"{which}-{STAGES[0]}", meshes, tmp_path / "1", *narrow)
    video = ["--data", FOLDER, "--data.root", str(drawn_video), "--data.group=clips", "--data.val_fraction=0.34"]
    video += ["--data.clip_length=3"]
    for stage in STAGES[1:]:
        name, before = f"{which}-{stage}", ["--init_from", str(checkpoint)]
        checkpoint = fit(name, video, tmp_path / stage, *narrow, *before, *rehearsed(name, drawn_meshes))
    test = ["test", "--config", name, *narrow, *video, "--ckpt_path", str(checkpoint), "--trainer.logger=false"]
    test += [
        "--run_dir",
        str(tmp_path / "test"),
        "--data.num_workers=0",
        "--trainer.accelerator=cpu",
        "--pictures.samples=1",
    ]
    assert method_main("tassn", METHOD, test) == 0
    (results,) = (tmp_path / "test").rglob("results.json")
    found = json.loads(results.read_text())
    assert all(row["n_samples"] == 9 for row in found["rows"])  # frames
    assert np.isfinite([row["epe_mean"] for row in found["rows"]]).all()
    assert [chapter["learnt_from"] for chapter in found["trained_on"]] == [
        "3D joints and meshes", "2D joints", "2D joints, silhouettes", "2D joints, silhouettes",
    ]  # fmt: skip
    assert "test/past_px" in found["metrics"]
    assert len(list(drawn_video.with_name(f"{drawn_video.name}-masks").rglob("*.png"))) == 9


@pytest.mark.parametrize(
    ("options", "missing"),
    [
        (["--model.objective.mesh=null"], {"mesh"}),
        (["--model.objective.mesh=null", "--model.objective.pose=null"], {"mesh", "pose"}),
        (["--model.objective.silhouette=null"], {"silhouette"}),
    ],
)
def test_the_tables_rows_are_switches(options, missing, tmp_path, drawn_video, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    video = ["--data", FOLDER, "--data.root", str(drawn_video), "--data.group=clips", "--data.val_fraction=0.34"]
    extra = ["--model.objective.bones.weight=1.0", "--data.clip_length=3", "--trainer.limit_val_batches=0"]
    fit("demo-4-consistency", video, tmp_path, *options, *extra)
    (checkpoint,) = tmp_path.rglob("last.ckpt")
    terms = set(TASSNModule.load_from_checkpoint(checkpoint).objective.terms())
    assert terms == {"heatmaps", "silhouette", "pose", "mesh", "bones"} - missing

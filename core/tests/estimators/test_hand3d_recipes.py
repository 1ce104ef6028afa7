"""The packaged recipes, through the same command line that a user calls, on a twin of RHD that was just made."""

import json
from importlib.resources import files
from pathlib import Path

import pytest
import torch
import yaml

from handpose_core.cli.main import main
from handpose_core.cli.method import method_main
from handpose_core.cli.recipe import find_recipe
from handpose_core.cli.registry import methods
from handpose_core.estimators.hand3d.cli import METHOD
from handpose_core.estimators.hand3d.module import Hand3DModule
from handpose_core.nn.cpm import CPMSize
from handpose_core.nn.hand3d import PAPER_HAND3D, BranchSize, Hand3DSize

PACKAGE = "handpose_core.estimators.hand3d"
STAGES = ("1-segmentation", "2-posenet", "3-lifting")
STAGES_OF = {"demo": STAGES, "paper": STAGES, "quick": STAGES[1:]}
RECIPES = tuple(f"{recipe}-{stage}" for recipe, stages in STAGES_OF.items() for stage in stages)
# the paper's networks in this test keep their depth and their kernels, but not their width
NARROW = [
    *(f"--model.size.{net}.trunk=[[4, 2], [4, 2], [4, 4], [4, 6]]" for net in ("segmentation", "posenet")),
    *(f"--model.size.{net}.{width}=4" for net in ("segmentation", "posenet") for width in ("features", "first_width")),
    *("--model.size.posenet.width=4", "--data.image_size=64"),
]
FAST = ["--data.num_workers=0", "--data.batch_size=2", "--data.val_fraction=0.2", "--trainer.max_epochs=1"]
FAST += ["--trainer.limit_train_batches=1", "--trainer.accelerator=cpu", "--trainer.logger=false"]
pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning's and jsonargparse's own, of whole runs


@pytest.fixture(scope="module")
def twin(tmp_path_factory) -> Path:
    """A folder in RHD's layout with 6 training and 3 evaluation frames."""
    root = tmp_path_factory.mktemp("twin") / "rhd"
    for part, frames in (("training", 6), ("evaluation", 3)):
        made = ["data", "synth", "--like", "rhd", "--split", part, "--frames", str(frames), str(root)]
        assert main(made) == 0
    return root


def recipe(name):
    return yaml.safe_load((files(PACKAGE) / "configs" / f"{name}.yaml").read_text())


def test_the_method_is_registered_and_its_recipes_are_those_of_its_own_package():
    assert methods()["hand3d"] == METHOD
    assert METHOD.package == PACKAGE
    assert {path.name for path in (files(PACKAGE) / "configs").iterdir()} == {f"{name}.yaml" for name in RECIPES}
    assert [stage.name for stage in find_recipe("hand3d/paper").stages] == ["segmentation", "posenet", "lifting"]


@pytest.mark.parametrize("which", STAGES_OF)
def test_all_stages_of_a_recipe_have_the_same_networks(which):
    first, *others = (recipe(f"{which}-{stage}")["model"] for stage in STAGES_OF[which])
    assert all(model[key] == first[key] for model in others for key in ("size", "localiser", "decoder"))


def test_the_papers_recipe_has_the_papers_sizes():
    sizes = recipe("paper-1-segmentation")["model"]["size"]
    machines = [
        CPMSize(**sizes[name] | {"trunk": tuple(tuple(block) for block in sizes[name]["trunk"])})
        for name in ("segmentation", "posenet")
    ]
    branches = [
        BranchSize(**{key: tuple(value) if isinstance(value, list) else value for key, value in sizes[name].items()})
        for name in ("prior", "viewpoint")
    ]
    assert Hand3DSize(**dict(zip(sizes, [*machines, *branches], strict=True))) == PAPER_HAND3D  # axis and angle, too


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_loads_and_runs_one_step(name, tmp_path, twin, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    narrow = NARROW if name.startswith("paper") else []
    fit = ["fit", "--config", name, "--data.root", str(twin), *narrow, *FAST, "--run_dir", str(tmp_path / "run")]
    assert method_main("hand3d", METHOD, fit) == 0
    assert isinstance(Hand3DModule.load_from_checkpoint(next((tmp_path / "run").rglob("best.ckpt"))), Hand3DModule)


def test_the_demo_recipe_goes_through_its_three_stages(tmp_path, twin, monkeypatch, capfd):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    monkeypatch.chdir(tmp_path)
    command = ["recipe", "hand3d/demo", "--run_dir", "run", "--data.root", str(twin), *FAST]
    assert main(command) == 0, capfd.readouterr().err
    record = json.loads((tmp_path / "run" / "test" / "results.json").read_text())
    objectives = [chapter["objective"].partition("(")[0] for chapter in record["trained_on"]]
    assert objectives == ["Segmentation", "Keypoints", "LiftToSpace"]
    assert record["trained_on"][0]["localiser"] == "SegmentedHand(margin=1.25)"
    ours = [row for row in record["rows"] if row["method"] == "Zimmermann & Brox"]
    assert {row["recover"] for row in ours} == {"true_root_and_scale", "predicted", "none: 2D"}
    assert all(row["n_samples"] == 3 for row in ours)
    assert torch.isfinite(torch.tensor([row["epe_mean"] for row in ours])).all()
    others = {row["method"] for row in record["rows"]} - {"Zimmermann & Brox"}
    assert others == {"mean training pose", "true 2D, flat depth", "untrained network"}
    assert (tmp_path / "run" / "test" / "pictures" / "sheet.png").is_file()

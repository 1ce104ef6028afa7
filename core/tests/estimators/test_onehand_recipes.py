"""The recipes through the command line, on a handful of generated pictures."""

import json
from importlib.resources import files

import pytest
import torch
import yaml

from handpose_core.cli.main import main
from handpose_core.estimators.onehand.module import OneHandModule
from handpose_core.io.checkpoint_parts import as_one_file
from handpose_core.synth.generate import Recipe, generate
from handpose_core.synth.twins import RHDTwin

pytestmark = pytest.mark.filterwarnings("ignore")
QUICK = ["--trainer.max_epochs", "1", "--trainer.limit_train_batches", "2", "--trainer.accelerator", "cpu"]


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    """A folder with a small generated set, and its crops."""
    root = tmp_path_factory.mktemp("generated")
    twin = RHDTwin(Recipe("rhd", "source", 3))
    for part, frames in {"training": 32, "evaluation": 3}.items():
        list(generate(twin, root / "hands", part, frames, 1))
    options = ["--data", "RHD", "--data.image_size", "192", "--margin", "2.0", "--workers", "1"]
    assert main(["data", "prepare", str(root / "hands"), str(root / "crops"), *options]) == 0
    return root


def test_the_demo_recipe_trains_and_is_tested_and_crops_of_another_size_are_noted(
    generated, tmp_path, monkeypatch, capfd
):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    run = tmp_path / "run"
    command = ["recipe", "onehand/demo", "--run_dir", str(run), "--data.root", str(generated / "hands")]
    assert main([*command, *QUICK, "--data.num_workers", "0"]) == 0
    record = json.loads(next(run.rglob("results.json")).read_text())
    ours = [row for row in record["rows"] if row["method"] == "onehand"]
    assert {row["alignment"] for row in ours} >= {"root", "procrustes"}
    assert torch.isfinite(torch.tensor([row["epe_mean"] for row in ours])).all()
    best = str(next(run.rglob("best.ckpt")))
    again = ["onehand", "test", "--ckpt_path", best, "--data", "RHD", "--data.root", str(generated / "hands")]
    assert "was trained on" not in capfd.readouterr().out
    assert main([*again, "--data.image_size", "128", "--run_dir", str(run), "--trainer.accelerator", "cpu"]) == 0
    assert "was trained on 96 px, 1.5 times" in capfd.readouterr().out


def test_the_shipped_recipe_trains_and_what_it_trained_is_packed(generated, tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    packaged = files("handpose_core.estimators.onehand") / "configs" / "shipped.yaml"
    recipe = yaml.safe_load(packaged.read_text(encoding="utf-8"))
    for part in recipe["data"]["init_args"]["parts"]:
        part["init_args"]["root"] = str(generated / "crops")
    own = tmp_path / "own.yaml"
    own.write_text(yaml.safe_dump(recipe))
    fit = ["onehand", "fit", "--config", str(own), "--run_dir", str(tmp_path / "run"), *QUICK]
    assert main([*fit, "--data.batch_size", "8", "--data.num_workers", "0"]) == 0, capfd.readouterr().err
    best = next((tmp_path / "run").rglob("best.ckpt"))
    assert OneHandModule.load_from_checkpoint(best).occlusions.occluder == recipe["model"]["occlusions"]["occluder"]
    packed = tmp_path / "onehand.safetensors"
    assert main(["onehand", "pack", str(best), str(packed)]) == 0
    assert packed.stat().st_size < 16e6
    assert "Not measured yet" in packed.with_suffix(".md").read_text()
    assert "- occlusions: " in (tmp_path / "onehand-history.md").read_text()


def test_the_rendered_recipe_trains_from_nothing_is_gone_on_with_and_packed(tmp_path, monkeypatch, capfd):
    """One command from an empty folder; no file above 16 MB; on again in the middle of an epoch."""
    monkeypatch.setenv("WANDB_MODE", "disabled")
    run = tmp_path / "run"
    fewer = {"frames_per_epoch": 6, "val_frames": 2, "size": 64, "batch_size": 2, "num_workers": 0, "image_size": 64}
    options = [text for name, value in fewer.items() for text in (f"--data.{name}", str(value))]
    fit = ["onehand", "fit", "--config", "rendered", "--run_dir", str(run), *options, "--trainer.accelerator", "cpu"]
    fit += ["--trainer.max_epochs", "2", "--model.size.crop", "64", "--model.schedule", "null"]
    assert main([*fit, "--last_checkpoint.every_minutes", "1e-9", "--trainer.max_steps", "4"]) == 0, capfd.readouterr()
    files = [path for path in run.rglob("*") if path.is_file()]
    assert max(path.stat().st_size for path in files) < 16e6
    last = run / "fit" / "checkpoints" / "last.ckpt"
    assert len(list(last.parent.glob("last.ckpt.*"))) > 1
    assert main([*fit, "--ckpt_path", str(last)]) == 0, capfd.readouterr()
    with as_one_file(run / "fit_2" / "checkpoints" / "last.ckpt") as whole:
        assert torch.load(whole, weights_only=True)["global_step"] == 6
    best = next((run / "fit_2").rglob("best.ckpt"))
    packed = tmp_path / "onehand.safetensors"
    assert main(["onehand", "pack", str(best), str(packed)]) == 0
    assert packed.stat().st_size < 16e6
    assert "rendered frames, training" in (tmp_path / "onehand-history.md").read_text()

"""The packaged recipes, through the same command line that a user calls."""

import json
from importlib.resources import files

import cv2
import numpy as np
import pytest
import torch
import yaml
from jsonargparse import ArgumentParser
from pytorch_lightning import LightningDataModule

from handpose_core.cli.method import method_main
from handpose_core.nn.gan import PAPER_GENERATOR, DiscriminatorSize, GeneratorSize
from handpose_core.nn.unet import PAPER_UNET, UNetSize
from handpose_tagan.cli import METHOD
from handpose_tagan.module import TAGANModule

SIDE = 32
RECIPES = tuple(f"{scale}-{name}" for scale in ("demo", "paper") for name in ("tagan", "pix2pix", "cyclegan"))
pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning's and jsonargparse's own, of a whole run


def pictures(folder, count):
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(count):
        small = rng.integers(0, 256, (8, 8, 3), np.uint8)
        cv2.imwrite(str(folder / f"{number}.png"), cv2.resize(small, (64, 48), interpolation=cv2.INTER_CUBIC))
    return folder


def size_of(recipe):
    content = yaml.safe_load((files("handpose_tagan") / "configs" / f"{recipe}.yaml").read_text())
    arguments = content["model"]["objective"]["init_args"]
    return arguments["sizes" if "cyclegan" in recipe else "size"]


def test_every_packaged_recipe_is_tested_here():
    assert {path.name for path in (files("handpose_tagan") / "configs").iterdir()} == {f"{n}.yaml" for n in RECIPES}


def test_the_papers_recipes_have_the_papers_sizes():
    sizes = {name: size_of(f"paper-{name}") for name in ("tagan", "pix2pix", "cyclegan")}
    assert UNetSize(**sizes["tagan"]["generator"]) == UNetSize(**sizes["pix2pix"]["generator"]) == PAPER_UNET
    assert GeneratorSize(**sizes["cyclegan"]["generator"]) == PAPER_GENERATOR
    assert DiscriminatorSize(**sizes["tagan"]["discriminator"]) == DiscriminatorSize(norm="batch")


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_what_the_command_line_reads_and_takes_a_step(name):
    content = yaml.safe_load((files("handpose_tagan") / "configs" / f"{name}.yaml").read_text())
    size = content["model"]["objective"]["init_args"]["sizes" if name.endswith("cyclegan") else "size"]
    size["generator"] |= {"width": 4} if name.endswith("cyclegan") else {"width": 4, "downs": 3}
    size["discriminator"]["width"] = 4
    schedule = content["model"].pop("schedule", {})  # it asks a trainer for the run's length
    assert schedule.get("class_path", "none").rpartition(".")[2] == ("LinearDecay" if "paper" in name else "none")
    parser = ArgumentParser()
    parser.add_class_arguments(TAGANModule, "model")
    parser.add_subclass_arguments(LightningDataModule, "data")
    parsed = parser.parse_object({part: content[part] for part in ("model", "data")})
    built = parser.instantiate_classes(parsed)
    module, data = built.model, built.data
    assert data.image_size == (256 if "paper" in name else 96)
    assert data.batch_size == 1 or "paper" not in name  # the thesis's
    assert type(module.objective).__name__.lower() == name.partition("-")[2]
    assert "tagan" not in name or module.objective.lambda_colour == 1
    batch = dict(zip(("image", "simulated"), torch.rand(2, 2, 3, SIDE, SIDE), strict=True))
    step = module.objective.step(module.networks, batch, module.maps)
    step.values["loss"].backward()
    for optimizer in module.configure_optimizers():
        optimizer.step()
    assert all(torch.isfinite(weight).all() for weight in module.parameters())
    assert torch.isfinite(module.objective.judge(module.networks, step)["loss_d"])


@pytest.mark.parametrize("name", ["demo-tagan", "demo-cyclegan"])
def test_a_recipe_trains_and_its_checkpoint_makes_images(name, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    real, other = pictures(tmp_path / "real", 5), pictures(tmp_path / "other", 2)
    folders = ["--data.root", str(real)]
    folders += ["--data.simulated", str(other)] if name.endswith("cyclegan") else []
    common = [
        "--data.num_workers=0",
        f"--data.image_size={SIDE}",
        "--trainer.logger=false",
        "--trainer.accelerator=cpu",
    ]
    limits = ["--trainer.max_epochs=1", "--trainer.limit_train_batches=1", "--trainer.num_sanity_val_steps=0"]
    run = ["--run_dir", str(tmp_path / "run")]
    sizes = ["--data.batch_size=2", "--data.val_fraction=0.2"]
    assert method_main("tagan", METHOD, ["fit", "--config", name, *folders, *common, *limits, *sizes, *run]) == 0
    checkpoint = tmp_path / "run" / "fit" / "checkpoints" / "last.ckpt"
    module = TAGANModule.load_from_checkpoint(checkpoint).eval()
    with torch.no_grad():
        made = module(torch.rand(1, 3, SIDE, SIDE))
    assert made.shape == (1, 3, SIDE, SIDE)
    assert torch.isfinite(made).all()
    assert module.side == SIDE
    assert "tagan" not in name or "lambda_colour=1.0" in module.history[0]["objective"]
    assert (tmp_path / "run" / "fit" / "pictures" / "translation.png").is_file()
    both = [
        "--data",
        "handpose_tagan.data.TwoFoldersDataModule",
        "--data.root",
        str(real),
        "--data.simulated",
        str(other),
    ]
    assert method_main("tagan", METHOD, ["test", *both, *common, *run, "--ckpt_path", str(checkpoint)]) == 0
    record = json.loads((tmp_path / "run" / "test" / "results.json").read_text())
    assert [row["method"] for row in record["rows"]] == [
        "TAGAN" if name == "demo-tagan" else "CycleGAN",
        "superposed images as they are",
    ]
    assert record["data"]["simulated"] == "folder other"
    assert record["rows"][0]["n_samples"] == 5

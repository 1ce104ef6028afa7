"""The packaged recipes, through the same command line that a user calls."""

from importlib.resources import files

import cv2
import numpy as np
import pytest
import torch
import yaml

from handpose_core.cli.method import method_main
from handpose_core.nn.gan import PAPER_GENERATOR, DiscriminatorSize, GeneratorSize
from handpose_core.nn.unet import PAPER_UNET, UNetSize
from handpose_tagan.cli import METHOD
from handpose_tagan.module import TAGANModule

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
def test_a_recipe_trains_and_its_checkpoint_makes_images(name, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    real = pictures(tmp_path / "real", 6)
    other = ["--data.simulated", str(pictures(tmp_path / "other", 3))] if name.endswith("cyclegan") else []
    size = "--model.objective.init_args." + ("sizes" if name.endswith("cyclegan") else "size")
    narrow = [f"{size}.{net}.width=4" for net in ("generator", "discriminator")] if "paper" in name else []
    common = ["--data.root", str(real), *other, "--data.num_workers=0", "--trainer.logger=false"]
    limits = ["--trainer.max_epochs=1", "--trainer.limit_train_batches=2", "--trainer.accelerator=cpu"]
    run = ["--run_dir", str(tmp_path / "run"), "--data.batch_size=2", "--data.val_fraction=0.2"]
    assert method_main("tagan", METHOD, ["fit", "--config", name, *narrow, *common, *limits, *run]) == 0
    checkpoint = tmp_path / "run" / "fit" / "checkpoints" / "last.ckpt"
    module = TAGANModule.load_from_checkpoint(checkpoint).eval()
    side = 256 if "paper" in name else 96
    with torch.no_grad():
        made = module(torch.rand(1, 3, side, side))
    assert made.shape == (1, 3, side, side)
    assert torch.isfinite(made).all()
    assert "tagan" not in name or "lambda_colour=1.0" in module.history[0]["objective"]
    assert (tmp_path / "run" / "fit" / "pictures" / "translation.png").is_file()
    test = ["test", "--config", name, *narrow, *common, "--ckpt_path", str(checkpoint), "--trainer.accelerator=cpu"]
    assert method_main("tagan", METHOD, [*test, "--run_dir", str(tmp_path / "run")]) == 0

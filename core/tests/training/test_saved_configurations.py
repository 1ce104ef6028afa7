"""Every recipe of every installed method, printed and read again: the same values."""

import os
import subprocess
import sys

import pytest
import yaml

from handpose_core.cli import registry
from handpose_core.cli.main import main
from handpose_core.training.recipes import known_recipes

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Lightning of jsonargparse
RECIPES = [(name, recipe) for name, method in registry.methods().items() for recipe in known_recipes(method.package)]


def _printed(capsys, *argv):
    with pytest.raises(SystemExit, match=r"^0$"):
        main([*argv, "--print_config"])
    printed = capsys.readouterr()
    assert "Unable to serialize" not in printed.out + printed.err
    assert not printed.err
    return printed.out


@pytest.mark.parametrize(("method", "recipe"), RECIPES)
def test_a_printed_recipe_is_read_again_value_for_value(method, recipe, capsys, tmp_path):
    printed = _printed(capsys, method, "fit", "--config", recipe)
    mine = tmp_path / "mine.yaml"
    mine.write_text(printed, encoding="utf-8")
    assert _printed(capsys, method, "fit", "--config", str(mine)) == printed
    tested, fitted = (
        yaml.safe_load(text) for text in (_printed(capsys, method, "test", "--config", str(mine)), printed)
    )
    shared = tested.keys() & fitted.keys()
    assert {"trainer", "model", "data"} <= shared
    assert {key: tested[key] for key in shared} == {key: fitted[key] for key in shared}


@pytest.mark.parametrize("method", sorted(registry.methods()))
def test_defaults_are_read_again_and_can_be_changed_one_by_one(method, capsys, tmp_path):
    data = ("--data", "RHD", "--data.root", "x")
    printed = _printed(capsys, method, "fit", *data, "--model.optimizer.init_args.lr", "1e-3")
    assert yaml.safe_load(printed)["model"]["optimizer"]["init_args"]["lr"] == 0.001
    (tmp_path / "mine.yaml").write_text(printed, encoding="utf-8")
    assert _printed(capsys, method, "fit", "--config", str(tmp_path / "mine.yaml")) == printed


ODD = ["a#b [1]: x", "[1]", "{a: b}", "a: b", "#x", "- x", "123", "1e3", "50%", "&x", "*x", "?", "a,b", "'q'", "ä ö"]


@pytest.mark.parametrize("name", ODD)
def test_a_path_is_kept_as_it_stands(name, capsys, tmp_path):
    options = [f"--{option}={name}" for option in ("data.root", "run_dir", "trainer.default_root_dir")]
    printed = _printed(capsys, "hand3d", "fit", "--data", "RHD", *options)
    config = yaml.safe_load(printed)
    assert config["data"]["init_args"]["root"] == config["run_dir"] == config["trainer"]["default_root_dir"] == name
    (tmp_path / "mine.yaml").write_text(printed, encoding="utf-8")
    assert _printed(capsys, "hand3d", "fit", "--config", str(tmp_path / "mine.yaml")) == printed


def test_null_is_nothing_and_lists_are_lists(capsys):
    options = [
        "--run_dir",
        "null",
        "--data",
        "RHD",
        "--data.root",
        "[1]",
        "--model.size.segmentation.trunk",
        "[[4, 2]]",
    ]
    config = yaml.safe_load(_printed(capsys, "hand3d", "fit", *options))
    assert config["run_dir"] is None
    assert config["data"]["init_args"]["root"] == "[1]"
    assert config["model"]["size"]["segmentation"]["trunk"] == [[4, 2]]


LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.parametrize("surroundings", [LOCALE, {"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "cp1252"}])
def test_a_configuration_is_in_utf_8_whatever_the_locale(tmp_path, surroundings):
    command = [sys.executable, "-m", "handpose_core.cli.main", "hand3d", "fit", "--print_config"]
    data = {"class_path": "handpose_core.datamodules.rhd.RHDDataModule", "init_args": {"root": "ä 漢"}}
    mine = tmp_path / "mine.yaml"
    mine.write_text(yaml.dump({"data": data}, allow_unicode=True), encoding="utf-8")
    for _ in range(2):  # the second time what was printed
        done = subprocess.run(
            [*command, "--config", str(mine)], capture_output=True, check=True, env=os.environ | surroundings
        )
        mine.write_bytes(done.stdout)
        assert yaml.safe_load(done.stdout.decode("utf-8"))["data"]["init_args"]["root"] == "ä 漢"

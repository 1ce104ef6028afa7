"""``handpose recipe``: what is run in which order, with what, and a whole run that is killed on its way."""

import csv
import json

import pytest
import torch

from handpose_core.cli import recipe
from handpose_core.cli.main import main
from handpose_core.cli.recipe import Options, find_recipe, split_options
from handpose_core.errors import HandposeError

CONFIG = """\
data: {class_path: tinymethod.data.TinyHands}
model: {width: 4}
trainer: {max_epochs: %d, log_every_n_steps: 1, accelerator: cpu, logger: false, enable_progress_bar: false}
"""


@pytest.fixture
def own(plugin, tmp_path, monkeypatch):
    """A folder with a recipe of two stages, in an otherwise empty current folder."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "1-pose.yaml").write_text(CONFIG % 1)
    (folder / "2-joined.yaml").write_text(CONFIG % 4 + "checkpoint: {monitor: null}\n")
    (folder / "notes.yaml").write_text("{}\n")
    return f"{plugin}/own"


pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # jsonargparse's, of Lightning's own calls


@pytest.fixture
def unchecked(monkeypatch):
    """No check of what the stages need, for options that no method has."""
    monkeypatch.setattr(recipe, "_check", lambda *args: None)


@pytest.fixture
def stages(monkeypatch):
    """The stages that would be run."""
    run = []

    def note(stage, folder, *args, **kwargs):
        run.append((stage, folder))
        return folder / "fit" / "checkpoints" / "best.ckpt"

    for name in ("run_stage", "test_stage"):
        monkeypatch.setattr(recipe, name, note)
    return run


def test_the_recipes_are_listed_with_their_stages(plugin, capsys):
    assert main(["recipe"]) == 0
    assert "  tiny/tiny" in capsys.readouterr().out


def test_a_stage_with_its_own_data_does_not_get_the_others(own, stages, tmp_path, unchecked):
    with (tmp_path / "own" / "1-pose.yaml").open("a") as file:
        file.write("own_data: true\n")
    options = ["--data", "Other", "--data.n", "5", "--data=X", "--trainer.max_epochs", "2", "--pose:data.n", "3"]
    assert main(["recipe", own, "--run_dir", "r", *options]) == 0
    (pose, _), (joined, _), _ = stages
    assert pose.arguments == ("--config", "own/1-pose.yaml", "--trainer.max_epochs", "2", "--data.n", "3")
    assert joined.arguments == ("--config", "own/2-joined.yaml", *options[:7])


def test_options_go_to_all_stages_or_to_one(own, stages, tmp_path, unchecked):
    options = ["--data.n", "5", "--joined:trainer.max_epochs", "9", "--seed_everything=-1", "--test:data.n=3"]
    assert main(["recipe", own, "--run_dir", "r", *options]) == 0
    common = ("--data.n", "5", "--seed_everything=-1")
    (pose, at), (joined, second), (test, _) = stages
    assert pose.arguments == ("--config", "own/1-pose.yaml", *common)
    assert joined.arguments == ("--config", "own/2-joined.yaml", *common, "--trainer.max_epochs", "9")
    assert test.arguments == (*joined.arguments, "--data.n=3")
    assert (str(at), str(second)) == ("r/1-pose", "r/2-joined")


def test_until_ends_there_without_a_test(own, stages):
    assert main(["recipe", own, "--until", "pose"]) == 0
    ((stage, folder),) = stages
    assert stage.name == "pose"
    assert folder.parent.parent.as_posix() == "runs/tiny/own"


def test_values_with_spaces_keep_their_place(own, stages, unchecked):
    main(["recipe", own, "--model.trunk", "[[4, 2], [4, 2]]", "--a=[1, 2]", "-c", "mine.yaml", "--until", "pose"])
    given = ("--model.trunk", "[[4, 2], [4, 2]]", "--a=[1, 2]", "-c", "mine.yaml")
    assert stages[0][0].arguments[2:] == given


def test_the_first_stage_starts_from_another_recipes_weights(own, monkeypatch, tmp_path, capsys):
    origins = []

    def note(stage, folder, init_from=None):
        origins.append(init_from)
        return folder / "best.ckpt"

    monkeypatch.setattr(recipe, "run_stage", note)
    monkeypatch.setattr(recipe, "test_stage", lambda *args: None)
    assert main(["recipe", own, "--run_dir", "r", "--init_from", "other.ckpt"]) == 2
    assert "--init_from other.ckpt: found no such file" in capsys.readouterr().err
    (tmp_path / "other.ckpt").touch()
    assert main(["recipe", own, "--run_dir", "r", "--init_from", "other.ckpt"]) == 2
    assert "an empty file" in capsys.readouterr().err
    monkeypatch.setattr(recipe, "_check", lambda *args: None)
    assert main(["recipe", own, "--run_dir", "r", "--init_from", "other.ckpt"]) == 0
    assert [str(origin) for origin in origins] == ["other.ckpt", "r/1-pose/best.ckpt"]


@pytest.fixture
def rooted(own, tmp_path):
    """The recipe, its second stage with data of its own that is not there."""
    (tmp_path / "own" / "2-joined.yaml").write_text(
        "own_data: true\nmodel: {width: 4}\n"
        "data: {class_path: handpose_core.datamodules.rhd.RHDDataModule, init_args: {root: data/synth}}\n"
    )
    return own


def test_data_that_is_not_there_is_missed_before_the_first_stage(rooted, stages, tmp_path, capsys, rhd_root):
    assert main(["recipe", rooted, "--data.n", "5"]) == 2
    assert "stage joined, data.root: found data/synth, where nothing is" in capsys.readouterr().err
    assert not stages
    assert not (tmp_path / "runs").exists()
    assert main(["recipe", rooted, "--run_dir", "r", "--until", "pose"]) == 0
    for option in (f"--joined:data.root={rhd_root}", f"--joined:data.init_args.root={rhd_root}"):
        assert main(["recipe", rooted, "--run_dir", "r", option]) == 0


@pytest.mark.parametrize("option", ["--test:data.root=none", "--joined:data.root=none"])
def test_the_data_of_the_test_is_looked_for_too(rooted, stages, tmp_path, capsys, option, rhd_root):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "synth").symlink_to(rhd_root)
    assert main(["recipe", rooted, "--run_dir", "r", option]) == 2
    assert "data.root: found none, where nothing is" in capsys.readouterr().err
    assert not stages
    assert main(["recipe", rooted, "--run_dir", "r"]) == 0


def test_split_options():
    assert split_options(["--b:x", "1", "--y", "2"], ["a", "b"]) == Options(("--y", "2"), {"a": (), "b": ("--x", "1")})
    with pytest.raises(HandposeError, match=r"--c:x: found stage 'c'; expected one of a, b"):
        split_options(["--c:x=1"], ["a", "b"])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("tiny/tyni", "Did you mean tiny/tiny"),
        ("tinny/tiny", "Did you mean tiny/tiny"),
        ("tiny", "'tiny'; expected one of "),
    ],
)
def test_an_unknown_recipe_gets_the_close_ones(plugin, wrong, message):
    with pytest.raises(HandposeError, match=message):
        find_recipe(wrong)


def test_an_unknown_last_stage(own, capsys):
    assert main(["recipe", own, "--until", "joint"]) == 2
    assert "--until: found 'joint'; expected one of pose, joined" in capsys.readouterr().err


def _epochs(path):
    rows = list(csv.DictReader(path.read_text().splitlines()))
    return [int(row["epoch"]) for row in rows if row["val/epe"]]


@pytest.mark.filterwarnings("ignore")
def test_a_killed_recipe_goes_on_and_ends_as_if_it_had_not_been(own, tiny, tmp_path, capfd):
    killer = ["--joined:trainer.callbacks+=tinymethod.callbacks.EndOnce", "--joined:trainer.callbacks.marker", "killed"]
    command = ["recipe", own, "--run_dir", "run", *killer, "--pictures.samples", "1"]
    assert main(command) == 2
    err = capfd.readouterr().err
    assert "to go on: handpose recipe tiny/own --run_dir run " in err
    assert "stage joined, fit in run/2-joined: found signal SIGKILL" in err
    assert main(command) == 0
    out = capfd.readouterr().out
    assert "stage 1 of 2, pose: finished before" in out
    assert "all stages finished; results: run/test/results.json" in out

    joined = tmp_path / "run" / "2-joined"
    assert _epochs(joined / "fit" / "metrics.csv") == [0, 1]  # killed as epoch 2 began
    assert _epochs(joined / "fit_2" / "metrics.csv") == [2, 3]
    assert json.loads((joined / "finished.json").read_text())["processes"] == 2
    results = json.loads((tmp_path / "run/test/results.json").read_text())
    assert results["checkpoint"] == "run/2-joined/fit/checkpoints/last.ckpt"  # nothing is monitored

    undisturbed = ["--init_from", "run/1-pose/fit/checkpoints/best.ckpt", "--run_dir", "whole"]
    assert tiny("fit", "--config", "own/2-joined.yaml", *undisturbed) == 0
    a, b = (
        torch.load(path / "fit" / "checkpoints" / "last.ckpt", weights_only=True)
        for path in (joined, tmp_path / "whole")
    )
    assert a["global_step"] == b["global_step"] == 16
    assert torch.equal(a["state_dict"]["network.pose"], b["state_dict"]["network.pose"])

    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*.json")}
    assert main(command) == 0
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*.json")} == before

import csv
import json
import os
import shutil
import signal

import numpy as np
import pytest
import torch
import yaml

from handpose_core.training.checkpoints import find_in_run

pytestmark = pytest.mark.filterwarnings(
    "ignore:The .* does not have many workers",
    "ignore:The number of training batches",
    "ignore:GPU available but not used",
    "ignore::DeprecationWarning",  # Lightning of jsonargparse
)
OTHER = "tinymethod.module:OtherModule"


def _config(path):
    return yaml.safe_load(path.read_text())


def _metrics(stage):
    return list(csv.DictReader((stage / "metrics.csv").read_text().splitlines()))


def test_fit_writes_a_run_folder(tiny, tmp_path):
    assert tiny("fit", "--config", "tiny") == 0
    (run,) = (tmp_path / "runs" / "tiny" / "tiny").iterdir()
    assert {path.name for path in (run / "fit" / "checkpoints").iterdir()} == {"best.ckpt", "last.ckpt"}
    rows = _metrics(run / "fit")
    assert float(rows[-1]["val/epe"]) > 0
    assert "lr-SGD" in rows[0]
    config = _config(run / "fit" / "config.yaml")
    assert config["model"]["width"] == 4
    assert config["trainer"]["use_distributed_sampler"] is False
    assert config["seed_everything"] == 0


def test_the_same_command_trains_the_same_network(tiny, tmp_path):
    for run in ("a", "b"):
        tiny("fit", "--config", "tiny", "--run_dir", run)
    a, b = (torch.load(tmp_path / run / "fit/checkpoints/last.ckpt", weights_only=True) for run in ("a", "b"))
    assert torch.equal(a["state_dict"]["network.pose"], b["state_dict"]["network.pose"])


@pytest.mark.parametrize(("interval", "validations"), [("1000", 1), ("2", 2)])
def test_a_training_shorter_than_its_validations_interval_is_validated_at_its_end(
    tiny, tmp_path, interval, validations
):
    rare = ("--trainer.check_val_every_n_epoch", "null", "--trainer.val_check_interval", interval)
    short = ("--trainer.max_steps", "5", "--trainer.max_epochs", "-1", "--trainer.num_sanity_val_steps", "0")
    assert tiny("fit", "--config", "tiny", "--run_dir", "run", *rare, *short, "--trainer.log_every_n_steps", "1") == 0
    assert (tmp_path / "run/fit/checkpoints/best.ckpt").is_file()
    assert sum(row["val/epe"] != "" for row in _metrics(tmp_path / "run/fit")) == validations


def test_options_overrule_the_recipe(tiny, tmp_path):
    tiny("fit", "--config", "tiny", "--model.width", "6", "--data.n=4", "--run_dir", "run")
    config = _config(tmp_path / "run/fit/config.yaml")
    assert (config["model"]["width"], config["data"]["init_args"]["n"]) == (6, 4)


def test_print_config_is_yaml_that_can_be_run(tiny, tmp_path, capsys):
    with pytest.raises(SystemExit, match=r"^0$"):
        tiny("fit", "--config", "tiny", "--model.width", "5", "--print_config")
    printed = capsys.readouterr().out
    assert yaml.safe_load(printed)["model"]["width"] == 5
    (tmp_path / "mine.yaml").write_text(printed)
    assert tiny("fit", "--config", "mine.yaml", "--run_dir", "run") == 0


def test_a_saved_configuration_runs_again_elsewhere(tiny, trained, tmp_path):
    assert tiny("fit", "--config", str(trained / "fit" / "config.yaml"), "--run_dir", "again") == 0
    assert (tmp_path / "again" / "fit" / "checkpoints" / "best.ckpt").is_file()


@pytest.mark.parametrize("subcommand", ["fit", "test"])
def test_a_saved_configuration_does_not_name_its_run(tiny, tmp_path, subcommand):
    own = ("--checkpoint.dirpath", "run/fit/checkpoints", "--last_checkpoint.dirpath", "run/fit/checkpoints")
    assert tiny("fit", "--config", "tiny", "--run_dir", "run", *own) == 0
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    config = _config(tmp_path / "run/fit/config.yaml")
    assert config["run_dir"] is config["ckpt_path"] is config["checkpoint"]["dirpath"] is None
    again = ("--run_dir", "again") if subcommand == "fit" else ("--ckpt_path", "run/fit/checkpoints/best.ckpt")
    assert tiny(subcommand, "--config", "run/fit/config.yaml", *again) == 0
    assert before == {path: path.read_bytes() for path in before}


def test_another_training_s_checkpoints_are_not_written_over(tiny, trained, capsys):
    checkpoints = str(trained / "fit" / "checkpoints")
    assert tiny("fit", "--config", "tiny", "--run_dir", "new", "--checkpoint.dirpath", checkpoints) == 2
    assert f"--checkpoint.dirpath {checkpoints}: found a run that was trained before" in capsys.readouterr().err


def test_test_rebuilds_the_model_without_a_recipe(tiny, trained, capsys):
    best = str(trained / "fit" / "checkpoints" / "best.ckpt")
    assert tiny("test", "--ckpt_path", best, "--data", "TinyHands", "--data.n", "2", "--run_dir", str(trained)) == 0
    assert _config(trained / "test" / "config.yaml")["model"]["width"] == 4
    out = capsys.readouterr().out
    assert "true_root_and_scale" in out
    assert out.strip().splitlines()[-1].startswith("pictures: ")


def test_test_again_overwrites_nothing(tiny, trained):
    best = str(trained / "fit" / "checkpoints" / "best.ckpt")
    options = ("--ckpt_path", best, "--data", "TinyHands", "--data.n", "2", "--run_dir", str(trained))
    for _ in range(2):
        assert tiny("test", *options) == 0
    assert (trained / "test" / "results.json").is_file()
    assert (trained / "test_2" / "results.json").is_file()


def test_validate_reports_too(tiny, trained):
    best = str(trained / "fit" / "checkpoints" / "best.ckpt")
    assert tiny("validate", "--ckpt_path", best, "--data", "TinyHands", "--run_dir", str(trained)) == 0
    rows = json.loads((trained / "validate" / "results.json").read_text())["rows"]
    assert rows[0]["epe_mean"] == pytest.approx(float(_metrics(trained / "validate")[-1]["val/epe"]), rel=1e-4)


def test_predict_writes_what_score_reads(tiny, trained):
    best = str(trained / "fit" / "checkpoints" / "best.ckpt")
    assert tiny("predict", "--ckpt_path", best, "--data", "TinyHands", "--data.n", "5", "--run_dir", str(trained)) == 0
    with np.load(trained / "predict" / "predictions.npz") as predictions:
        assert predictions["joints_3d"].shape == (5, 21, 3)
        assert predictions["index"].tolist() == [0, 1, 2, 3, 4]


def test_training_goes_on_from_a_checkpoint(tiny, trained):
    last = str(trained / "fit" / "checkpoints" / "last.ckpt")
    options = ("--config", "tiny", "--ckpt_path", last, "--run_dir", str(trained), "--trainer.max_epochs", "2")
    assert tiny("fit", *options) == 0
    assert torch.load(trained / "fit_2/checkpoints/last.ckpt", weights_only=True)["epoch"] == 1


def test_last_is_the_newest_checkpoint_of_the_run(tiny, trained, capsys):
    for epochs in ("2", "3"):
        options = ("--config", "tiny", "--run_dir", str(trained), "--trainer.max_epochs", epochs)
        assert tiny("fit", *options, "--ckpt_path", "last") == 0
    assert torch.load(trained / "fit_3/checkpoints/last.ckpt", weights_only=True)["epoch"] == 2
    assert f"checkpoint: {trained}/fit_2/checkpoints/last.ckpt" in capsys.readouterr().out


def test_a_training_that_sigterm_ends_is_not_done(tiny, tmp_path, monkeypatch):
    def stop(module, batch, index):
        os.kill(os.getpid(), signal.SIGTERM)  # Lightning's to take

    monkeypatch.setattr("tinymethod.module.TinyModule.on_train_batch_start", stop)
    with pytest.raises(SystemExit, match=r"^143$"):
        tiny("fit", "--config", "tiny", "--run_dir", "run", "--trainer.max_epochs", "3")
    assert not (tmp_path / "run/fit/ended.json").exists()


def test_last_is_that_of_the_latest_training_in_a_copied_run(trained):
    for name in ("fit_10", "fit_2"):  # copied in any order
        shutil.copytree(trained / "fit", trained / name)
    os.utime(trained / "fit/checkpoints/last.ckpt")
    assert find_in_run(trained, "last") == trained / "fit_10/checkpoints/last.ckpt"


@pytest.mark.parametrize(("mode", "better"), [("min", "fit"), ("max", "fit_2")])
def test_best_is_the_best_of_all_trainings_of_the_run(tmp_path, mode, better):
    for name, score in (("fit", 10.0), ("fit_2", 12.0)):
        state = {"monitor": "val/epe", "best_model_score": torch.tensor(score)}
        path = tmp_path / name / "checkpoints/best.ckpt"
        path.parent.mkdir(parents=True)
        torch.save({"callbacks": {f"ModelCheckpoint{{'monitor': 'val/epe', 'mode': '{mode}'}}": state}}, path)
    assert find_in_run(tmp_path, "best") == tmp_path / better / "checkpoints/best.ckpt"
    path.write_bytes(b"")  # whoever asks for it is told what is wrong with it
    assert find_in_run(tmp_path, "best") == path


def test_a_folder_is_no_checkpoint(tiny, trained, capsys):
    assert tiny("fit", "--config", "tiny", "--ckpt_path", str(trained)) == 2
    assert f"--ckpt_path {trained}: found a folder; expected a checkpoint's file" in capsys.readouterr().err


@pytest.mark.parametrize(("asked", "taken"), [(("--ckpt_path", "last"), "last"), ((), "best")])
def test_the_run_s_own_checkpoint_is_tested(tiny, trained, capsys, asked, taken):
    assert tiny("test", "--data", "TinyHands", "--data.n", "2", "--run_dir", str(trained), *asked) == 0
    path = f"{trained}/fit/checkpoints/{taken}.ckpt"
    assert f"checkpoint: {path}" in capsys.readouterr().out
    assert json.loads((trained / "test/results.json").read_text())["checkpoint"] == path


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["fit", "--config", "tiny", "--ckpt_path", "last"], "--ckpt_path last: found no --run_dir"),
        (["fit", "--config", "tiny", "--ckpt_path", "best"], "--ckpt_path best: found no --run_dir"),
        (["fit", "--config", "tiny", "--ckpt_path", "last", "--run_dir", "none"], "found no such folder"),
        (
            ["fit", "--config", "tiny", "--ckpt_path", "last", "--run_dir", "bare"],
            "no fit*/checkpoints/last.ckpt in it",
        ),
        (["fit", "--config", "tiny", "--ckpt_path", "hpc", "--run_dir", "bare"], "a keyword that is not supported"),
        (["test", "--data", "TinyHands"], "--ckpt_path: found nothing; expected a checkpoint to test"),
        (["validate", "--data", "TinyHands"], "--ckpt_path: found nothing; expected a checkpoint to validate"),
        (["test", "--data", "TinyHands", "--run_dir", "bare"], "no fit*/checkpoints/last.ckpt in it"),
    ],
)
def test_without_a_checkpoint_nothing_is_run(tiny, tmp_path, capsys, argv, message):
    (tmp_path / "bare").mkdir()
    assert tiny(*argv) == 2
    assert message in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bare"]
    assert not list((tmp_path / "bare").iterdir())


def test_wandb_is_offline_without_a_login(tiny, tmp_path, capsys):
    assert tiny("fit", "--config", "tiny", "--run_dir", "run", logger="true") == 0
    assert list((tmp_path / "run" / "wandb").glob("offline-run-*/*.wandb"))
    assert "wandb sync run/wandb/offline-run-" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["fit", "--config", "tinny"], "'tinny', which is neither a recipe nor a file; expected a recipe (tiny)"),
        (["fit", "--config", "tiny", "--data", "TinyHand"], "--data: found 'TinyHand'; expected one of "),
        (["fit", "--config", "tiny", "--data.n", "0"], "error: data, n: found 0; expected at least 1."),
        (["fit", "--config", "tiny", "--data.bad", "3"], "error: frame 3, image: found nothing; expected a PNG."),
        (["test", "--ckpt_path", "no.ckpt", "--data", "TinyHands"], "--ckpt_path no.ckpt: found no such file"),
        (["test", "--ckpt_path", "broken.ckpt", "--data", "TinyHands"], "--ckpt_path broken.ckpt: found a file that"),
    ],
)
def test_a_users_mistake_is_one_message(tiny, tmp_path, capsys, argv, message):
    (tmp_path / "broken.ckpt").write_bytes(b"PK\x03\x04 truncated")
    assert tiny(*argv) == 2
    err = [line for line in capsys.readouterr().err.splitlines() if "error: " in line]
    assert len(err) == 1
    assert message in err[0]
    assert "Traceback" not in err[0]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["fit", "--config", "tiny", "--model.widht", "3"], "--model.widht"),
        (["fit", "--config", "tiny", "--model.width", "wide"], "model.width"),
        (["fitt"], "invalid choice: 'fitt'"),
        (["test"], "required: test.data"),
    ],
)
def test_a_wrong_option_is_named(tiny, capsys, argv, message):
    with pytest.raises(SystemExit, match=r"^2$"):
        tiny(*argv)
    err = capsys.readouterr().err
    assert message in err
    assert len(err.splitlines()) < 12


def test_checkpoint_of_another_method(tiny, trained, capsys):
    from handpose_core.cli.registry import Method

    best = str(trained / "fit" / "checkpoints" / "best.ckpt")
    assert tiny("test", "--ckpt_path", best, "--data", "TinyHands", method=Method("another", OTHER)) == 2
    assert (
        "found a checkpoint of tinymethod.module.TinyModule; expected one of tinymethod.module.OtherModule"
        in capsys.readouterr().err
    )


def test_a_trained_run_is_not_trained_over(tiny, trained, capsys):
    assert tiny("fit", "--config", "tiny", "--run_dir", str(trained)) == 2
    assert "a run that was trained before" in capsys.readouterr().err

"""Trainings that cannot come to anything: refused before they begin, or stopped where they diverge."""

import pytest
import torch

from handpose_core.datamodules.folder import FolderDataModule
from handpose_core.errors import HandposeError
from handpose_core.training.schedules import OneCycle, StepDecay

pytestmark = pytest.mark.filterwarnings(
    "ignore:The .* does not have many workers",
    "ignore:The number of training batches",
    "ignore::DeprecationWarning",  # Lightning of jsonargparse
)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--trainer.limit_train_batches", "0"], "--trainer.limit_train_batches: found 0; expected"),
        (["--trainer.limit_train_batches", "0.0"], "--trainer.limit_train_batches: found 0.0; expected"),
        (["--trainer.max_epochs", "0"], "--trainer.max_epochs: found 0; expected at least 1"),
        (["--trainer.max_steps", "0"], "--trainer.max_steps: found 0; expected at least 1"),
        (["--trainer.max_time", "00:00:00:00"], "--trainer.max_time: found 00:00:00:00; expected"),
        (["--trainer.check_val_every_n_epoch", "0"], "--trainer.check_val_every_n_epoch: found 0; expected"),
        (["--trainer.val_check_interval", "0"], "--trainer.val_check_interval: found 0; expected"),
        (["--seed_everything", "-1"], "--seed_everything: found -1; expected 0 to 4294967295"),
        (["--seed_everything", "4294967296"], "--seed_everything: found 4294967296; expected"),
        (["--trainer.devices", "-1", "--trainer.accelerator", "cpu"], "`devices` selected with `CPUAccelerator`"),
        (["--trainer.accumulate_grad_batches", "0"], "--trainer.accumulate_grad_batches: found 0; expected"),
        (["--trainer.gradient_clip_val=-1"], "--trainer.gradient_clip_val: found -1"),
        (["--trainer.limit_val_batches", "0"], "--trainer.limit_val_batches 0: found no validation"),
        (["--trainer.devices", "0"], "--trainer: found `Trainer(devices='0')`"),
        (["--trainer.strategy", "foo"], "--trainer: found You selected an invalid strategy name: `strategy='foo'`"),
        (["--trainer.accelerator", "tpu"], "--trainer: found Requirement 'torch_xla"),
        (["--model.optimizer", "SGD", "--model.optimizer.lr=-1"], "--model.optimizer: found Invalid learning rate: -1"),
        (
            ["--model.optimizer", "SGD", "--model.optimizer.lr=.inf"],
            "--model.optimizer, lr: found inf; expected a finite",
        ),
    ],
)
def test_what_would_train_nothing_is_refused(tiny, tmp_path, capsys, options, message):
    assert tiny("fit", "--config", "tiny", "--run_dir", "run", *options) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.ckpt"))


@pytest.mark.parametrize("subcommand", ["test", "validate", "predict"])
def test_what_would_measure_nothing_is_refused(tiny, trained, capsys, subcommand):
    limit = f"--trainer.limit_{'val' if subcommand == 'validate' else subcommand}_batches"
    assert tiny(subcommand, "--data", "TinyHands", "--run_dir", str(trained), limit, "0") == 2
    assert f"{limit}: found 0" in capsys.readouterr().err


def test_without_a_monitor_nothing_need_be_validated(tiny, tmp_path):
    options = ("--trainer.limit_val_batches", "0", "--checkpoint.monitor", "null")
    assert tiny("fit", "--config", "tiny", "--run_dir", "run", *options) == 0
    assert (tmp_path / "run/fit/checkpoints/last.ckpt").is_file()


def test_a_training_of_fewer_epochs_than_lie_between_validations_has_a_best_checkpoint(tiny, tmp_path):
    assert tiny("fit", "--config", "tiny", "--run_dir", "run", "--trainer.check_val_every_n_epoch", "5") == 0
    assert (tmp_path / "run/fit/checkpoints/best.ckpt").is_file()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "--data.batch_size: found 0; expected at least 1"),
        ({"batch_size": -2}, "--data.batch_size: found -2"),
        ({"num_workers": -1}, "--data.num_workers: found -1; expected at least 0"),
        ({"image_size": 0}, "--data.image_size: found 0"),
        ({"crop_scale": 0.0}, "--data.crop_scale: found 0.0"),
        ({"crop_scale": float("nan")}, "--data.crop_scale: found nan"),
        ({"val_fraction": 1.0}, "--data.val_fraction: found 1.0"),
    ],
)
def test_numbers_that_no_data_has_are_refused(options, message):
    with pytest.raises(HandposeError, match=message):
        FolderDataModule("hands", **options)


@pytest.mark.parametrize("make", [lambda: OneCycle(1.5), lambda: StepDecay(0), lambda: StepDecay(30, 0.0)])
def test_schedules_that_cannot_be_followed(make):
    with pytest.raises(HandposeError):
        make()


@pytest.mark.parametrize(("value", "found"), [(".nan", "nan"), ("1e12", "e+1")])
def test_a_training_that_diverges_is_stopped_and_its_last_good_checkpoint_kept(tiny, tmp_path, capsys, value, found):
    poison = ["--trainer.callbacks+=tinymethod.callbacks.Poison", f"--trainer.callbacks.value={value}"]
    assert tiny("fit", "--config", "tiny", "--run_dir", "run", "--trainer.max_epochs", "3", *poison) == 2
    err = capsys.readouterr().err
    assert "error: training, step 5 of epoch 1, loss" in err
    assert found in err
    assert "at a learning rate of 0.01" in err
    assert "The last checkpoint before it is run/fit/checkpoints/last.ckpt" in err.replace(f"{tmp_path}/", "")
    kept = torch.load(tmp_path / "run/fit/checkpoints/last.ckpt", weights_only=True)
    assert kept["epoch"] == 0
    assert kept["state_dict"]["network.pose"].isfinite().all()


def test_a_learning_rate_out_of_all_proportion_stops_the_training(tiny, capsys):
    rate = ("--model.optimizer", "SGD", "--model.optimizer.lr", "1e9")
    assert tiny("fit", "--config", "tiny", "--run_dir", "run", *rate) == 2
    err = capsys.readouterr().err
    assert "at a learning rate of 1e+09" in err
    assert "No checkpoint was written before it" in err


def test_a_training_tried_out_recommends_no_other_product(tiny, capfd, caplog):
    assert tiny("fit", "--config", "tiny", "--run_dir", "run", "--trainer.fast_dev_run", "true") == 0
    assert "litmodels" not in capfd.readouterr().err + caplog.text

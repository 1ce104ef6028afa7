"""Clusters, W&B and shared memory that are not as Lightning and torch take them to be."""

import pytest
import wandb

from handpose_core.datamodules import handover
from handpose_core.training import logging
from handpose_core.training.slurm import environment_without_srun

pytestmark = pytest.mark.filterwarnings(
    "ignore:The .* does not have many workers",
    "ignore:The number of training batches",
    "ignore::DeprecationWarning",  # Lightning of jsonargparse
)
STEP = {"SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODEID": "0"}


@pytest.mark.parametrize(
    ("environment", "own"),
    [
        ({}, False),
        ({"SLURM_NTASKS": "4"}, True),
        ({"SLURM_NTASKS": "4", **STEP}, True),
        ({"SLURM_NTASKS": "1"}, True),
        ({"SLURM_NTASKS": "1", **STEP}, False),  # a batch script of one task
        ({"SLURM_NTASKS": "4", "SLURM_STEP_ID": "0", **STEP}, False),  # by srun
    ],
)
def test_slurm_counts_only_what_srun_started(environment, own):
    assert (environment_without_srun(environment) is not None) is own


def test_slurm_s_variables_without_srun(tiny, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SLURM_NTASKS", "4")
    assert tiny("fit", "--config", "tiny", "--run_dir", "run") == 0
    assert "note: SLURM_NTASKS is 4, but srun did not start this process" in capsys.readouterr().out
    assert (tmp_path / "run/fit/checkpoints/best.ckpt").is_file()


@pytest.fixture
def unreachable(monkeypatch):
    """A login for a W&B server that does not answer."""
    monkeypatch.setenv("WANDB_API_KEY", "0123456789" * 4)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")  # nothing listens there
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setattr(logging, "_INIT_TIMEOUT", 2.0)
    wandb.teardown()  # its process has the environment and folder of what started it
    yield
    wandb.teardown()


def test_w_and_b_without_a_network_is_logged_offline(tiny, unreachable, tmp_path, capsys):
    assert tiny("fit", "--config", "tiny", "--run_dir", "run", logger="true") == 0
    out = capsys.readouterr().out
    assert "note: W&B cannot be reached or refuses the login (" in out
    assert "to send it: wandb sync run/wandb/offline-run-" in out
    assert (tmp_path / "run/fit/checkpoints/best.ckpt").is_file()
    assert wandb.run is None


def test_a_logger_of_one_s_own_is_logged_offline_too(tiny, unreachable, tmp_path, capsys):
    options = ("--trainer.logger.project", "mine", "--trainer.logger.save_dir", str(tmp_path / "own"))
    (tmp_path / "own").mkdir()
    assert tiny("fit", "--config", "tiny", "--run_dir", "run", *options, logger="WandbLogger") == 0
    assert "this run is logged offline" in capsys.readouterr().out
    assert list((tmp_path / "own" / "wandb").glob("offline-run-*/*.wandb"))


@pytest.mark.parametrize(("name", "value"), [("WANDB_MODE", "disabled"), ("WANDB_DISABLED", "true")])
def test_w_and_b_that_is_disabled_writes_nothing(tiny, tmp_path, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    assert tiny("fit", "--config", "tiny", "--run_dir", "run", logger="true") == 0
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"fit"}


def test_a_mode_that_w_and_b_has_not_is_refused(tiny, monkeypatch, capsys):
    monkeypatch.setenv("WANDB_MODE", "ofline")
    assert tiny("fit", "--config", "tiny", "--run_dir", "run", logger="true") == 2
    assert "WANDB_MODE: found 'ofline'; expected online, offline or disabled" in capsys.readouterr().err


@pytest.mark.parametrize(("mode", "offline"), [("dryrun", True), ("run", False), ("Online ", False)])
def test_w_and_b_s_older_modes_are_known(monkeypatch, tmp_path, mode, offline):
    monkeypatch.setenv("WANDB_MODE", mode)
    assert logging.wandb_logger(tmp_path, "tiny")._offline is offline


def test_loaders_without_shared_memory_hand_over_through_pipes(rhd_root, monkeypatch, capsys, tmp_path):
    from handpose_core.datamodules.rhd import RHDDataModule

    def batches():
        data = RHDDataModule(str(rhd_root), batch_size=2, num_workers=1, image_size=32)
        data.setup("test")
        return list(data.test_dataloader())

    before = batches()
    assert not capsys.readouterr().out
    monkeypatch.setattr(handover.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 1000})())
    after = batches()
    assert "they are handed over through pipes" in capsys.readouterr().out
    assert len(before) == len(after) > 1
    assert all((one[key] == other[key]).all() for one, other in zip(before, after, strict=True) for key in one)

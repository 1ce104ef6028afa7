"""Run folders: claimed, shared by the processes of a run, and removed where nothing was written."""

import os
import subprocess
import sys
import time

import pytest

from handpose_core.training.folders import RunFolders, discard_empty, new_run_dir

CLAIM = """
import sys, time
from pathlib import Path
from handpose_core.training.folders import RunFolders, new_run_dir
root, at = Path(sys.argv[1]), float(sys.argv[2])
time.sleep(max(0, at - time.time()))
print(new_run_dir(root, "tiny", "demo"), RunFolders(root / "one", root, "tiny", "demo", "fit", True).stage_dir)
"""


def _claiming(tmp_path, count):
    at = str(time.time() + 3)
    command = [sys.executable, "-c", CLAIM, str(tmp_path), at]
    return [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(count)]


def test_processes_that_start_in_the_same_second_get_folders_of_their_own(tmp_path):
    said = [process.communicate(timeout=120)[0].split() for process in _claiming(tmp_path, 4)]
    runs, stages = ({pair[i] for pair in said} for i in (0, 1))
    assert len(runs) == 4
    assert stages == {str(tmp_path / "one" / name) for name in ("fit", "fit_2", "fit_3", "fit_4")}


def test_further_processes_of_a_run_get_the_folders_of_the_first(tmp_path):
    first = RunFolders(None, tmp_path, "tiny", "demo", "fit", is_first=True)
    other = RunFolders(None, tmp_path, "tiny", "demo", "fit", is_first=False)
    assert (other.run_dir, other.stage_dir) == (first.run_dir, first.stage_dir)
    (first.stage_dir / "metrics.csv").touch()
    other.release()
    first.release()
    assert first.stage_dir.is_dir()
    assert not [name for name in os.environ if name.startswith("HANDPOSE_") and name.endswith("_DIR")]


def test_processes_that_something_else_starts_claim_nothing(tmp_path):
    folders = RunFolders(tmp_path / "run", tmp_path, "tiny", "demo", "fit", is_first=False)
    assert folders.stage_dir == tmp_path / "run" / "fit"
    assert not list(tmp_path.iterdir())


def test_what_stays_empty_is_removed(tmp_path):
    folders = RunFolders(None, tmp_path, "tiny", "demo", "fit", is_first=True)
    assert folders.stage_dir.is_dir()
    folders.release()
    assert not folders.run_dir.exists()
    run = new_run_dir(tmp_path, "tiny", "demo")
    (run / "note").touch()
    discard_empty(run)
    assert run.is_dir()


@pytest.mark.filterwarnings("ignore")
def test_two_trainings_at_once_are_two_runs(plugin, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = [sys.executable, "-m", "handpose_core.cli.main", plugin, "fit", "--config", "tiny"]
    options = ["--data", "tinymethod.data.TinyHands", "--trainer.logger", "false"]
    processes = [subprocess.Popen([*command, *options], stderr=subprocess.PIPE) for _ in range(2)]
    for process in processes:
        said = process.communicate(timeout=600)[1].decode()
        assert process.returncode == 0, said
    runs = list((tmp_path / "runs" / "tiny" / "tiny").iterdir())
    assert len(runs) == 2
    assert all((run / "fit" / "checkpoints" / "best.ckpt").is_file() for run in runs)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Lightning of jsonargparse
def test_a_training_that_cannot_start_leaves_no_folder(tiny, tmp_path):
    assert tiny("fit", "--config", "tiny", "--data.n", "0") == 2
    assert tiny("fit", "--config", "tiny", "--data.n", "0", "--run_dir", "run") == 2
    assert not list(tmp_path.rglob("fit*"))
    assert not list((tmp_path / "runs" / "tiny" / "tiny").iterdir())

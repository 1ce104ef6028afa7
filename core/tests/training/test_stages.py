import json
import signal
import subprocess
import sys

import pytest

from handpose_core.errors import HandposeError
from handpose_core.training import lock, stages
from handpose_core.training.stages import Stage, StageStopped, read_finished, run_stage


@pytest.fixture
def runs(monkeypatch):
    """What was run instead of processes, as (subcommand, arguments after the stage's own)."""
    done = []

    def run(stage, subcommand, folder, arguments, threads, held):
        done.append((subcommand, arguments))
        if subcommand == "test":
            stages._write(folder / "test" / "results.json", {})
            return
        checkpoints = folder / "fit" / "checkpoints"
        checkpoints.mkdir(parents=True, exist_ok=True)
        for name in ("best.ckpt", "last.ckpt"):
            (checkpoints / name).write_bytes(f"{name} of {stage.name}".encode())
        stages._write(folder / "fit" / stages.ENDED, {"checkpoint": "somewhere/best.ckpt"})

    monkeypatch.setattr(stages, "_run", run)
    return done


FIRST = Stage("tiny", "first", ("--model.width", "4"))


def test_a_finished_stage_is_not_run_again(runs, tmp_path):
    best = run_stage(FIRST, tmp_path)
    assert best == tmp_path / "fit" / "checkpoints" / "best.ckpt"
    assert run_stage(FIRST, tmp_path) == best
    assert len(runs) == 1
    assert read_finished(tmp_path).checkpoint == "fit/checkpoints/best.ckpt"
    record = json.loads((tmp_path / "finished.json").read_text())
    assert record["arguments"] == ["--model.width", "4"]
    assert set(record["versions"]) == {"handpose-core", "torch", "pytorch-lightning"}


def test_other_options_are_refused_by_name(runs, tmp_path):
    run_stage(FIRST, tmp_path)
    for other, message in (
        (("--model.width", "5"), "--model.width: found 5; expected 4, with which the stage was begun"),
        (("--model.width", "4", "--seed_everything=1"), "--seed_everything: found 1; expected nothing"),
        ((), "--model.width: found nothing; expected 4"),
    ):
        with pytest.raises(HandposeError, match=message):
            run_stage(Stage("tiny", "first", other), tmp_path)
    with pytest.raises(HandposeError, match="found a stage of tiny; expected other"):
        run_stage(Stage("other", "first", FIRST.arguments), tmp_path)
    assert len(runs) == 1


def test_a_misspelt_option_can_be_put_right(tmp_path, runs, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(stages, "_run", lambda *arguments: None)
        with pytest.raises(StageStopped):
            run_stage(Stage("tiny", "first", ("--model.widht", "4")), tmp_path)
    run_stage(FIRST, tmp_path)
    assert len(runs) == 1


def test_workers_and_machine_may_change(runs, tmp_path):
    run_stage(FIRST, tmp_path)
    run_stage(Stage("tiny", "first", (*FIRST.arguments, "--data.num_workers=0")), tmp_path)
    assert len(runs) == 1


def test_another_stage_before_it_is_refused(runs, tmp_path):
    (tmp_path / "a.ckpt").write_bytes(b"a")
    run_stage(FIRST, tmp_path / "stage", tmp_path / "a.ckpt")
    assert runs[0][1][:2] == ("--init_from", str(tmp_path / "a.ckpt"))
    (tmp_path / "a.ckpt").write_bytes(b"b")
    with pytest.raises(HandposeError, match=r"--init_from: found a.ckpt .*; expected a.ckpt "):
        run_stage(FIRST, tmp_path / "stage", tmp_path / "a.ckpt")


def test_a_stage_goes_on_from_its_last_checkpoint(runs, tmp_path):
    last = tmp_path / "fit" / "checkpoints" / "last.ckpt"
    last.parent.mkdir(parents=True)
    last.write_bytes(b"half way")
    run_stage(FIRST, tmp_path)
    ((_, arguments),) = runs
    assert arguments[:2] == ("--ckpt_path", str(last))


def test_a_stage_that_stopped_in_its_first_epoch_goes_on_from_its_best_checkpoint(runs, tmp_path):
    best = tmp_path / "fit" / "checkpoints" / "best.ckpt"
    best.parent.mkdir(parents=True)
    best.write_bytes(b"of a validation within the epoch")
    run_stage(FIRST, tmp_path)
    ((_, arguments),) = runs
    assert arguments[:2] == ("--ckpt_path", str(best))


def test_a_moved_run_hands_on_the_moved_checkpoint(runs, tmp_path):
    run_stage(FIRST, tmp_path / "here")
    (tmp_path / "here").rename(tmp_path / "there")
    assert run_stage(FIRST, tmp_path / "there") == tmp_path / "there" / "fit" / "checkpoints" / "best.ckpt"
    assert len(runs) == 1


def test_a_training_that_ends_early_with_status_0_has_not_finished(tmp_path, monkeypatch):
    """As Lightning does on SIGTERM."""
    monkeypatch.setattr(stages, "_run", lambda *arguments: None)
    with pytest.raises(StageStopped, match="a training that stopped before its end"):
        run_stage(FIRST, tmp_path)
    assert read_finished(tmp_path) is None


@pytest.mark.parametrize("option", ["--ckpt_path", "--run_dir=x", "--init_from"])
def test_options_that_stages_set_themselves_are_refused(runs, tmp_path, option):
    with pytest.raises(HandposeError, match="an option that stages set themselves"):
        run_stage(Stage("tiny", "first", (option, "x")), tmp_path)


def test_two_processes_cannot_work_in_one_folder(runs, tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "_PATIENCE", 0.1)
    with lock.held(tmp_path), pytest.raises(HandposeError, match="a process at work in it"):
        run_stage(FIRST, tmp_path)
    run_stage(FIRST, tmp_path)


def test_a_test_is_run_once_for_its_options_and_kept(runs, tmp_path):
    (tmp_path / "a.ckpt").write_bytes(b"a")
    results = stages.test_stage(FIRST, tmp_path, tmp_path / "a.ckpt")
    assert results == stages.test_stage(FIRST, tmp_path, tmp_path / "a.ckpt") == tmp_path / "test" / "results.json"
    assert len(runs) == 1
    (tmp_path / "a.ckpt").write_bytes(b"b")
    stages.test_stage(FIRST, tmp_path, tmp_path / "a.ckpt")
    assert len(runs) == 2
    assert (tmp_path / "test_before" / "results.json").is_file()


def test_ctrl_c_reaches_the_stage(tmp_path):
    """To the parent alone, as ``kill -INT`` sends it; the child has time to end."""
    child = "import signal, sys, time; signal.signal(signal.SIGINT, lambda *_: (print('told', flush=True), sys.exit()))"
    parent = f"""
import signal, subprocess, sys
from handpose_core.training import stages
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background
stages._INTERRUPTED_BY_TERMINAL = 0.1
child = subprocess.Popen([sys.executable, "-c", {child!r} + "; print('up', flush=True); time.sleep(600)"])
wait = child.wait
child.wait = lambda *patience: wait(*patience) if patience else (print("waiting", flush=True), wait())[1]
stages._wait(child)
"""
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert {process.stdout.readline() for _ in range(2)} == {b"up\n", b"waiting\n"}
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=300)
    assert b"told" in out
    assert b"KeyboardInterrupt" in err


@pytest.mark.filterwarnings("ignore")
def test_a_stage_runs_on_two_processes(plugin, tmp_path):
    (tmp_path / "tiny.yaml").write_text(
        "{data: {class_path: tinymethod.data.TinyHands}, trainer: {max_epochs: 1, logger: false, accelerator: cpu}}\n"
    )
    arguments = ("--config", str(tmp_path / "tiny.yaml"), "--trainer.strategy", "ddp", "--trainer.devices", "2")
    best = run_stage(Stage(plugin, "only", arguments), tmp_path / "stage", threads=1)
    assert best.is_file()
    assert not list((tmp_path / "stage").glob("fit_*"))


def test_sigterm_is_passed_on_and_told_by_the_status():
    code = "import os, signal, time; os.kill(os.getppid(), signal.SIGTERM); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code]) as process, pytest.raises(SystemExit, match=r"^143$"):
        stages._wait(process)
    assert process.returncode == -signal.SIGTERM

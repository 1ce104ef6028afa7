import errno
import os
import subprocess
import sys
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from subprocess import PIPE
from urllib.error import URLError

import pytest
import torch
import wandb
from lightning_fabric.utilities.exceptions import MisconfigurationException
from safetensors import SafetensorError
from torch.utils.data import DataLoader, Dataset

import handpose_core
from handpose_core.cli.guard import INTERRUPTED, READER_GONE, USER_ERROR, guarded
from handpose_core.errors import HandposeError

ERROR = HandposeError("frame 3, image", "nothing", "a PNG", "Copy it\nagain.")


class _Unreadable(Dataset):
    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> torch.Tensor:
        raise ERROR


def _raiser(error: BaseException):
    def command() -> int:
        raise error

    return command


def test_status_of_the_command_is_kept():
    assert guarded(lambda: 7) == 7


def test_user_error_is_one_message(capsys):
    assert guarded(_raiser(ERROR)) == USER_ERROR
    assert capsys.readouterr().err == f"error: {ERROR}\n"


def test_user_error_from_a_loader_worker_is_the_same_message(capsys):
    def command() -> int:
        next(iter(DataLoader(_Unreadable(), num_workers=1)))
        return 0

    assert guarded(command) == USER_ERROR
    assert capsys.readouterr().err == f"error: {ERROR}\n"


def test_interrupt_is_130():
    assert guarded(_raiser(KeyboardInterrupt())) == INTERRUPTED


def test_interrupt_that_lightning_turned_into_an_exit_is_130():
    def command() -> int:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            raise SystemExit(1)  # noqa: B904  # as Lightning does

    assert guarded(command) == INTERRUPTED


@pytest.mark.parametrize("error", [RuntimeError("shapes differ"), ValueError("no"), ZeroDivisionError()])
def test_a_bug_keeps_its_traceback(error):
    with pytest.raises(type(error)):
        guarded(_raiser(error))


def test_exit_status_of_the_parser_is_kept():
    with pytest.raises(SystemExit, match=r"^3$"):
        guarded(_raiser(SystemExit(3)))


class _Text(Dataset):
    """Reads a file that cannot be read, in a loader's worker."""

    def __init__(self, error: OSError) -> None:
        self.error = error

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> torch.Tensor:
        raise self.error


def _said(error: BaseException, capsys, *arguments: str) -> str:
    assert guarded(_raiser(error), arguments) == USER_ERROR
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert "Traceback" not in err
    return err


def _os_error(number: int, *path: str) -> OSError:
    return OSError(number, os.strerror(number), *path)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EACCES, "found Permission denied; expected a folder that can be written to. Give another folder"),
        (errno.EPERM, "expected a folder that can be written to"),
        (errno.EROFS, "found Read-only file system; expected a folder that can be written to."),
        (errno.ENOSPC, "found No space left on device; expected room for what is written."),
        (errno.EDQUOT, "expected room for what is written"),
        (errno.ENAMETOOLONG, "found File name too long; expected file names of at most 255 bytes"),
        (errno.ELOOP, "Too many levels of symbolic links"),
        (errno.ENOENT, "No such file or directory"),
        (errno.EISDIR, "expected a file"),
        (errno.EEXIST, "move away what is there"),
        (errno.EIO, "Check the disk"),
        (errno.EMFILE, "ulimit -n"),
        (errno.ENOLCK, "expected a file system that has locks"),
    ],
)
def test_a_refusal_of_the_system_is_path_reason_and_next_step(number, words, capsys):
    err = _said(_os_error(number, "/there/x.png"), capsys)
    assert err.startswith("error: /there/x.png: found ")
    assert words in err


def test_the_option_that_gave_the_path_is_named(capsys):
    error = _os_error(errno.EROFS, "/there/out/overlays")
    assert "error: --out /there/out, /there/out/overlays: " in _said(error, capsys, "predict", "--out", "/there/out")
    assert "error: --out /there/out, " in _said(error, capsys, "--cwd", "/", "--out=/there/out", "--other", "/there")
    assert "error: --out /there/out/overlays: " in _said(error, capsys, "--out", "/there/out/overlays")
    assert "error: /there/out/overlays: " in _said(error, capsys, "predict", "/there/out/overlays")


def test_a_file_in_the_place_of_a_folder_is_named(tmp_path, capsys):
    (tmp_path / "file").touch()
    for make in (lambda: (tmp_path / "file" / "a" / "b").mkdir(parents=True), (tmp_path / "file").mkdir):
        with pytest.raises((FileExistsError, NotADirectoryError)) as caught:
            make()
        assert f"{tmp_path / 'file'} is no folder; expected a folder there" in _said(caught.value, capsys)


def test_a_device_in_the_place_of_a_folder_is_named(capsys):
    assert "/dev/null is no folder" in _said(_os_error(errno.ENOTDIR, "/dev/null/overlays"), capsys)


@pytest.mark.parametrize("form", ["{}", "--config={}"])
def test_a_text_file_in_another_encoding_is_named(form, tmp_path, capsys):
    path = tmp_path / "latin.yaml"
    path.write_bytes("root: café".encode("latin-1"))
    with pytest.raises(UnicodeDecodeError) as caught:
        path.read_text("utf-8")
    words = _said(caught.value, capsys, "fit", form.format(path))
    assert words.startswith(f"error: {path}: found byte 0xe9 at position 9; expected text in UTF-8.")
    with pytest.raises(UnicodeDecodeError):  # text from elsewhere: a fault in the code
        guarded(_raiser(caught.value), ["fit"])


def test_a_file_that_may_not_be_read_is_one_to_be_read(tmp_path, monkeypatch, capsys):
    path = tmp_path / "labels.json"
    path.touch()
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root reads everything
    assert "expected a file that can be read" in _said(_os_error(errno.EACCES, str(path)), capsys)


def test_a_full_disk_that_names_no_file_is_told_of(capsys):
    assert "No space left on device; expected room" in _said(_os_error(errno.ENOSPC), capsys)


def test_a_refusal_in_a_loaders_worker_keeps_its_path(capsys):
    def command() -> int:
        next(iter(DataLoader(_Text(_os_error(errno.EACCES, "/data/it's, a.png")), num_workers=1)))
        return 0

    assert guarded(command) == USER_ERROR
    assert capsys.readouterr().err.startswith("error: /data/it's, a.png: found Permission denied; expected ")


@pytest.mark.parametrize(
    "error",
    [
        OSError("cannot identify image file"),
        OSError(errno.EBADF, "Bad file descriptor"),
        OSError(errno.ENOENT, "No such file or directory"),  # of no file: a fault in the code
        FileNotFoundError(errno.ENOENT, "No such file", str(Path(handpose_core.__file__).parent / "gone.json")),
        BrokenPipeError(errno.EPIPE, "Broken pipe"),  # of another pipe than the output
        KeyError("epe"), TypeError("no"), AssertionError(),
    ],
)  # fmt: skip
def test_faults_in_the_code_keep_their_traceback(error):
    with pytest.raises(type(error)):
        guarded(_raiser(error))


def test_a_traceback_can_be_asked_for(monkeypatch):
    monkeypatch.setenv("HANDPOSE_TRACEBACK", "1")
    with pytest.raises(PermissionError):
        guarded(_raiser(_os_error(errno.EACCES, "/x")))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MisconfigurationException("`val_check_interval` is 9,\nbut"), "Lightning: found `val_check_interval` is 9"),
        (wandb.errors.UsageError("api_key not configured"), "WANDB_MODE=offline"),
        (wandb.errors.CommError("connection refused"), "found connection refused; expected a server that answers"),
        (wandb.errors.AuthenticationError("bad key"), "wandb login --relogin"),
        (MemoryError(), "smaller --data.batch_size"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB."), "smaller --data.batch_size"),
        (RuntimeError("[enforce] DefaultCPUAllocator: can't allocate memory: 9 bytes"), "smaller --data.batch_size"),
        (BrokenProcessPool("A process in the process pool was terminated abruptly while"), "fewer --data.num_workers"),
        (RuntimeError("unable to open shared memory object </torch_1_2> in read-write mode: No space"), "/dev/shm"),
        (RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed. "), "memory ran out"),
        (RuntimeError("DataLoader worker (pid 7) is killed by signal: Segmentation fault. "), "--data.num_workers 0"),
        (RuntimeError("received 0 items of ancdata"), "ulimit -n"),
        (RuntimeError("[enforce fail] PytorchStreamWriter failed writing file data/3: file write failed"), "room"),
        (SafetensorError('IoError(Os { code: 28, message: "No space left on device" })'), "room for what is written"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), "Check the connection"),
        (URLError("Temporary failure in name resolution"), "Check the connection"),
    ],
)  # fmt: skip
def test_refusals_of_libraries_name_the_next_step(error, words, capsys):
    assert words in _said(error, capsys)


def test_a_worker_without_shared_memory_names_it(capsys):
    """As torch's loader raises it: what it was told by the signal is the cause."""
    error = RuntimeError("DataLoader worker (pid(s) 7, 8) exited unexpectedly")
    error.__cause__ = RuntimeError(
        "DataLoader worker (pid 7) is killed by signal: Bus error. It is possible that dataloader's workers are out of "
        "shared memory. Please try to raise your shared memory limit."
    )
    err = _said(error, capsys)
    assert "/dev/shm" in err
    assert "--data.num_workers 0" in err


def _refuse(rank: int) -> None:
    raise ERROR


def test_an_error_of_a_process_of_several_is_the_same_message(capsys):
    def command() -> int:
        torch.multiprocessing.spawn(_refuse, nprocs=1)
        return 0

    assert guarded(command) == USER_ERROR
    assert capsys.readouterr().err == f"error: {ERROR}\n"


PRINTS = "import sys; from handpose_core.cli.guard import guarded; sys.exit(guarded(lambda: print({text}) or 0))"


@pytest.mark.parametrize("length", [1, 10**6])
def test_a_reader_that_goes_away_ends_a_command_quietly(length):
    code = PRINTS.format(text=f"'a' * {length}")
    with subprocess.Popen([sys.executable, "-c", code], stdout=PIPE, stderr=PIPE) as process:
        process.stdout.close()  # as `| head` does, here before anything is printed
        assert process.stderr.read() == b""
    assert process.returncode == READER_GONE


def test_a_full_disk_under_the_output_is_told_of():
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-c", PRINTS.format(text="'figures'")]
        done = subprocess.run(command, stdout=full, stderr=PIPE, encoding="utf-8")
    assert done.returncode == USER_ERROR
    assert done.stderr.startswith("error: a file or standard output: found No space left on device; expected room")
    assert done.stderr.count("\n") == 1

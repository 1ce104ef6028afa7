"""One process at a time in a folder, on POSIX systems and elsewhere."""

import subprocess
import sys
import time

import pytest

from handpose_core.errors import HandposeError
from handpose_core.training import lock

HOLD = "import sys, time; sys.stdin.read()"


@pytest.fixture(params=["posix", "portable"])
def system(request, monkeypatch):
    monkeypatch.setattr(lock, "_PATIENCE", 0.1)
    if request.param == "portable":
        monkeypatch.setattr(lock, "fcntl", None)
    return request.param


def test_a_held_folder_is_refused_and_free_again_afterwards(system, tmp_path):
    with lock.held(tmp_path), pytest.raises(HandposeError, match="a process at work in it"), lock.held(tmp_path):
        pass
    with lock.held(tmp_path) as arguments:
        assert isinstance(arguments, dict)


def test_a_child_started_with_the_arguments_goes_on_holding_it(tmp_path, monkeypatch):
    """As after a recipe was killed and its training lives on."""
    monkeypatch.setattr(lock, "_PATIENCE", 0.1)
    with lock.held(tmp_path) as arguments:
        child = subprocess.Popen([sys.executable, "-c", HOLD], stdin=subprocess.PIPE, **arguments)
    with pytest.raises(HandposeError), lock.held(tmp_path):
        pass
    child.communicate()
    monkeypatch.setattr(lock, "_PATIENCE", 15.0)
    started = time.monotonic()
    with lock.held(tmp_path):
        assert time.monotonic() - started < 15.0


def test_a_drive_without_locks_is_named(tmp_path, monkeypatch):
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(lock.fcntl, "flock", refuse)
    with pytest.raises(OSError, match="No locks available") as caught, lock.held(tmp_path):
        pass
    assert caught.value.filename == str(tmp_path)

"""The commit of the code that runs."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from handpose_core.io import commit
from handpose_core.io.commit import code_commit


@pytest.fixture(autouse=True)
def forget():
    code_commit.cache_clear()
    yield
    code_commit.cache_clear()


def git(folder: Path, *arguments: str) -> str:
    own = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", "-C", str(folder), *own, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_of_a_clone_its_head_and_whether_files_were_changed(tmp_path):
    file = tmp_path / "package" / "module.py"
    file.parent.mkdir()
    file.write_text("1")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    git(tmp_path, "tag", "v1")
    head = git(tmp_path, "rev-parse", "HEAD")
    assert code_commit("no-such-package", file) == head
    assert re.fullmatch("[0-9a-f]{40}", head)
    file.write_text("2")
    code_commit.cache_clear()
    assert code_commit("no-such-package", file) == f"{head}-dirty"


def test_a_package_installed_inside_another_repository_is_not_of_its_commit(tmp_path):
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "of somebody else")
    file = tmp_path / "site-packages" / "module.py"
    file.parent.mkdir()
    file.write_text("1")
    assert code_commit("no-such-package", file) is None


def test_of_a_package_from_a_repository_what_pip_keeps(tmp_path, monkeypatch):
    class Installed:
        def read_text(self, name):
            return json.dumps({"url": "u", "vcs_info": {"vcs": "git", "commit_id": "abc"}})

    monkeypatch.setattr(commit, "distribution", lambda name: Installed())
    assert code_commit("handpose-core", tmp_path / "module.py") == "abc"


def test_without_git_nothing_is_known(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert code_commit("no-such-package", Path(__file__)) is None

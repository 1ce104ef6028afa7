"""The commit of the code that runs, to be recorded with results."""

import json
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from handpose_core import DATA_VERSION

_PATIENCE = 10.0  # s
_OF_INSTALLATION = "direct_url.json"
"""What pip keeps of a package that it installed from a repository (PEP 610)."""


@cache
def code_commit(package: str = "handpose-core", file: Path = Path(__file__)) -> str | None:
    """Find the commit that a package's code is of.

    Args:
        package: The distribution's name.
        file: One of its files, which is under version control where the package runs from a clone.

    Returns:
        The hash, with ``-dirty`` behind it where tracked files of the clone were changed; None where it is not known,
        as of a package from an index.
    """
    return _of_clone(file) or _of_installation(package)


def code_record() -> dict[str, str | None]:
    """Return what every results file records of the code that made it.

    Returns:
        ``commit`` (see `code_commit`), and ``data_version``, that of the data this code generates.
    """
    return {"commit": code_commit(), "data_version": DATA_VERSION}


def _of_clone(file: Path) -> str | None:
    if _git(file.parent, "ls-files", "--error-unmatch", file.name) is None:  # no clone, or one of something else
        return None
    return _git(file.parent, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")


def _git(folder: Path, *arguments: str) -> str | None:
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="replace", timeout=_PATIENCE, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def _of_installation(package: str) -> str | None:
    try:
        text = distribution(package).read_text(_OF_INSTALLATION)
    except PackageNotFoundError:
        return None
    commit = json.loads(text or "{}").get("vcs_info", {}).get("commit_id")
    return str(commit) if commit else None

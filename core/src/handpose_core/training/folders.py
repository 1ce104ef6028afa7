"""Names of run folders that nothing else has taken."""

from datetime import datetime
from itertools import chain, count
from pathlib import Path


def new_run_dir(root: Path, method: str, name: str) -> Path:
    """A folder that does not exist yet, ``<root>/<method>/<name>/<date_time>``; it is not created."""
    return unused(root / method / name / datetime.now().strftime("%Y-%m-%d_%H-%M-%S"))


def unused(folder: Path) -> Path:
    """The folder, or the first of ``<folder>_2``, ``<folder>_3``, ... that does not exist."""
    numbered = (folder.with_name(f"{folder.name}_{number}") for number in count(2))
    return next(path for path in chain([folder], numbered) if not path.exists())

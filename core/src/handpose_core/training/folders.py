"""Run folders: each is claimed by one run, and all processes of a distributed run share it."""

import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from handpose_core.io import atomic

_RUN_DIR, _STAGE_DIR = "HANDPOSE_RUN_DIR", "HANDPOSE_STAGE_DIR"
"""Environment variables by which the processes that Lightning starts for further devices get the folders."""


def new_run_dir(root: Path, method: str, name: str) -> Path:
    """Make the folder ``<root>/<method>/<name>/<date_time>``, or one with a number appended where that is taken.

    Args:
        root: the folder of all runs.
        method: the method's name.
        name: the name of the recipe or dataset.

    Returns:
        The folder, which no other process gets.

    Raises:
        OSError: it cannot be made.
    """
    return atomic.claim_folder(root / method / name / datetime.now().strftime("%Y-%m-%d_%H-%M-%S"))


class RunFolders:
    """The folders of one ``fit``, ``validate``, ``test`` or ``predict``.

    The first process of a run makes them; the others, which Lightning starts after it, get them by the environment.
    Processes that something else starts (``torchrun``, ``srun``) write nothing but through the first.

    Args:
        run_dir: the run's folder; None makes a new one.
        root: the folder of all runs, for a new one.
        method: the method's name.
        name: the name of the recipe or dataset.
        subcommand: names the folder within the run's: ``fit``, ``fit_2``, ...
        is_first: whether this is the run's first process, of rank 0.

    Attributes:
        run_dir: the run's folder.
        stage_dir: the folder of this subcommand, within the run's.

    Raises:
        OSError: a folder cannot be made.
    """

    def __init__(
        self, run_dir: Path | None, root: Path, method: str, name: str, subcommand: str, is_first: bool
    ) -> None:
        self._made: list[Path] = []
        if is_first:
            self.run_dir = run_dir or new_run_dir(root, method, name)
            self._made += [] if run_dir else [self.run_dir]
            self.stage_dir = atomic.claim_folder(self.run_dir / subcommand)
            self._made.append(self.stage_dir)
            os.environ |= {_RUN_DIR: str(self.run_dir), _STAGE_DIR: str(self.stage_dir)}
        else:
            self.run_dir = Path(os.environ.get(_RUN_DIR) or run_dir or root / method / name)
            self.stage_dir = Path(os.environ.get(_STAGE_DIR) or self.run_dir / subcommand)

    def release(self) -> None:
        """End the claim: remove the folders that were made and are still empty."""
        for folder in reversed(self._made):
            discard_empty(folder)
        if self._made:
            for name in (_RUN_DIR, _STAGE_DIR):
                os.environ.pop(name, None)


def discard_empty(folder: Path) -> None:
    """Remove a folder if it is empty."""
    with suppress(OSError):
        folder.rmdir()

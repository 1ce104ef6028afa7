from collections.abc import Callable
from pathlib import Path

import pytest

from handpose_core.cli.data import main


@pytest.fixture
def prepare() -> Callable[..., int]:
    """Runs ``handpose data prepare`` with one process, for small crops."""

    def run(root: Path, out: Path, *options: str, size: int = 96) -> int:
        return main(["prepare", str(root), str(out), "--workers=1", f"--data.image_size={size}", *options])

    return run

"""Small synthetic datasets in RHD's and STB's own layouts, and what to do to a copy of them."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from handpose_core.synth.generate import Recipe, generate
from handpose_core.synth.twins import TWINS


def _made(root: Path, like: str, part: str, frames: int) -> Path:
    for _ in generate(TWINS[like](Recipe(like, "target", 0, None)), root, part, frames, 1):
        pass
    return root


@pytest.fixture(scope="session")
def clean_rhd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _made(tmp_path_factory.mktemp("clean_rhd"), "rhd", "evaluation", 12)


@pytest.fixture(scope="session")
def clean_stb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _made(tmp_path_factory.mktemp("clean_stb"), "stb", "B1Counting", 5)


@pytest.fixture
def copy_of(tmp_path: Path) -> Callable[[Path], Path]:
    """A copy to spoil, which stands for the authors' data: they have no checksums to be compared with."""

    def copy(root: Path) -> Path:
        return Path(shutil.copytree(root, tmp_path / root.name, ignore=shutil.ignore_patterns("synth.json")))

    return copy

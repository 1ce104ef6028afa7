"""Checksums of synthetic data: of every file, once, and the same ones from the same seed."""

import hashlib

import pytest

from handpose_core.synth.frozen import freeze
from handpose_core.synth.generate import Recipe
from handpose_core.synth.twins import TWINS

PARTS = {
    "rhd": ("training", "evaluation"),
    "stb": ("B1Counting",),
    "mhp": ("data_1", "data_10"),  # names of which one begins with the other
    "freihand": ("training", "evaluation"),
    "cmu-ps": ("manual_train", "manual_test"),
}


def made(root, like, parts, seed=0):
    """One frame of each part, made in this process; the checksum of each part's list."""
    twin = TWINS[like](Recipe(like, "target", seed))
    for part in parts:
        annotations = twin.make(root, part, (0,))
        twin.finish(root, part, annotations)
    return {part: freeze(root, part, twin.patterns(part)) for part in parts}


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("like", TWINS)
def test_every_file_is_in_one_list(like, tmp_path):
    checksums = made(tmp_path, like, PARTS[like])
    files = {path for path in tmp_path.rglob("*") if path.is_file()} - set((tmp_path / "checksums").iterdir())
    lines = []
    for part in PARTS[like]:
        path = tmp_path / "checksums" / f"{part}.sha256"
        assert checksums[part] == sha256(path)
        lines += path.read_text().splitlines()
    assert sorted(lines) == sorted(f"{sha256(path)}  {path.relative_to(tmp_path).as_posix()}" for path in files)


def test_a_seed_decides_the_checksums(tmp_path):
    first = made(tmp_path / "first", "rhd", ["training"])
    assert made(tmp_path / "again", "rhd", ["training"]) == first
    assert made(tmp_path / "other", "rhd", ["training"], seed=1) != first

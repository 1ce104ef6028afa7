"""Checkpoints on full disks and without a usable temporary folder."""

import tempfile
from pathlib import Path

import pytest
import torch

from handpose_core.errors import HandposeError
from handpose_core.io import atomic
from handpose_core.io.checkpoint_io import StagedCheckpointIO

CHECKPOINT = {"state_dict": {"weight": torch.arange(1000.0)}}


def test_a_checkpoint_needs_no_temporary_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    path = tmp_path / "checkpoints" / "last.ckpt"
    StagedCheckpointIO().save_checkpoint(CHECKPOINT, path)
    assert torch.equal(torch.load(path, weights_only=True)["state_dict"]["weight"], torch.arange(1000.0))
    assert list(path.parent.iterdir()) == [path]


def _half(self, content):
    with self.open("wb") as file:
        file.write(bytes(content)[: len(content) // 2])
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    ("where", "name", "fails"),
    [(Path, "write_bytes", _half), (atomic.os, "fsync", lambda descriptor: _half(Path("/dev/null"), b""))],
    ids=["write", "sync"],
)
def test_on_a_full_disk_the_earlier_checkpoint_stays_whole(tmp_path, monkeypatch, where, name, fails):
    path = tmp_path / "last.ckpt"
    StagedCheckpointIO().save_checkpoint(CHECKPOINT, path)
    before = path.read_bytes()
    monkeypatch.setattr(where, name, fails)
    with pytest.raises(HandposeError, match="No space left on device") as raised:
        StagedCheckpointIO().save_checkpoint({"epoch": 2, **CHECKPOINT}, path)
    assert raised.value.where == str(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_storage_options_are_refused(tmp_path):
    with pytest.raises(TypeError, match="storage_options"):
        StagedCheckpointIO().save_checkpoint(CHECKPOINT, tmp_path / "last.ckpt", {"any": 1})

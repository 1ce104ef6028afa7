"""Files that appear whole or not at all; folders that one process makes."""

import errno
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from handpose_core.io import atomic


def test_an_error_while_writing_leaves_the_earlier_file_and_nothing_beside_it(tmp_path):
    target = tmp_path / "numbers.json"
    atomic.write_text(target, "1")

    def write_half() -> None:
        with atomic.staged(target) as temporary:
            temporary.write_text("2, cut o")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert target.read_text() == "1"
    assert list(tmp_path.iterdir()) == [target]


def test_a_staged_file_has_its_name_only_once_it_is_whole(tmp_path):
    target = tmp_path / "new" / "clip.mp4"
    with atomic.staged(target, ".mp4") as temporary:
        assert temporary.parent == target.parent
        assert temporary.suffix == ".mp4"
        temporary.write_bytes(b"whole")
        assert not target.exists()
    assert target.read_bytes() == b"whole"
    assert list(target.parent.iterdir()) == [target]


def test_a_disk_that_fills_up_on_sync_leaves_the_earlier_file(tmp_path, monkeypatch):
    target = tmp_path / "last.ckpt"
    atomic.write_bytes(target, b"before")
    monkeypatch.setattr(atomic.os, "fsync", lambda descriptor: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(OSError, match="No space left"):
        atomic.write_bytes(target, b"after")
    assert target.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("kept", ["/dev/null", "/dev/full"])
def test_a_device_is_written_to_and_never_replaced(kept):
    """Before, root's ``--json /dev/null`` put a regular file in its place."""
    link = Path(kept)
    with suppress(OSError):  # a full device takes nothing
        atomic.write_text(link, "{}")
    assert link.is_char_device()


def test_an_error_names_the_target(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError) as caught:
        atomic.write_text(tmp_path / "folder", "1")
    assert caught.value.filename == str(tmp_path / "folder")
    with pytest.raises(OSError, match="No space left") as full:
        atomic.write_text(Path("/dev/full"), "1")
    assert full.value.filename == "/dev/full"  # the system's own names no file


def test_of_many_claims_at_the_same_moment_each_gets_a_folder_of_its_own(tmp_path):
    with ThreadPoolExecutor(16) as pool:
        claimed = list(pool.map(atomic.claim_folder, [tmp_path / "run"] * 64))
    assert len(set(claimed)) == 64
    assert set(claimed) == {tmp_path / "run", *(tmp_path / f"run_{number}" for number in range(2, 65))}


def test_an_error_names_the_target_where_nothing_can_be_removed_either(tmp_path, monkeypatch):
    """As on a read-only disk, where making and removing the temporary file fail."""

    def refused(path, *_, **__):
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    for method in ("touch", "unlink"):
        monkeypatch.setattr(Path, method, refused)
    with pytest.raises(OSError, match="Read-only") as caught:
        atomic.write_bytes(tmp_path / "a.bin", b"new")
    assert caught.value.filename == str(tmp_path / "a.bin")

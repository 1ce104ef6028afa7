"""Nothing that a user gave is written over: single output files, and folders of outputs."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from handpose_core.errors import HandposeError
from handpose_core.io.outputs import OutputFolder, check_new_file


def test_an_existing_file_is_refused_unless_overwriting_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "out.onnx"
    check_new_file(path)
    path.write_bytes(b"mine")
    with pytest.raises(HandposeError, match=r"OUT .*out\.onnx: found a file that exists; .*--overwrite"):
        check_new_file(path, option="OUT")
    check_new_file(path, overwrite=True)


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_an_input_is_refused_even_then_whatever_its_name(tmp_path: Path, link: Callable[[Path, Path], None]) -> None:
    given = tmp_path / "mine.ckpt"
    given.write_bytes(b"mine")
    link(given, tmp_path / "other")
    for path in (given, tmp_path / "other", tmp_path / "." / "mine.ckpt"):
        with pytest.raises(HandposeError, match="an input of this command"):
            check_new_file(path, [tmp_path / "missing", given], overwrite=True)


def test_dangling_links_folders_and_files_in_place_of_folders_are_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    for path, found in ((tmp_path / "link", "exists"), (tmp_path, "a folder"), (tmp_path / "file/out", "a file at")):
        with pytest.raises(HandposeError, match=found):
            check_new_file(path)


def run(folder: Path, names: dict[str, bytes], inputs: Sequence[Path] = ()) -> list[str]:
    """One run of a command that writes some files; its notes."""
    with OutputFolder(folder, "--out", "tests", inputs) as out:
        out.check(names)
        for name, content in names.items():
            with out.new(name) as path:
                path.write_bytes(content)
        return out.notes


def test_a_later_run_removes_what_the_earlier_one_wrote_and_nothing_else(tmp_path: Path) -> None:
    assert run(tmp_path, {"hands.json": b"1", "overlays/a.png": b"1"}) == []
    (tmp_path / "overlays" / "mine.png").write_bytes(b"mine")
    assert run(tmp_path, {"hands.json": b"2", "b.mp4": b"2"}) == [
        f"--out {tmp_path}: removed 2 files (hands.json, overlays/a.png) of an earlier run"
    ]
    assert (tmp_path / "hands.json").read_bytes() == b"2"
    assert [path.name for path in (tmp_path / "overlays").iterdir()] == ["mine.png"]


def test_files_of_somebody_else_are_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "hands.json").write_bytes(b"mine")
    (tmp_path / "b.mp4").symlink_to(tmp_path / "nowhere")
    with pytest.raises(HandposeError, match=r"found 2 files \(hands.json, b.mp4\) that no earlier run wrote"):
        run(tmp_path, {"hands.json": b"1", "b.mp4": b"1"})
    assert (tmp_path / "hands.json").read_bytes() == b"mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.mp4", "hands.json"]


@pytest.mark.parametrize("content", [b"2", b"longer"])
def test_an_output_that_was_changed_since_is_refused_or_left(tmp_path: Path, content: bytes) -> None:
    run(tmp_path, {"hands.json": b"1", "notes.txt": b"1"})
    (tmp_path / "notes.txt").write_bytes(content)
    with pytest.raises(HandposeError, match="changed since"):
        run(tmp_path, {"notes.txt": b"3"})
    assert "left 1 file (notes.txt)" in run(tmp_path, {"hands.json": b"3"})[1]
    assert (tmp_path / "notes.txt").read_bytes() == content


def test_a_copy_of_the_outputs_counts_by_its_content(tmp_path: Path) -> None:
    run(tmp_path / "one", {"hands.json": b"1"})
    shutil.copytree(tmp_path / "one", tmp_path / "two", copy_function=shutil.copyfile)
    os.utime(tmp_path / "two" / "hands.json", (1, 1))
    assert "removed 1 file" in run(tmp_path / "two", {"hands.json": b"2"})[0]


def test_inputs_are_refused_under_any_name_and_even_as_outputs_of_an_earlier_run(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"mine")
    os.link(tmp_path / "clip.mp4", tmp_path / "linked.mp4")
    for name in ("clip.mp4", "linked.mp4"):
        with pytest.raises(HandposeError, match="an input of this command"):
            run(tmp_path, {name: b"1"}, [tmp_path / "clip.mp4"])
    run(tmp_path / "out", {"clip.mp4": b"1"})
    with pytest.raises(HandposeError, match="an input of this command"):
        run(tmp_path / "out", {"hands.json": b"2"}, [tmp_path / "out" / "clip.mp4"])
    assert (tmp_path / "out" / "clip.mp4").read_bytes() == b"1"


def test_the_folder_of_the_inputs_takes_no_outputs(tmp_path: Path) -> None:
    (tmp_path / "overlays").mkdir()
    with pytest.raises(HandposeError, match="overlays, an input of this command"):
        run(tmp_path, {"overlays/a.heic.png": b"1"}, [tmp_path / "overlays"])
    run(tmp_path / "overlays", {"hands.json": b"1"}, [tmp_path / "overlays"])


def test_two_runs_at_a_time_are_refused(tmp_path: Path) -> None:
    with (
        OutputFolder(tmp_path, "--out", "one", []),
        pytest.raises(HandposeError, match="another run that writes to it at this moment"),
    ):
        run(tmp_path, {"hands.json": b"1"})
    run(tmp_path, {"hands.json": b"1"})


def test_what_a_killed_run_wrote_is_on_the_list(tmp_path: Path) -> None:
    code = f"""
import os, signal, pathlib
from handpose_core.io.outputs import OutputFolder
with OutputFolder(pathlib.Path({str(tmp_path)!r}), "--out", "tests", []) as out:
    with out.new("overlays/a.png") as path:
        path.write_bytes(b"1")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    assert "removed 1 file (overlays/a.png)" in run(tmp_path, {"overlays/a.png": b"2"})[0]


def test_a_run_that_writes_nothing_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(HandposeError), OutputFolder(tmp_path / "new" / "out", "--out", "tests", []):
        raise HandposeError("model")
    assert list(tmp_path.iterdir()) == []


def test_a_list_that_names_files_elsewhere_is_not_believed(tmp_path: Path) -> None:
    run(tmp_path / "out", {"hands.json": b"1"})
    (tmp_path / "mine").write_bytes(b"1")
    listed = tmp_path / "out" / ".handpose" / "outputs.jsonl"
    listed.write_text(listed.read_text() + listed.read_text().replace("hands.json", "../mine") + "cut o")
    run(tmp_path / "out", {"hands.json": b"2"})
    assert (tmp_path / "mine").is_file()


def test_two_outputs_of_one_name_and_files_in_place_of_folders_are_refused(tmp_path: Path) -> None:
    with OutputFolder(tmp_path, "--out", "tests", []) as out:
        with pytest.raises(HandposeError, match=r"two outputs named a\.png"):
            out.check(["a.png", "a.png"])
        (tmp_path / "overlays").write_bytes(b"mine")
        with pytest.raises(HandposeError, match=r"a file at .*overlays"):
            out.check(["overlays/a.png"])
    with pytest.raises(HandposeError, match="a file at"), OutputFolder(tmp_path / "overlays", "--out", "tests", []):
        pass

"""Single output files: nothing that exists is written over unasked, inputs never."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from handpose_core.errors import HandposeError
from handpose_core.io.outputs import check_new_file


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

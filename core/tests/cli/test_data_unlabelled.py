"""``handpose data people`` and ``data things`` say what is missing before they begin."""

import sys

import pytest

from handpose_core.cli.data import main
from handpose_core.errors import HandposeError


def test_without_anny_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "anny", None)
    with pytest.raises(HandposeError, match="pip install anny"):
        main(["people", str(tmp_path / "people"), "--count", "2"])
    assert not (tmp_path / "people").exists()


@pytest.mark.parametrize("of", ["people", "things"])
def test_an_empty_folder_of_backgrounds_is_refused(tmp_path, of):
    (tmp_path / "pictures").mkdir()
    with pytest.raises(HandposeError, match="no picture"):
        main([of, str(tmp_path / "made"), "--count", "2", "--backgrounds", str(tmp_path / "pictures")])
    assert not (tmp_path / "made").exists()


def test_help_lists_them(capsys):
    assert main(["--help"]) == 0
    listed = capsys.readouterr().out
    assert "pictures of people" in listed
    assert "pictures of things" in listed


@pytest.mark.parametrize("size", ["1", "99999999999"])
def test_sizes_that_cannot_be_made_are_refused_at_once(tmp_path, size, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["things", str(tmp_path / "made"), "--count", "1", "--size", size])
    assert caught.value.code == 2
    assert "expected 32 to 4096 px" in capsys.readouterr().err

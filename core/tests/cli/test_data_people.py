"""``handpose data people`` says what is missing before it begins."""

import sys

import pytest

from handpose_core.cli.data import main
from handpose_core.errors import HandposeError


def test_without_anny_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "anny", None)
    with pytest.raises(HandposeError, match="pip install anny"):
        main(["people", str(tmp_path / "people"), "--count", "2"])
    assert not (tmp_path / "people").exists()


def test_an_empty_folder_of_backgrounds_is_refused(tmp_path):
    (tmp_path / "pictures").mkdir()
    with pytest.raises(HandposeError, match="no picture"):
        main(["people", str(tmp_path / "people"), "--count", "2", "--backgrounds", str(tmp_path / "pictures")])


def test_help_lists_it(capsys):
    assert main(["--help"]) == 0
    assert "pictures of people" in capsys.readouterr().out

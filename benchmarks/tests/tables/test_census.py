"""Table 5.1: generated data counted from its manifest, beside what was printed."""

import json

import pytest

from handpose_benchmarks.cli import main
from handpose_core.errors import HandposeError

MANIFEST = {
    "recipe": {"views": 8, "shard": 64, "size": 128},
    "groups": {"train": 3, "test": 1},
    "wanted": {"train": 3, "test": 1},
    "images": {"train": 1224, "test": 16},
    "checksums": {},
}


def test_a_generated_set_stands_beside_the_published_ones(tmp_path, capsys):
    root = tmp_path / "hands"
    root.mkdir()
    (root / "mvhm.json").write_text(json.dumps(MANIFEST))
    assert main(["table", "5.1", "--data", f"mvhm={root}", "--out", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "| **MVHM in hands** | yes | yes | synthetic | 128×128 | exact | 1,240 | yes | exact |" in shown
    assert "| RHP | yes | yes | synthetic | 320×320 |" in shown
    assert (tmp_path / "table_5_1.md").read_text() == shown
    kept = json.loads((tmp_path / "table_5_1.json").read_text())
    assert kept["measured"]["size"] == "1,240"
    assert kept["printed"]["STB"]["resolution"] == [640, 480]


def test_an_unfinished_set_is_not_counted(tmp_path):
    unfinished = {**MANIFEST, "images": {"train": 1224}}
    (tmp_path / "mvhm.json").write_text(json.dumps(unfinished))
    with pytest.raises(HandposeError, match="unfinished splits: test"):
        main(["table", "5.1", "--data", f"mvhm={tmp_path}", "--out", str(tmp_path)])


def test_only_generated_sets_are_counted(tmp_path):
    with pytest.raises(HandposeError, match="found 'twins'"):
        main(["table", "5.1", "--out", str(tmp_path)])

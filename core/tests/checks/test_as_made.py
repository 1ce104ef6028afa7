"""Synthetic data against the checksums in their manifest."""

import json
import shutil

import pytest

from handpose_core.checks.report import check
from handpose_core.checks.verdict import Status
from handpose_core.cli.data import main
from handpose_core.synth.generate import Recipe, generate
from handpose_core.synth.twins import TWINS


def as_made(root):
    return next(f.verdict for f in check(root, 2).findings if f.check == "as made")


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.fixture
def root(clean_rhd, tmp_path):
    return shutil.copytree(clean_rhd, tmp_path / "rhd")


def test_untouched_data_are_those_that_were_made(clean_rhd):
    verdict = as_made(clean_rhd)
    assert verdict.status == Status.OK
    assert verdict.seen.startswith("37 files are those that were made (world target, seed 0")


@pytest.mark.parametrize("name", ["depth/00005.png", "anno_evaluation.pickle"])
def test_a_changed_byte_is_found(root, name, tmp_path, capsys):
    flip_a_bit(root / "evaluation" / name)
    assert main(["check", str(root), "--json", "--pictures", str(tmp_path / "pictures")]) == 1
    found = {f["check"]: f for f in json.loads(capsys.readouterr().out)["findings"]}["as made"]
    assert found["status"] == "wrong"
    assert f"evaluation/{name}" in found["seen"]
    assert "1 changed" in found["seen"]
    assert found["fix"].startswith("Remove the changed files, and run `handpose data synth` again")


def test_doing_what_is_said_gives_the_same_data_again(root):
    manifest = (root / "synth.json").read_text()
    for name in ("color/00001.png", "anno_evaluation.pickle"):
        flip_a_bit(root / "evaluation" / name)
        (root / "evaluation" / name).unlink()
        for _ in generate(TWINS["rhd"](Recipe("rhd", "target", 0)), root, "evaluation", 12, 1):
            pass
        assert as_made(root).status == Status.OK
        assert (root / "synth.json").read_text() == manifest


def test_missing_and_added_files_are_named(root):
    (root / "evaluation" / "mask" / "00007.png").unlink()
    (root / "training").mkdir()
    (root / "training" / "notes.txt").write_text("mine")
    (root / ".hidden").write_text("nobody's")
    verdict = as_made(root)
    assert verdict.status == Status.WRONG
    assert "not the 37 files" in verdict.seen
    assert "1 missing: evaluation/mask/00007.png" in verdict.seen
    assert "1 added: " in verdict.seen
    assert "training/notes.txt" in verdict.seen
    assert "changed" not in verdict.seen
    assert verdict.fix.startswith("Remove the added files, and run")


@pytest.mark.parametrize("spoil", [flip_a_bit, lambda path: path.unlink()])
def test_a_list_that_is_not_the_one_made_is_named(root, spoil):
    spoil(root / "checksums" / "evaluation.sha256")
    verdict = as_made(root)
    assert verdict.status == Status.WRONG
    assert "checksums/evaluation.sha256" in verdict.seen


@pytest.mark.parametrize("content", ["{", "[]", '{"checksums": 3}'])
def test_a_damaged_manifest_is_named(root, content):
    (root / "synth.json").write_text(content)
    verdict = as_made(root)
    assert verdict.status == Status.WRONG
    assert "synth.json: a file" in verdict.seen


def test_unfinished_data_and_data_without_checksums_are_warnings(root):
    (root / ".parts").mkdir()
    (root / "training").mkdir()
    (root / "training" / "00000.png").write_bytes(b"so far")
    assert as_made(root).status == Status.WARNING
    manifest = json.loads((root / "synth.json").read_text())
    del manifest["checksums"]
    (root / "synth.json").write_text(json.dumps(manifest))
    assert "no checksums of evaluation" in as_made(root).seen


def test_other_data_have_nothing_to_compare(rhd_root):
    assert "as made" not in {finding.check for finding in check(rhd_root, 2).findings}

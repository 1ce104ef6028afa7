"""Synthetic datasets on disk: the real reader reads them, a kill costs nothing, other options are refused."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from handpose_core.camera import project
from handpose_core.cli.main import main
from handpose_core.datasets.rhd import RHD

FRAMES = 40


def digest(root):
    """Every file of a dataset with its content's hash."""
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def synth(root, *options):
    return ["data", "synth", "--like", "rhd", "--frames", str(FRAMES), "--split", "training", *options, str(root)]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("synth") / "data"
    assert main(synth(root, "--workers", "2")) == 0
    return root


def test_the_real_reader_reads_it(made):
    dataset = RHD(made, "training")
    assert len(dataset) == FRAMES
    assert dataset.has_depth
    sides = set()
    for index in range(0, FRAMES, 7):
        sample = dataset[index]
        assert (project(sample["joints_3d"], sample["K"]) - sample["joints_2d"]).abs().max() < 0.01
        assert sample["mask"].any()
        hand = sample["depth"][sample["mask"]]
        near, far = sample["joints_3d"][:, 2].min() - 40, sample["joints_3d"][:, 2].max() + 40
        assert near < hand.min()
        assert hand.max() < far
        sides.add(int(sample["side"]))
    assert sides == {0, 1}


def test_both_hand_rules_choose_the_hand_that_is_there(made):
    by_mask, by_joints = RHD(made, "training"), RHD(made, "training", hand_rule="visible_joints")
    assert all(by_mask[i]["side"] == by_joints[i]["side"] for i in range(0, FRAMES, 5))


def test_killed_and_run_again_gives_the_same_bits(made, tmp_path):
    root = tmp_path / "data"
    command = [sys.executable, "-m", "handpose_core.cli.main", *synth(root, "--workers", "1")]
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.time() + 120
    while len(list(root.glob(".parts/training/*.npz"))) < 1 and time.time() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (root / "training" / "anno_training.pickle").exists()
    assert main(synth(root)) == 0
    leftovers = [path for path in root.rglob("*") if path.suffix == ".tmp"]
    for path in leftovers:
        path.unlink()
    assert digest(root) == digest(made)


def test_run_again_does_nothing(made):
    before = {path: path.stat().st_mtime_ns for path in made.rglob("*")}
    assert main(synth(made)) == 0
    assert {path: path.stat().st_mtime_ns for path in made.rglob("*")} == before


def test_manifest_names_what_the_frames_depend_on(made):
    manifest = json.loads((made / "synth.json").read_text())
    assert manifest["world"] == "source"
    assert manifest["seed"] == 0
    assert manifest["frames"] == {"training": FRAMES}
    assert manifest["checksums"] == {"training": digest(made)["checksums/training.sha256"]}
    frozen = dict(line.split("  ")[::-1] for line in (made / "checksums" / "training.sha256").read_text().splitlines())
    assert frozen == {name: checksum for name, checksum in digest(made).items() if name.startswith("training/")}


def test_other_options_in_the_same_folder_are_refused(made, capsys):
    assert main(synth(made, "--seed", "1")) == 2
    message = capsys.readouterr().err
    assert "seed = 0" in message
    assert "seed = 1" in message


def test_a_folder_with_other_files_is_refused(tmp_path, capsys):
    (tmp_path / "thesis.txt").write_text("chapter 1")
    assert main(synth(tmp_path)) == 2
    assert str(tmp_path) in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_empty_folder_of_backgrounds_is_refused(tmp_path, capsys):
    (tmp_path / "pictures").mkdir()
    assert main(synth(tmp_path / "data", "--backgrounds", str(tmp_path / "pictures"))) == 2
    assert "no picture" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()

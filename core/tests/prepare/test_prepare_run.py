"""``handpose data prepare`` through kills, full disks and damaged files."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from handpose_core.cli.data import main
from handpose_core.datamodules.prepared import PreparedDataModule
from handpose_core.datamodules.rhd import RHDDataModule
from handpose_core.datasets.detect import LAYOUTS
from handpose_core.datasets.prepared import Prepared
from handpose_core.errors import HandposeError
from handpose_core.io.checksums import file_checksum
from handpose_core.prepare.manifest import MANIFEST, Recipe, read_manifest
from handpose_core.prepare.run import prepare as prepare_part
from handpose_core.training.data_names import known_datamodules


def files(out):
    return {path.relative_to(out): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


def run_parts(root, out, parts=("train",), shard=2, workers=1, quality=95):
    data = RHDDataModule(str(root), image_size=64, val_fraction=0.25)
    recipe = Recipe("RHD", {"root": str(root)}, 64, 1.5, 1.5, quality, shard)
    return [list(prepare_part(data, out, part, recipe, workers)) for part in parts]


@pytest.fixture
def out(rhd_root, tmp_path):
    """The training part in shards of two."""
    (progress,) = run_parts(rhd_root, tmp_path / "out")
    assert progress[0] == (0, 9)
    assert progress[-1] == (9, 9)
    return tmp_path / "out"


def test_two_processes_make_the_same_files_as_one(rhd_root, tmp_path, out):
    run_parts(rhd_root, tmp_path / "two", workers=2)
    assert files(tmp_path / "two") == files(out)


def test_the_manifest_says_what_is_there(rhd_root, out):
    manifest = json.loads((out / MANIFEST).read_text())
    assert manifest["recipe"]["options"] == {"root": str(rhd_root)}
    assert set(manifest["libraries"]) == {"numpy", "opencv-python-headless"}
    shards = manifest["parts"]["train"]["shards"]
    assert [shard["samples"] for shard in shards] == [2, 2, 2, 2, 1]
    for shard in shards:
        for name, (size, _) in shard["files"].items():
            assert (out / "train" / shard["name"] / name).stat().st_size == size


KILLED = """
import sys
from pathlib import Path
from core.tests.prepare import test_prepare_run as test
if __name__ == "__main__":
    test.run_parts(Path(sys.argv[1]), Path(sys.argv[2]), shard=1)
"""


def test_a_killed_run_goes_on_where_it_stopped(rhd_root, tmp_path):
    out, script = tmp_path / "out", tmp_path / "killed.py"
    script.write_text(KILLED)
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    process = subprocess.Popen(
        [sys.executable, str(script), str(rhd_root), str(out)], start_new_session=True, env=environment
    )
    deadline = time.monotonic() + 240
    while not (out / "train" / "0000001").is_dir() and time.monotonic() < deadline:
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    made = {path: path.stat().st_mtime_ns for path in (out / "train").glob("0*/shard.json")}
    assert made
    if "train" not in json.loads((out / MANIFEST).read_text())["parts"]:
        with pytest.raises(HandposeError, match=r"not finished; finished: none.*again"):
            Prepared(out, "train")
    (out / "train" / ".0000008.1.tmp").mkdir()
    run_parts(rhd_root, out, shard=1)
    assert {path: path.stat().st_mtime_ns for path in made} == made
    assert not list((out / "train").glob(".*"))
    run_parts(rhd_root, tmp_path / "whole", shard=1)
    assert files(out) == files(tmp_path / "whole")


def test_what_is_finished_is_left_alone_and_what_is_damaged_made_anew(rhd_root, out):
    before = files(out)
    times = {path: (out / path).stat().st_mtime_ns for path in before}
    damaged = out / "train" / "0000002" / "image.npy"
    content = bytearray(damaged.read_bytes())
    content[-20] ^= 1
    damaged.write_bytes(content)
    run_parts(rhd_root, out)
    assert files(out) == before
    changed = {path.parent.name for path in before if (out / path).stat().st_mtime_ns != times[path]}
    assert changed == {"", "0000002"}  # the manifest is in ""


@pytest.mark.parametrize("spoil", ["cut", "removed", "longer"])
def test_a_damaged_shard_is_named(out, spoil):
    path = out / "train" / "0000004" / "image.npy"
    content = path.read_bytes()
    path.unlink() if spoil == "removed" else path.write_bytes(content[:-9] if spoil == "cut" else content + b"x")
    with pytest.raises(HandposeError, match=r"train/0000004/image\.npy: found .*expected \d+ bytes.*prepare"):
        Prepared(out, "train")


def test_a_picture_that_does_not_decode_is_named(out):
    path = out / "train" / "0000004" / "image.npy"
    columns = np.load(path)
    path.write_bytes(path.read_bytes()[: -len(columns)] + bytes(len(columns)))
    with pytest.raises(HandposeError, match=r"train/0000004, row 1.*does not decode"):
        Prepared(out, "train")[5]


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"recipe": 1, "parts": {}, "libraries": {}}', "\x00"])
def test_a_damaged_manifest_is_named(out, content):
    (out / MANIFEST).write_text(content)
    with pytest.raises(HandposeError, match=r"prepared\.json: found (a file that is no manifest|an empty file)"):
        PreparedDataModule(str(out))


def test_other_options_are_refused(rhd_root, out):
    with pytest.raises(HandposeError, match=r"prepared\.json: found quality = 95; expected quality = 50"):
        run_parts(rhd_root, out, quality=50)


def test_prepared_data_tell_of_which_twin_they_are_and_are_not_gone_on_with_for_another(rhd_root, tmp_path):
    twin = tmp_path / "twin"
    shutil.copytree(rhd_root, twin)
    (twin / "synth.json").write_text('{"version": "1", "seed": 0}')
    run_parts(twin, tmp_path / "out")
    choices = read_manifest(tmp_path / "out").parts["train"].choices
    assert (choices["data_version"], choices["data_checksum"]) == ("1", file_checksum(twin / "synth.json"))
    run_parts(twin, tmp_path / "out")  # goes on
    (twin / "synth.json").write_text('{"version": "1", "seed": 1}')
    with pytest.raises(HandposeError, match=r"train: found prepared of data with checksum \w{16}; expected \w{16}"):
        run_parts(twin, tmp_path / "out")


def test_a_folder_with_other_files_is_refused(rhd_root, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("\\end")
    with pytest.raises(HandposeError, match="a folder with other files in it"):
        run_parts(rhd_root, tmp_path / "mine")


def test_an_unwritable_output_is_named(rhd_root, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(HandposeError, match=r"file/out: found a file at .*file;"):
        run_parts(rhd_root, tmp_path / "file" / "out")


FULL = """
import resource, sys
from pathlib import Path
from core.tests.prepare import test_prepare_run as test
from handpose_core.errors import HandposeError
from handpose_core.io.checksums import file_checksum
if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
    try:
        test.run_parts(Path(sys.argv[1]), Path(sys.argv[2]))
    except HandposeError as error:
        print(error)
"""


def test_a_full_disk_is_told_and_leaves_nothing_half_written(rhd_root, tmp_path):
    """No file may grow beyond 3,000 bytes, which fails in the same place as a disk without room."""
    out, script = tmp_path / "out", tmp_path / "full.py"
    script.write_text(FULL)
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    done = subprocess.run(
        [sys.executable, str(script), str(rhd_root), str(out)], capture_output=True, text=True, env=environment
    )
    assert "cannot be written" in done.stdout, done.stderr
    assert "goes on with what is finished" in done.stdout
    assert {str(path) for path in files(out)} == {MANIFEST}
    assert not list((out / "train").iterdir())
    run_parts(rhd_root, out)
    assert len(Prepared(out, "train")) == 9


def test_a_sample_that_cannot_be_read_is_named(rhd_root, tmp_path):
    root = shutil.copytree(rhd_root, tmp_path / "rhd")
    (root / "training" / "color" / "00005.png").write_bytes(b"\x89PNG")
    with pytest.raises(HandposeError, match=r"00005\.png"):
        run_parts(root, tmp_path / "out", parts=("train", "val"))
    assert not list((tmp_path / "out").rglob(".*"))


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--margin=0.5", "--margin: found 0.5"),
        ("--quality=0", "--quality: found 0"),
        ("--workers=0", "--workers: found 0"),
        ("--parts=[eval]", "--parts: found"),
        ("--data=Nothing", "'Nothing'"),
    ],
)
def test_wrong_options_are_named(rhd_root, tmp_path, prepare, option, message):
    with pytest.raises(HandposeError, match=message):
        prepare(rhd_root, tmp_path / "out", option)


def test_the_command_line_finds_out_the_dataset(rhd_root, tmp_path, prepare, capsys):
    assert prepare(rhd_root, tmp_path / "out", "--parts=[test]") == 0
    assert "7 test samples" in capsys.readouterr().out
    recipe = json.loads((tmp_path / "out" / MANIFEST).read_text())["recipe"]
    assert recipe["datamodule"] == "handpose_core.datamodules.rhd.RHDDataModule"
    assert recipe["options"]["root"] == str(rhd_root)


def test_options_may_stand_before_the_folders(rhd_root, tmp_path):
    options = ["--workers", "1", "--parts", "[test]"]
    assert main(["prepare", *options, str(rhd_root), str(tmp_path / "out")]) == 0


def test_the_command_line_reads_a_plain_folder(drawn_folder, tmp_path, prepare):
    assert prepare(drawn_folder.root, tmp_path / "out", "--parts=[test]") == 0
    assert read_manifest(tmp_path / "out").recipe.datamodule.endswith(".FolderDataModule")


def test_whatever_dataset_a_folder_holds_has_a_datamodule():
    assert {layout.datamodule for layout in LAYOUTS} <= known_datamodules().keys()

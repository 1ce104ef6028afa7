"""Commands on datasets and models write over nothing that they did not write."""

import cv2
import numpy as np
import pytest
from core.tests.estimators.small_onehand import write_checkpoint

from handpose_core.cli.data import main as data
from handpose_core.cli.main import main
from handpose_core.errors import HandposeError
from handpose_core.estimators.onehand.conversion import pack

OLD = b"somebody's own"


@pytest.fixture
def mine(tmp_path):
    """A file of somebody's, whose content must stay."""
    path = tmp_path / "mine.png"
    path.write_bytes(OLD)
    return path


def test_show_keeps_pictures_of_the_dataset_even_with_overwrite(rhd_root):
    picture = rhd_root / "training" / "color" / "00000.png"
    before = picture.read_bytes()
    for more in ([], ["--overwrite"]):
        with pytest.raises(HandposeError, match=r"--out .*00000\.png"):
            data(["show", str(rhd_root), "--out", str(picture), *more])
    assert picture.read_bytes() == before


def test_show_keeps_other_files_unless_told_to_overwrite(rhd_root, mine):
    with pytest.raises(HandposeError, match="found a file that exists"):
        data(["show", str(rhd_root), "--out", str(mine)])
    assert mine.read_bytes() == OLD
    assert data(["show", str(rhd_root), "--out", str(mine), "--overwrite"]) == 0
    assert cv2.imread(str(mine)) is not None


def test_show_keeps_a_file_of_its_own_default_name(rhd_root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / f"{rhd_root.name}_3.png"
    path.write_bytes(OLD)
    with pytest.raises(HandposeError, match="found a file that exists"):
        data(["show", str(rhd_root), "--index", "3"])
    assert path.read_bytes() == OLD


@pytest.mark.parametrize("name", ["picture", "picture.heic", "picture.txt"])
def test_show_refuses_names_of_no_picture(rhd_root, tmp_path, name):
    with pytest.raises(HandposeError, match=r"expected \.png or \.jpg"):
        data(["show", str(rhd_root), "--out", str(tmp_path / name)])


def test_check_draws_beside_what_is_in_a_folder(rhd_root, tmp_path, capsys):
    import shutil

    root, pictures = shutil.copytree(rhd_root, tmp_path / "rhd"), tmp_path / "mine"
    for path in (root / "training" / "depth").iterdir():
        cv2.imwrite(str(path), cv2.imread(str(path))[..., ::-1])
    pictures.mkdir()
    (pictures / "training_depth.png").write_bytes(OLD)
    for _ in range(2):
        assert data(["check", str(root), "--pictures", str(pictures)]) == 1
    assert [path.read_bytes() for path in pictures.iterdir()] == [OLD]
    assert [sorted(p.name for p in (tmp_path / f"mine_{n}").iterdir()) for n in (2, 3)] == [["training_depth.png"]] * 2
    assert str(tmp_path / "mine_2") in capsys.readouterr().out


@pytest.mark.parametrize("below", [".", "prepared", "training/color"])
def test_prepare_keeps_out_of_its_original(rhd_root, below):
    before = sorted(rhd_root.rglob("*"))
    with pytest.raises(HandposeError, match="a folder in the dataset's"):
        data(["prepare", str(rhd_root), str(rhd_root / below)])
    assert sorted(rhd_root.rglob("*")) == before


@pytest.mark.parametrize(
    "command", [["prepare", "RHD"], ["synth", "--like", "rhd", "--frames", "1"], ["things", "--count", "1"]]
)
def test_makers_of_data_keep_folders_with_other_files(rhd_root, tmp_path, command):
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_bytes(OLD)
    name, *rest = [str(rhd_root) if word == "RHD" else word for word in command]
    argv = [name, *rest, str(out)] if name == "prepare" else [name, str(out), *rest]
    with pytest.raises(HandposeError, match="a folder with other files in it"):
        data(argv)
    with pytest.raises(HandposeError, match="a file at"):
        data([str(out / "mine.txt") if word == str(out) else word for word in argv])
    assert [path.name for path in out.iterdir()] == ["mine.txt"]


def test_things_take_a_folder_with_hidden_files_only(tmp_path):
    (tmp_path / ".DS_Store").write_bytes(OLD)
    assert data(["things", str(tmp_path), "--count", "1", "--size", "32", "--workers", "1"]) == 0


@pytest.mark.filterwarnings("ignore")
def test_pack_and_unpack_keep_what_is_there(tmp_path, mine, capfd):
    checkpoint = write_checkpoint(tmp_path / "best.ckpt")
    before, packed = checkpoint.read_bytes(), tmp_path / "a.safetensors"
    pack(checkpoint, packed)
    assert main(["onehand", "unpack", str(checkpoint), "--model", str(packed)]) == 2
    assert main(["onehand", "unpack", str(packed), "--model", str(packed), "--overwrite"]) == 2
    assert main(["onehand", "pack", str(checkpoint), str(packed)]) == 2
    (tmp_path / "b.md").write_bytes(OLD)  # where the card would go
    assert main(["onehand", "pack", str(checkpoint), str(tmp_path / "b.safetensors")]) == 2
    assert "a file that exists" in capfd.readouterr().err
    assert checkpoint.read_bytes() == before
    assert (tmp_path / "b.md").read_bytes() == OLD
    assert not (tmp_path / "b.safetensors").exists()
    assert main(["onehand", "unpack", str(checkpoint), "--model", str(packed), "--overwrite"]) == 0
    assert not list(tmp_path.glob(".*"))
    assert np.any(np.frombuffer(checkpoint.read_bytes(), np.uint8))


def test_show_writes_nothing_where_the_mesh_is_refused(rhd_root, tmp_path):
    picture = tmp_path / "picture.png"
    with pytest.raises(HandposeError, match="the file of --out"):
        data(["show", str(rhd_root), "--out", str(picture), "--mesh", str(picture)])
    with pytest.raises(HandposeError, match="a dataset without meshes"):
        data(["show", str(rhd_root), "--out", str(picture), "--mesh", str(tmp_path / "hand.glb")])
    assert not picture.exists()

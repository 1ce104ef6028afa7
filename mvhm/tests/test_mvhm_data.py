"""Generated data through the datamodules and the command line."""

import numpy as np
import pytest
import torch
import trimesh
from mvhm.tests.conftest import Made

from handpose_core.camera import project
from handpose_core.cli.data import main as data_main
from handpose_core.cli.main import main
from handpose_core.datamodules.augmentation import Augmentation
from handpose_core.datamodules.mixed import MixedDataModule, by_ratio
from handpose_core.datamodules.mvhm import MVHMDataModule
from handpose_core.datasets.mvhm import MVHM
from handpose_core.datasets.mvhm_layout import SPLITS, read_manifest
from handpose_core.errors import HandposeError
from handpose_core.hand import Side
from handpose_core.synth.generate import Recipe, generate
from handpose_core.synth.twins import TWINS


@pytest.fixture
def root(made: Made) -> str:
    return str(made.root)


def test_batches_of_single_views_keep_their_mesh(root):
    data = MVHMDataModule(root, batch_size=4, image_size=32, vertices=True, augmentation=Augmentation(flip=0.5))
    data.setup("fit")
    assert (len(data.train_set), len(data.val_set)) == (16, 4)
    for batch in data.train_dataloader():
        torch.testing.assert_close(project(batch["joints_3d"], batch["K"]), batch["joints_2d"], rtol=0, atol=1e-2)
        world = (batch["vertices"] - batch["t"][:, None]) @ batch["R"]
        assert world.mean(1).norm(dim=-1).max() < 40  # around the joints' middle, mirrored or not
    data.setup("test")
    assert len(data.test_set) == 4


def test_batches_of_view_groups_agree_on_the_world(root):
    data = MVHMDataModule(root, batch_size=2, image_size=32, group="views", vertices=True)
    data.setup("fit")
    batch = next(iter(data.train_dataloader()))
    assert batch["image"].shape == (2, 2, 3, 32, 32)
    joints = (batch["joints_3d"] - batch["t"][:, :, None]) @ batch["R"]
    torch.testing.assert_close(joints[:, 0], joints[:, 1], rtol=0, atol=1e-2)
    with pytest.raises(HandposeError, match="Generate hands that move"):
        MVHMDataModule(root, group="clips").setup("fit")


def test_mixtures_keep_the_ratio_and_say_who_has_meshes(root):
    parts = [MVHMDataModule(root, vertices=True), MVHMDataModule(root, views=[1])]
    data = MixedDataModule(parts, [1, 3], evaluate=1, batch_size=4, image_size=32)
    data.setup("fit")
    batches = list(data.train_dataloader())
    origin = torch.cat([batch["dataset"] for batch in batches])
    assert (origin == 0).sum() * 3 == (origin == 1).sum() == 18
    assert torch.equal(torch.cat([batch["has_vertices"] for batch in batches]), origin == 0)
    assert data.describe()["partial_keys"] == "vertices (0)"
    assert data.describe()["ratio"] == "1 : 3"
    assert len(data.val_set) == 2


def test_views_mix_with_the_views_of_another_dataset(root, tmp_path):
    for part in ("data_3", "data_20"):
        for _ in generate(TWINS["mhp"](Recipe("mhp")), tmp_path, part, 2, 1):
            pass
    from handpose_core.datamodules.mhp import MHPDataModule

    mhp = MHPDataModule(str(tmp_path), group="views", cameras=[1, 3], missing="skip", wrist_rule="ring_2.0")
    data = MixedDataModule([MVHMDataModule(root, group="views"), mhp], [1, 1], batch_size=2, image_size=32)
    data.setup("fit")
    batches = list(data.train_dataloader())
    assert {int(origin) for batch in batches for origin in batch["dataset"].flatten()} == {0, 1}
    assert all(batch["image"].shape[1:] == (2, 3, 32, 32) for batch in batches)
    alone = MixedDataModule([MVHMDataModule(root, group="views"), MVHMDataModule(root)], [1, 1])
    with pytest.raises(HandposeError, match="found images and views of 2"):
        alone.setup("fit")


def test_a_ratio_repeats_the_few_and_spreads_the_many():
    assert by_ratio([range(4), range(100, 112)], [1, 1]) == [[0, 1, 2, 3] * 2, [100, 101, 103, 104, 106, 107, 109, 110]]
    with pytest.raises(HandposeError, match="data, ratio"):
        MixedDataModule([], [1.0])


@pytest.mark.filterwarnings("ignore")
def test_show_writes_the_mesh(root, tmp_path, capsys):
    mesh = tmp_path / "hand.glb"
    assert data_main(["show", root, "--index", "3", "--out", str(tmp_path / "hand.png"), "--mesh", str(mesh)]) == 0
    assert "00000001" in capsys.readouterr().out
    loaded = trimesh.load(mesh, force="mesh")
    assert loaded.volume > 5e-5  # m^3, outward faces
    assert 0.05 < np.ptp(loaded.vertices, axis=0).max() < 0.3


@pytest.mark.filterwarnings("ignore")
def test_generate_by_the_command_line(tmp_path, capsys):
    out = tmp_path / "data"
    options = ["--poses", "sampled", "--images", "6", "--views", "2", "--size", "32", "--jobs", "1"]
    assert main(["mvhm", "generate", str(out), *options]) == 0
    told = capsys.readouterr().out
    assert "sampled: 3 of 3 poses accepted" in told
    assert f"{out}: 6 images of 3 hands, 6 of them now" in told.replace("\n", "")
    recipe = read_manifest(out).everything["recipe"]
    assert (recipe["side"], recipe["left_out"]) == ("right", "")
    assert {int(MVHM(out, split)[0]["side"]) for split in SPLITS} == {Side.RIGHT}
    assert main(["mvhm", "generate", str(out), *options]) == 0
    assert "all there already" in capsys.readouterr().out
    assert main(["data", "check", str(out), "--pictures", str(tmp_path / "pictures")]) == 0
    assert main(["mvhm", "generate", str(out), *options, "--seed", "3"]) == 2
    err = capsys.readouterr().err
    assert "seed = 0; expected" in err
    assert "seed = 3. Go on with the options it was begun with" in err


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--poses", "nyu=there"], "--poses: found 'nyu=there'"),
        (["--poses", "stb"], "--poses: found 'stb'"),
        (["--poses", "sampled", "--jobs", "2", "--scheduler", "tcp://x:1"], "--jobs: found a number beside"),
        (["--poses", "sampled", "--rig", "nobody"], "rig nobody: found no such file"),
        (["--poses", "sampled", "--leave-out", "B6Random"], "--leave-out: found given with --poses sampled"),
        (["--poses", "sampled", "--include-test-poses"], "--include-test-poses: found given with --poses sampled"),
        (["--poses", "stb=x", "--leave-out", "B7Random"], "--leave-out: found B7Random; expected names out of"),
    ],
)
def test_wrong_options_are_named(tmp_path, capsys, options, found):
    assert main(["mvhm", "generate", str(tmp_path / "data"), "--images", "6", "--views", "2", *options]) == 2
    assert found in capsys.readouterr().err
    assert not (tmp_path / "data").exists()

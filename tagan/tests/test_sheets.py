"""Figures 2.4, 2.6 and 2.7 from the command: what stands where, and whose labels are drawn."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from tagan.tests.drawn import draw_real, write_simulated
from tagan.tests.tiny_training import module_of, train

from handpose_core.cli.method import method_main
from handpose_core.errors import HandposeError
from handpose_tagan.cli import METHOD
from handpose_tagan.commands.compare import unique_titles
from handpose_tagan.sheets import TILE

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Real pictures, simulated hands, and these over those."""
    root = tmp_path_factory.mktemp("made")
    simulated, real = write_simulated(root / "simulated"), root / "real"
    real.mkdir()
    hands = [draw_real(), draw_real(turn=-60)]
    for number, hand in enumerate(hands):
        cv2.imwrite(str(real / f"{number}.png"), cv2.cvtColor(hand.image, cv2.COLOR_RGB2BGR))
    np.savez(real / "labels.npz", joints_2d=np.stack([hand.joints_2d for hand in hands]))
    arguments = ["superpose", str(real), str(simulated), str(root / "over"), "--size", "64"]
    assert method_main("tagan", METHOD, arguments) == 0
    return root


def test_a_row_a_hand_with_all_that_was_asked_for(made, tmp_path, capsys):
    checkpoint = tmp_path / "last.ckpt"
    train(module_of("Pix2pix"), 1).save_checkpoint(checkpoint)
    options = ["--real", str(made / "real"), "--simulated", str(made / "simulated"), "--checkpoints", str(checkpoint)]
    assert method_main("tagan", METHOD, ["compare", str(made / "over"), str(tmp_path), *options]) == 0
    maps, generators = (cv2.imread(str(tmp_path / f"{name}.png")) for name in ("condition_maps", "generators"))
    assert maps.shape[:2] == (3 * (TILE + 16 + 24), 2 * (TILE + 8) + 8)
    columns = 7  # real, simulated, RBG, keypoints, colour map, shape map, Pix2pix
    assert generators.shape[:2] == (2 * (TILE + 8) + 24, columns * (TILE + 4) + 4)
    tiles = [generators[32 + TILE : 28 + 2 * TILE, 4 + i * (TILE + 4) :][:, :TILE] for i in range(columns)]
    assert (tiles[2] != tiles[3]).any()  # the keypoints
    assert (np.ptp(tiles[5].astype(int), axis=2) == 0).all()  # edges are grey
    assert all(tile.std() > 0 for tile in tiles)
    assert "figure 2.6" in capsys.readouterr().out
    tones = cv2.imread(str(tmp_path / "tonality.png"))
    columns = 3  # real, RBG, Pix2pix
    assert tones.shape[:2] == (2 * (TILE + 24 + 8), columns * (TILE + 4) + 4)
    apart = [_apart(*(tones[top + 24 :, 4 + i * (TILE + 4) :][:TILE, :TILE] for i in (0, 1))) for top in (4, TILE + 36)]
    assert apart[0] > apart[1] > 0  # the worst first


def _apart(real, over):
    """Of the colours of two pictures: an independent measure, by quantiles."""
    quantiles = [np.quantile(picture.reshape(-1, 3), np.linspace(0, 1, 33), axis=0) for picture in (real, over)]
    return np.abs(quantiles[0] - quantiles[1]).mean()


def test_folders_that_the_hands_were_not_made_of_are_refused(made, tmp_path, capsys):
    fewer = tmp_path / "fewer"
    shutil.copytree(made / "real", fewer)
    (fewer / "1.png").unlink()
    arguments = ["compare", str(made / "over"), str(tmp_path), "--simulated", str(made / "simulated")]
    assert method_main("tagan", METHOD, arguments) == 2
    assert "no --real with it" in capsys.readouterr().err
    assert method_main("tagan", METHOD, [*arguments, "--real", str(fewer)]) == 2
    assert "at least 2" in capsys.readouterr().err


def test_superposed_hands_that_are_there_are_left_as_they_are(made, capsys):
    before = {path: path.stat().st_mtime_ns for path in (made / "over").rglob("*")}
    arguments = ["superpose", str(made / "real"), str(made / "simulated"), str(made / "over"), "--size"]
    assert method_main("tagan", METHOD, [*arguments, "64"]) == 0
    assert "was finished before" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in (made / "over").rglob("*")} == before
    assert method_main("tagan", METHOD, [*arguments, "32"]) == 2
    assert "a new or empty one" in capsys.readouterr().err


def test_sets_are_compared_with_real_pictures(made, tmp_path, capsys):
    arguments = ["quality", str(made / "real"), str(made / "over"), str(made / "real"), "--out", str(tmp_path / "q")]
    assert method_main("tagan", METHOD, arguments) == 0
    import json

    other, same = json.loads((tmp_path / "q").read_text())["sets"]
    assert same["histogram_kl"] == pytest.approx(0, abs=1e-9)
    assert same["fid_colour_edges"] == pytest.approx(0, abs=1e-3)
    assert other["fid_colour_edges"] > 1e-2
    assert (other["set"], other["n_samples"]) == ("over", 2)


def test_nothing_that_is_there_is_replaced(made, tmp_path, capsys):
    (tmp_path / "generators.png").write_bytes(b"mine")
    assert method_main("tagan", METHOD, ["compare", str(made / "over"), str(tmp_path)]) == 2
    assert "generators.png" in capsys.readouterr().err
    quality = ["quality", str(made / "real"), str(made / "over"), "--out", str(tmp_path / "generators.png")]
    assert method_main("tagan", METHOD, quality) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert (tmp_path / "generators.png").read_bytes() == b"mine"
    (tmp_path / "new.unfinished").mkdir()
    (tmp_path / "new.unfinished" / "mine").touch()
    superpose = ["superpose", str(made / "real"), str(made / "simulated"), str(tmp_path / "new"), "--size", "32"]
    assert method_main("tagan", METHOD, superpose) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["generators.png", "new", "new.unfinished"]
    assert (tmp_path / "new.unfinished" / "mine").exists()


def test_two_checkpoints_of_a_method_have_a_column_each(made, tmp_path):
    paths = [tmp_path / name / "fit" / "last.ckpt" for name in ("first", "second")]
    for number, path in enumerate(paths):
        train(module_of("Pix2pix"), 1 + number).save_checkpoint(path)
    arguments = ["compare", str(made / "over"), str(tmp_path / "out"), "--checkpoints", *map(str, paths)]
    assert method_main("tagan", METHOD, arguments) == 0
    columns = 6  # RBG, keypoints, colour map, shape map, and both generators
    assert cv2.imread(str(tmp_path / "out" / "generators.png")).shape[1] == columns * (TILE + 4) + 4


def test_titles_tell_checkpoints_apart_by_as_little_of_their_paths_as_does():
    paths = [Path("a/one/last.ckpt"), Path("a/two/last.ckpt"), Path("b/last.ckpt")]
    titles = unique_titles(["Pix2pix", "Pix2pix", "TAGAN"], paths)
    assert titles == ["Pix2pix, one/last.ckpt", "Pix2pix, two/last.ckpt", "TAGAN"]
    with pytest.raises(HandposeError, match=r"--checkpoints: found .*last.ckpt twice"):
        unique_titles(["TAGAN", "TAGAN"], [paths[0], paths[0]])

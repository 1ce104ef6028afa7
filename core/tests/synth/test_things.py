"""Pictures of things: every kind shows, none fills all pictures, the same bits however they are split up."""

import hashlib

import cv2
import numpy as np
import pytest

from handpose_core.cli.main import main
from handpose_core.synth.backgrounds import ProceduralBackground
from handpose_core.synth.draws import frame_generator
from handpose_core.synth.things.drawing import Place
from handpose_core.synth.things.kinds import THINGS
from handpose_core.synth.things.twin import things_picture

COUNT = 18


def command(root, *options):
    return ["data", "things", str(root), "--count", str(COUNT), "--size", "64", "--seed", "3", *options]


def digest(root):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(root.glob("*.jpg"))}


@pytest.mark.parametrize("name", THINGS)
def test_each_kind_is_seen_and_leaves_some_of_what_was_there(name):
    drawn = []
    for seed in range(12):
        canvas = np.full((128, 128, 3), (10, 200, 90), np.uint8)
        at = Place(np.random.default_rng(seed), 128, frame_generator(seed, "things", 0))
        at.middle = np.array([64.0, 64.0])
        THINGS[name](canvas, at)
        drawn.append((canvas != (10, 200, 90)).any(-1).mean())
    assert np.median(drawn) > 0.005
    assert np.median(drawn) < 0.7


def test_pictures_differ_and_none_is_empty():
    pictures = [things_picture(64, ProceduralBackground(), frame_generator(0, "things", i)) for i in range(8)]
    assert all(picture.shape == (64, 64, 3) and picture.dtype == np.uint8 for picture in pictures)
    assert min(picture.std() for picture in pictures) > 4
    assert len({picture.tobytes() for picture in pictures}) == 8


def test_the_same_bits_however_many_processes_and_after_an_interruption(tmp_path, capsys):
    assert main(command(tmp_path / "one", "--workers", "1")) == 0
    assert "18 pictures of things" in capsys.readouterr().out
    assert main(command(tmp_path / "two", "--workers", "2")) == 0
    assert digest(tmp_path / "one") == digest(tmp_path / "two")
    assert len(digest(tmp_path / "one")) == COUNT
    lost = tmp_path / "two" / "000004.jpg"
    before = lost.read_bytes()
    lost.unlink()
    assert main(command(tmp_path / "two", "--workers", "1")) == 0
    assert lost.read_bytes() == before
    assert cv2.imread(str(lost)).shape == (64, 64, 3)

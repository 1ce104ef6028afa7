"""Models on labelled pictures: a hand-worked row, sets that are read, and the command on a small model."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from core.tests.estimators.small_onehand import write_checkpoint

from handpose_benchmarks.accuracy.measure import measure
from handpose_benchmarks.accuracy.models import Answer, Contender, Ours, Peer
from handpose_benchmarks.accuracy.pictures import LabelledPicture, picture_set
from handpose_core.cli.main import main
from handpose_core.errors import HandposeError
from handpose_core.hand import Side
from handpose_core.predict import load
from handpose_tagan.detection.mediapipe import Landmarks, MediaPipe

RNG = np.random.default_rng(0)
JOINTS = np.stack([np.linspace(100, 120, 21), np.linspace(50, 90, 21)], axis=1)
SPACE = RNG.normal(size=(21, 3)) * 40


def labelled(space=SPACE, counted=None):
    counted = np.ones(21, bool) if counted is None else counted
    return LabelledPicture(np.zeros((200, 300, 3), np.uint8), JOINTS, space, counted)


class Says(Contender):
    """Says what it was told to."""

    name, told = "stand-in", "everything"

    def __init__(self, *answers):
        self.answers = list(answers)

    def look(self, picture):
        return self.answers.pop(0)


def test_a_row_is_what_one_works_out_by_hand():
    turn = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    moved = Answer(JOINTS + np.array([3.0, 4.0]), 1.7 * SPACE @ turn + 5)
    row = measure(Says(moved, None), [labelled(), labelled()])
    assert (row.found, row.pictures) == (1, 2)
    assert row.procrustes_mean == pytest.approx(0, abs=1e-4)
    assert row.pixels == pytest.approx(5)
    assert row.crop_pixels == pytest.approx(5 * 256 / (1.5 * 40))


def test_root_aligned_errors_keep_the_turn_and_the_size_is_taken_out_of_one_of_them():
    """A hand 1.5 times as large, moved: joints are half their distance from the wrist off; with the size known, 0."""
    row = measure(Says(Answer(JOINTS, 1.5 * SPACE + 7)), [labelled()])
    reach = np.linalg.norm(SPACE - SPACE[0], axis=1).mean()
    assert row.root_mean == pytest.approx(0.5 * reach)
    assert row.sized_mean == pytest.approx(0, abs=1e-4)
    turned = measure(Says(Answer(JOINTS, SPACE * [-1, -1, 1])), [labelled()])
    across = 2 * np.linalg.norm((SPACE - SPACE[0])[:, :2], axis=1).mean()
    assert (turned.root_mean, turned.sized_mean) == (pytest.approx(across), pytest.approx(across))
    assert turned.procrustes_mean == pytest.approx(0, abs=1e-4)


def test_joints_that_do_not_count_do_not():
    counted = np.arange(21) != 7
    wrong = JOINTS.copy()
    wrong[7] += 100
    row = measure(Says(Answer(wrong, SPACE)), [labelled(counted=counted)])
    assert row.pixels == 0


def test_pictures_labelled_in_2d_alone_have_no_error_in_space():
    row = measure(Says(Answer(JOINTS, SPACE)), [labelled(space=None)])
    assert row.procrustes_mean is None
    assert row.pixels == 0


def test_a_peer_that_sees_a_part_answers_in_the_whole():
    class Sees(MediaPipe):
        version = "peer"

        def __init__(self):
            pass

        def landmarks(self, image):
            self.shape = image.shape
            return Landmarks(np.zeros((21, 2)), SPACE, 1.0)

    seen = Sees()
    answer = Peer(seen, boxed=True).look(labelled())
    middle, half = JOINTS[[0, -1]].mean(0), 40.0  # twice the longer side of the box, 40
    assert answer.joints_2d[0] == pytest.approx(middle - half)
    assert seen.shape == (81, 81, 3)


def test_the_side_is_told_only_where_it_is_to_be(tmp_path):
    model = load(write_checkpoint(tmp_path / "small.ckpt"))
    for side in Side:
        picture = replace(labelled(), side=side)
        told, alone = (Ours(model, told)._boxed(picture) for told in ("box, side", "box"))
        assert told.side == side
        assert told.side_confidence is None
        assert alone.side_confidence is not None


@pytest.mark.parametrize("text", ["photos", "=here", "name=", "name=a b c"])
def test_a_set_that_is_not_named_is_refused(text):
    with pytest.raises(HandposeError, match="NAME=PATH"):
        picture_set(text)


@pytest.fixture
def photographs(tmp_path):
    folder = tmp_path / "photographs"
    folder.mkdir()
    for number in range(2):
        cv2.imwrite(str(folder / f"{number}.png"), RNG.integers(0, 255, (64, 80, 3), np.uint8))
    K = np.array([[80.0, 0, 39.5], [0, 80, 31.5], [0, 0, 1]])
    space = np.tile(RNG.normal(size=(21, 3)) * 20 + [0, 0, 300], (2, 1, 1)).astype(np.float32)
    np.savez(folder / "labels.npz", joints_3d=space, K=np.tile(K, (2, 1, 1)).astype(np.float32))
    return folder


@pytest.mark.filterwarnings("ignore")
def test_the_command_writes_a_table(photographs, tmp_path, capfd):
    checkpoint = write_checkpoint(tmp_path / "small.ckpt")
    out = tmp_path / "results"
    command = ["bench", "accuracy", f"photographs={photographs}", "--model", str(checkpoint)]
    assert main([*command, "--out", str(out)]) == 0
    text = (out / "accuracy.md").read_text()
    assert "| photographs |" in text
    assert "of 2 |" in text
    rows = json.loads((out / "accuracy.json").read_text())["sets"]["photographs"]
    assert [row["told"] for row in rows] == ["box", "nothing"]
    assert text in capfd.readouterr().out

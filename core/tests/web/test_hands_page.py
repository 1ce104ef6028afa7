"""``handpose demo``: the page as its server answers, with whatever is dropped on it."""

import struct
import sys
from http import HTTPStatus
from urllib.request import urlopen

import cv2
import numpy as np
import pytest
import trimesh
from core.tests.estimators.small_onehand import write_checkpoint
from core.tests.web.serving import ask, fetched_elsewhere, serving, upload

from handpose_core.cli.demo import main
from handpose_core.errors import HandposeError
from handpose_core.hand import BONES, JOINT_NAMES
from handpose_core.viz.mesh import skeleton
from handpose_core.web.hands import EXAMPLES
from handpose_core.web.server import LARGEST_UPLOAD


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A page with an untrained model."""
    path = write_checkpoint(tmp_path_factory.mktemp("page") / "small.ckpt")
    with serving([sys.executable, "-m", "handpose_core.cli.main", "demo", "--checkpoint", str(path)]) as address:
        yield address


def hand(served, path, side="either", mirrored=False, box=""):
    return ask(served, "hand", upload(served, path), side, mirrored, box)


def pixels(file):
    with urlopen(file["url"], timeout=300) as answer:
        return cv2.imdecode(np.frombuffer(answer.read(), np.uint8), cv2.IMREAD_COLOR)


def test_a_picture_becomes_a_hand_drawn_and_in_3d(served, tmp_path):
    (example, *_) = sorted(EXAMPLES.glob("*.jpg"))
    drawn, surface, words, table = hand(served, example)
    assert (pixels(drawn) != 0).any()
    with urlopen(surface["url"], timeout=300) as answer:
        (tmp_path / "hand.glb").write_bytes(answer.read())
    size = trimesh.load(tmp_path / "hand.glb", force="mesh").extents
    assert 0.05 < size.max() < 0.4  # metres
    assert [row[0] for row in table["data"]] == list(JOINT_NAMES)
    assert table["data"][0][3:6] == ["0.0", "0.0", "0.0"]  # about the wrist
    assert "hand" in words
    assert "by the model itself, in squares all over the picture" in words


def test_a_side_and_a_box_are_heeded(served):
    (example, *_) = sorted(EXAMPLES.glob("*.jpg"))
    *_, words, table = hand(served, example, "left", False, "40,40,120,120")
    assert "left hand" in words
    assert "whole picture" not in words
    assert table["data"] != hand(served, example)[-1]["data"]


def _drop(kind, folder):
    grey = np.random.default_rng(0).integers(0, 255, (60, 80), np.uint8)
    path = folder / f"{kind}.png"
    if kind == "no picture":
        path.write_text("no picture at all")
    elif kind == "16 bit":
        cv2.imwrite(str(path), grey.astype(np.uint16) * 257)
    elif kind == "grey":
        cv2.imwrite(str(path), grey)
    elif kind == "cut":
        path.write_bytes(cv2.imencode(".jpg", grey)[1].tobytes()[:-40])
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "enormous in name":  # a header that promises 60,000 x 60,000 px, and nothing else
        head = struct.pack(">I4sIIBBBBB", 13, b"IHDR", 60_000, 60_000, 8, 2, 0, 0, 0)
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + b"\0\0\0\0")
    return path


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("no picture", "do not decode as a picture"),
        ("cut", "whose end is missing"),
        ("empty", "an empty file"),
        ("enormous in name", "do not decode as a picture"),
        ("grey", None),
        ("16 bit", None),
    ],
)
def test_whatever_is_dropped_is_answered_and_the_page_goes_on(served, tmp_path, kind, said):
    answer = hand(served, _drop(kind, tmp_path))
    if said is None:
        assert len(answer[-1]["data"]) == 21
    else:
        assert said in answer["error"]
        assert "the picture: found" in answer["error"]
    (example, *_) = sorted(EXAMPLES.glob("*.jpg"))
    assert len(hand(served, example)[-1]["data"]) == 21


def test_a_box_that_is_none_is_told(served):
    (example, *_) = sorted(EXAMPLES.glob("*.jpg"))
    assert "box: found" in hand(served, example, box="1,2,3")["error"]
    assert "meets the picture" in hand(served, example, box="5000,5000,10,10")["error"]


def test_a_file_that_is_too_large_is_refused_and_the_page_goes_on(served, tmp_path):
    path = tmp_path / "large.png"
    with path.open("wb") as file:
        file.truncate(LARGEST_UPLOAD + 2**20)
    assert upload(served, path) == {"status": HTTPStatus.REQUEST_ENTITY_TOO_LARGE}
    (example, *_) = sorted(EXAMPLES.glob("*.jpg"))
    assert len(hand(served, example)[-1]["data"]) == 21


def test_the_page_takes_nothing_from_elsewhere(served):
    assert not fetched_elsewhere(served)


def test_a_skeleton_has_a_ball_a_joint_and_a_stick_a_bone():
    joints = np.random.default_rng(0).normal(0, 60, (21, 3))
    mesh = skeleton(joints)
    assert len(mesh.split(only_watertight=False)) <= 21 + len(BONES)
    assert np.abs(mesh.bounds - [joints.min(0) - 5, joints.max(0) + 5]).max() < 0.5


def test_two_models_are_refused(tmp_path):
    with pytest.raises(HandposeError, match="found both"):
        main(["--checkpoint", "a.ckpt", "--model", "b.onnx"])

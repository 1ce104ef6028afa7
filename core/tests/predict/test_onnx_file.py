"""One export, looked at from all sides: each takes seconds."""

import copy
import json
import pickle
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from handpose_core.cli.export import main as export
from handpose_core.errors import HandposeError
from handpose_core.hand import JOINT_NAMES, Side
from handpose_core.nn.heatmaps import Argmax
from handpose_core.predict import Known, load

from .conftest import HISTORY, installed, write_checkpoint

onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")
pytestmark = pytest.mark.filterwarnings("ignore")

HEAVY = ("torch", "pytorch_lightning", "torchmetrics", "kornia", "albumentations", "wandb", "onnx")


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A checkpoint of a method that is told the side, and its export beside it."""
    folder = tmp_path_factory.mktemp("exported")
    with pytest.MonkeyPatch.context() as patch:
        installed(patch)
        path = write_checkpoint(folder / "best.ckpt", "ToldModule", HISTORY, Argmax())
        assert export([str(path), str(folder / "hand.onnx")]) == 0
        yield folder


@pytest.fixture
def photo(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "photo.png"
    Image.fromarray(rng.integers(0, 255, (6, 8, 3), np.uint8)).resize((80, 60)).save(path)
    return path


def test_it_answers_as_the_checkpoint_for_any_number_of_pictures(exported, photo):
    known = Known(side=Side.RIGHT, focal=100.0)
    by_torch, by_onnx = (load(exported / name) for name in ("best.ckpt", "hand.onnx"))
    picture = np.asarray(Image.open(photo).convert("RGB"))
    pictures = [picture, picture[::-1].copy(), picture[:, ::-1].copy()]
    for several in (pictures[:1], pictures):
        expected = by_torch.estimate([by_torch.look("p", one, None, known) for one in several])
        found = by_onnx.estimate([by_onnx.look("p", one, None, known) for one in several])
        for a, b in zip(expected, found, strict=True):
            np.testing.assert_allclose(b.joints_2d, a.joints_2d, atol=1e-3)
            np.testing.assert_allclose(b.joints_3d, a.joints_3d, rtol=1e-4, atol=0.02)
            np.testing.assert_allclose(b.confidence, a.confidence, atol=1e-4)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_it_can_be_pickled_and_copied(exported, photo, copied):
    model, known = load(exported / "hand.onnx"), Known(side=Side.LEFT)
    (hand,), (again,) = model(photo, known=known), copied(model)(photo, known=known)
    np.testing.assert_array_equal(again.joints_3d, hand.joints_3d)


def test_the_file_says_what_it_is(exported):
    stored = onnx.load(exported / "hand.onnx")
    (said,) = [json.loads(entry.value) for entry in stored.metadata_props if entry.key == "handpose"]
    assert said["method"] == "convmethod.ToldModule"
    assert said["decoder"] == "Argmax()"
    assert said["joints"] == list(JOINT_NAMES)
    assert said["trained_on"] == HISTORY
    assert [value.name for value in stored.graph.input] == ["image", "side"]
    assert [value.name for value in stored.graph.output] == ["joints_2d", "z_rel", "scores"]
    assert not list(exported.glob("*.tmp*"))


def test_the_command_runs_it_without_torch_or_lightning(exported, photo, tmp_path):
    code = f"""
import sys
from handpose_core.cli.main import main
status = main(["predict", {str(photo)!r}, "--runtime", "onnx", "--model", {str(exported / "hand.onnx")!r},
               "--side", "left", "--out", {str(tmp_path / "out")!r}])
heavy = [name for name in {HEAVY!r} if name in sys.modules]
sys.exit(f"imported {{heavy}}" if heavy else status)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "hands: 1, pictures: 1" in done.stdout
    assert "in squares all over the picture" in done.stderr
    assert (tmp_path / "out" / "overlays" / "photo.png").is_file()


def test_it_asks_for_the_side_as_the_checkpoint_does(exported, photo):
    with pytest.raises(HandposeError, match="--side left or --side right"):
        load(exported / "hand.onnx")(photo)


def test_other_onnx_files_are_refused(tmp_path, exported):
    (tmp_path / "cut.onnx").write_bytes((exported / "hand.onnx").read_bytes()[:2000])
    with pytest.raises(HandposeError, match="ONNX Runtime refuses"):
        load(tmp_path / "cut.onnx")
    anybodys = onnx.load(exported / "hand.onnx")
    del anybodys.metadata_props[:]
    onnx.save(anybodys, tmp_path / "anybodys.onnx")
    with pytest.raises(HandposeError, match="no metadata 'handpose'"):
        load(tmp_path / "anybodys.onnx")
    with pytest.raises(HandposeError, match="no such file"):
        load(tmp_path / "missing.onnx")


def test_the_name_says_what_is_written(tmp_path):
    with pytest.raises(HandposeError, match=r"ends in \.onnx or \.pt2"):
        export([str(tmp_path / "best.ckpt"), str(tmp_path / "hand.pt")])

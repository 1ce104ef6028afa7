"""One packed model exported both ways, looked at from all sides: each export takes seconds."""

import copy
import json
import pickle
import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch
from core.tests.estimators.small_onehand import write_checkpoint
from core.tests.predict.test_onnx_file import HEAVY

from handpose_core.cli.export import main as export
from handpose_core.errors import HandposeError
from handpose_core.estimators.onehand.conversion import pack
from handpose_core.export.graph import graph_of
from handpose_core.export.parity import TOLERANCES, answers, write_checked
from handpose_core.hand import Side
from handpose_core.predict import Box, Known, load
from handpose_core.predict.info import MESH_OUTPUTS, OUTPUTS
from handpose_core.predict.onnx_runtime import load_exported
from handpose_core.predict.runtime import UNTOLD, MeshRuntime
from handpose_core.predict.trained import load_trained

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A packed model, and beside it what the command made of it and of its checkpoint."""
    folder = tmp_path_factory.mktemp("exported")
    checkpoint = write_checkpoint(folder / "best.ckpt")
    pack(checkpoint, folder / "hand.safetensors")
    assert export([str(folder / "hand.safetensors"), str(folder / "hand.onnx")]) == 0
    assert export([str(checkpoint), str(folder / "hand.pt2")]) == 0
    return folder


@pytest.fixture
def crops():
    rng = np.random.default_rng(1)
    return rng.random((5, 3, 64, 64), dtype=np.float32), np.array([UNTOLD, 0, 1, UNTOLD, 1])


@pytest.mark.parametrize("count", [1, 5])
def test_the_onnx_file_gives_all_that_the_packed_model_gives(exported, crops, count):
    images, sides = (values[:count] for values in crops)
    ours, theirs = load_trained(exported / "hand.safetensors"), load_exported(exported / "hand.onnx")
    assert isinstance(theirs, MeshRuntime)
    assert np.array_equal(theirs.faces, ours.faces)
    expected, found = answers(ours, images, sides), answers(theirs, images, sides)
    assert list(found) == [*OUTPUTS, *MESH_OUTPUTS]
    for name, values in expected.items():
        assert found[name].dtype == values.dtype
        np.testing.assert_allclose(found[name], values, atol=1e-4)
    assert (found["is_right"] == (sides == Side.RIGHT))[sides >= 0].all()
    np.testing.assert_allclose(theirs.run(images, sides).z_rel, ours.run(images, sides).z_rel, atol=1e-4)


@pytest.mark.parametrize("side", [None, Side.LEFT, Side.RIGHT])
def test_hands_are_the_packed_models(exported, side):
    picture = np.random.default_rng(0).integers(0, 255, (90, 120, 3), np.uint8)
    ours, theirs = (load(exported / f"hand.{kind}") for kind in ("safetensors", "onnx"))
    one, other = (model(picture, Box(20, 10, 60, 60), Known(side=side))[0] for model in (ours, theirs))
    assert other.side == one.side
    assert other.side_confidence == (None if side is not None else pytest.approx(one.side_confidence, abs=1e-5))
    assert np.array_equal(other.mesh.faces, one.mesh.faces)
    np.testing.assert_allclose(other.mesh.vertices, one.mesh.vertices, atol=0.01)
    np.testing.assert_allclose(other.joints_3d, one.joints_3d, atol=0.01)
    np.testing.assert_allclose(other.joints_2d, one.joints_2d, atol=0.01)


def test_meshes_are_written_without_torch_or_lightning(exported, tmp_path):
    cv2.imwrite(str(tmp_path / "photo.png"), np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8))
    code = f"""
import sys
from handpose_core.cli.main import main
status = main(["predict", {str(tmp_path / "photo.png")!r}, "--whole", "--model", {str(exported / "hand.onnx")!r},
               "--out", {str(tmp_path / "out")!r}])
heavy = [name for name in {HEAVY!r} if name in sys.modules]
sys.exit(f"imported {{heavy}}" if heavy else status)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    hand = json.loads((tmp_path / "out" / "hands.json").read_text())["pictures"][0]["hands"][0]
    assert hand["side"] in ("left", "right")
    assert 0.5 <= hand["side_confidence"] <= 1
    assert (tmp_path / "out" / "meshes" / "photo.png-0.glb").read_bytes()[:4] == b"glTF"


@pytest.mark.parametrize("name", ["best.ckpt", "hand.safetensors", "hand.onnx"])
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_it_can_be_pickled_and_copied(exported, name, copied):
    model = load(exported / name)
    picture = np.random.default_rng(2).integers(0, 255, (80, 100, 3), np.uint8)
    (hand,), (again,) = model(picture), copied(model)(picture)
    np.testing.assert_allclose(again.mesh.vertices, hand.mesh.vertices, atol=1e-4)
    np.testing.assert_array_equal(again.mesh.faces, hand.mesh.faces)
    assert again.side == hand.side


def test_the_program_runs_by_torch_alone(exported, crops):
    kept = {"handpose.json": "", "faces.json": ""}
    program = torch.export.load(exported / "hand.pt2", extra_files=kept)
    assert json.loads(kept["handpose.json"])["image_size"] == 64
    ours = load_trained(exported / "best.ckpt")
    assert np.array_equal(json.loads(kept["faces.json"]), ours.faces)
    with torch.inference_mode():
        found = program.module()(*map(torch.from_numpy, crops))
    for values, expected in zip(found, answers(ours, *crops).values(), strict=True):
        np.testing.assert_allclose(values.numpy(), expected, atol=1e-4)
    assert not [name for name in program.state_dict if "label_means" in name]  # weights that no answer comes from


def test_a_file_that_an_earlier_version_exported_is_refused(exported, tmp_path):
    earlier = onnx.load(exported / "hand.onnx")
    (presence,) = (value for value in earlier.graph.output if value.name == "presence")
    for node in earlier.graph.node:
        node.output[:] = ["there" if name == "presence" else name for name in node.output]
        node.input[:] = ["there" if name == "presence" else name for name in node.input]
    presence.name = "there"
    onnx.save(earlier, tmp_path / "earlier.onnx")
    with pytest.raises(HandposeError, match=r"outputs: found no presence.*Export the checkpoint again"):
        load(tmp_path / "earlier.onnx")


def test_nothing_is_written_that_answers_otherwise(exported, tmp_path):
    trained = load_trained(exported / "best.ckpt")

    def wrong(path, images, sides):
        said = answers(trained, images, sides)
        return {**said, "is_right": ~said["is_right"]}

    with pytest.raises(
        HandposeError, match="is_right: found a difference of 1 to PyTorch's answer; expected at most 0"
    ):
        write_checked(trained, graph_of(trained), tmp_path / "hand.onnx", b"", wrong)
    assert not list(tmp_path.iterdir())
    assert set(TOLERANCES) == {*OUTPUTS, *MESH_OUTPUTS}

import json
import re
import sys
from dataclasses import make_dataclass, replace
from types import ModuleType

import numpy as np
import pytest
import torch
from core.tests.estimators.small_onehand import SMALL, write_checkpoint
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from handpose_core.cli.main import main
from handpose_core.errors import HandposeError
from handpose_core.estimators.onehand.conversion import pack
from handpose_core.estimators.onehand.module import OneHandModule
from handpose_core.estimators.onehand.serialization import unpack
from handpose_core.hand import Side
from handpose_core.predict import Box, Known, load
from handpose_core.synth.generate import Recipe, generate
from handpose_core.synth.twins import RHDTwin
from handpose_core.training.checkpoints import check_checkpoint
from handpose_core.training.weights import take_weights


@pytest.fixture
def checkpoint(tmp_path):
    return write_checkpoint(tmp_path / "best.ckpt")


@pytest.fixture
def picture():
    return np.random.default_rng(0).integers(0, 255, (90, 120, 3), np.uint8)


def test_a_packed_model_answers_as_its_checkpoint_and_is_small(checkpoint, tmp_path, picture):
    out = tmp_path / "small.safetensors"
    info = pack(checkpoint, out)
    assert info.image_size == 64
    assert info.crop_scale == 1.5
    assert out.stat().st_size < sum(p.numel() for p in unpack(out)[0].parameters()) * 2.4
    one, other = (load(path)(picture)[0] for path in (checkpoint, out))
    assert np.abs(one.joints_2d - other.joints_2d).max() < 0.5
    assert np.abs(one.mesh.vertices - other.mesh.vertices).max() < 2
    assert one.side == other.side


@pytest.mark.filterwarnings("ignore")
def test_a_packed_model_becomes_a_checkpoint_to_train_further(checkpoint, tmp_path):
    packed, again, twice = tmp_path / "a.safetensors", tmp_path / "again.ckpt", tmp_path / "b.safetensors"
    pack(checkpoint, packed)
    assert main(["onehand", "unpack", str(again), "--model", str(packed)]) == 0
    assert pack(again, twice) == pack(checkpoint, packed)
    one, other = (unpack(path)[0].state_dict() for path in (packed, twice))
    assert all((one[name] == other[name]).all() for name in one)
    check_checkpoint(again, OneHandModule, "--init_from")
    assert not take_weights(OneHandModule(SMALL), again).fresh


@pytest.mark.filterwarnings("ignore")
def test_a_packed_model_is_scored_by_the_command_line(checkpoint, tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    hands = tmp_path / "hands"
    list(generate(RHDTwin(Recipe("rhd", "source", 3)), hands, "evaluation", 3, 1))
    packed, again = tmp_path / "a.safetensors", tmp_path / "again.ckpt"
    pack(checkpoint, packed)
    assert main(["onehand", "unpack", str(again), "--model", str(packed)]) == 0
    data = ["--data", "RHD", "--data.root", str(hands), "--data.image_size", "64"]
    where = ["--run_dir", str(tmp_path / "run"), "--trainer.limit_test_batches", "1"]
    assert main(["onehand", "test", "--ckpt_path", str(again), *data, *where]) == 0, capfd.readouterr().err
    record = json.loads((tmp_path / "run" / "test" / "results.json").read_text())
    methods = {row["method"] for row in record["rows"]}
    assert methods == {"onehand", "true 2D, flat depth", "untrained network"}  # no mean of labels, as it has seen none
    assert "has seen no labels" in capfd.readouterr().out


def test_a_hand_has_a_side_and_a_mesh_that_is_where_its_joints_are(checkpoint, picture):
    model = load(checkpoint)
    hand = model(picture, Box(20, 10, 60, 60))[0]
    assert hand.side in Side
    assert 0.5 <= hand.side_confidence <= 1
    assert hand.mesh.vertices.shape == (1610, 3)
    assert np.linalg.norm(hand.mesh.vertices_2d.mean(0) - hand.joints_2d.mean(0)) < 60
    told = model(picture, Box(20, 10, 60, 60, side=Side(1 - hand.side)))[0]
    assert told.side == 1 - hand.side
    assert told.side_confidence is None
    a, b, c = (told.mesh.vertices[told.mesh.faces[:, i]] for i in range(3))
    outside = np.cross(b - a, c - a)
    assert (outside * a).sum() > 0  # volume: faces look outwards


def test_a_mirrored_picture_shows_the_same_hand_of_the_other_side(checkpoint, picture):
    model = load(checkpoint)
    plain = model(picture)[0]
    selfie = model(picture[:, ::-1].copy(), known=Known(mirrored=True))[0]
    assert selfie.side == plain.side
    assert np.allclose(selfie.joints_3d, plain.joints_3d, atol=0.05)
    assert np.allclose(119 - selfie.joints_2d[:, 0], plain.joints_2d[:, 0], atol=0.05)
    assert np.allclose(119 - selfie.mesh.vertices_2d[:, 0], plain.mesh.vertices_2d[:, 0], atol=0.5)


def test_a_given_hand_size_scales_joints_and_mesh(checkpoint, picture):
    model = load(checkpoint)
    hand = model(picture, known=Known(hand_mm=190.0))[0]
    middle = hand.joints_3d[[0, 9, 10, 11, 12]]
    assert np.linalg.norm(np.diff(middle, axis=0), axis=1).sum() == pytest.approx(190, abs=0.01)
    assert hand.wrist is not None


@pytest.mark.filterwarnings("ignore")
def test_the_commands_pack_and_predict(checkpoint, tmp_path, picture, capfd):
    import cv2

    results = tmp_path / "results.json"
    row = {"method": "onehand", "recover": "predicted", "alignment": "procrustes", "n_samples": 3, "unit": "mm"}
    results.write_text(json.dumps({"rows": [{**row, "epe_mean": 9.876, "epe_median": 9.0}]}))
    out, photo = tmp_path / "it.safetensors", tmp_path / "photo.png"
    cv2.imwrite(str(photo), picture)
    assert main(["onehand", "pack", str(checkpoint), str(out), "--results", f"a test={results}"]) == 0
    page = out.with_suffix(".md").read_text()
    assert "| a test | onehand | predicted | procrustes | 3 | 9.88" in page
    assert "](it-history.md)" in page
    assert "resized to 64 px" not in page  # of the trainings, which have a file of their own
    assert (
        "## Training 1\n\n- dataset: none\n- crop: square around the joints x 1.5, resized to 64 px"
        in (tmp_path / "it-history.md").read_text()
    )
    found = tmp_path / "found"
    assert main(["predict", str(photo), "--model", str(out), "--out", str(found)]) == 0, capfd.readouterr().err
    hand = json.loads((found / "hands.json").read_text())["pictures"][0]["hands"][0]
    assert hand["side"] in ("left", "right")
    with np.load(found / "hands.npz") as arrays:
        assert arrays["vertices"].shape == (1, 1610, 3)
        assert np.array_equal(arrays["faces_left"][:, ::-1], arrays["faces_right"])
    assert (found / "meshes" / "photo.png-0.glb").read_bytes()[:4] == b"glTF"
    drawn = cv2.imread(str(found / "overlays" / "photo.png"))
    assert drawn.shape[0] >= 90


def test_other_files_are_refused(tmp_path):
    other = tmp_path / "other.safetensors"
    other.write_bytes(b"nothing of the kind")
    with pytest.raises(HandposeError, match="pack"):
        unpack(other)
    with pytest.raises(HandposeError, match="no such file"):
        load(tmp_path / "missing.safetensors")


@pytest.mark.parametrize(
    ("earlier_size", "found"),
    [
        (lambda size: {"glance": size.pop("detector"), **size}, "found weights with the names of an earlier version"),
        (lambda size: {key: size[key] for key in size if key != "backbone"}, "without the sizes backbone"),
    ],
)
def test_a_packed_file_of_an_earlier_version_is_refused(checkpoint, tmp_path, capsys, earlier_size, found):
    """Names may be others, and a size that is not in the file is not taken from today's defaults."""
    packed, earlier = tmp_path / "hand.safetensors", tmp_path / "earlier.safetensors"
    pack(checkpoint, packed)
    with safe_open(packed, framework="pt") as stored:
        metadata = stored.metadata()
    build = json.loads(metadata["onehand"])
    build["size"] = earlier_size(build["size"])
    save_file(load_file(packed), earlier, {**metadata, "onehand": json.dumps(build)})
    with pytest.raises(HandposeError, match=found):
        load(earlier)
    assert main(["onehand", "unpack", str(tmp_path / "out.ckpt"), "--model", str(earlier)]) == 2
    assert "predict with the version that wrote the file" in capsys.readouterr().err
    assert not (tmp_path / "out.ckpt").exists()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"learns": "reader", "clutter": None}, "found options of an earlier version: clutter, learns"),
        (
            {"size": "glance"},
            r"found handpose_core\.estimators\.onehand\.glance\.GlanceSize, which no installed package has",
        ),
    ],
)
def test_a_checkpoint_of_an_earlier_version_is_refused_by_every_command(
    checkpoint, tmp_path, monkeypatch, capsys, given, found
):
    """Made by the command line, with options, or in Python, with objects of classes that are gone."""
    content = torch.load(checkpoint, weights_only=False)
    with monkeypatch.context() as patch:
        if given.get("size"):
            gone = ModuleType("handpose_core.estimators.onehand.glance")
            gone.GlanceSize = make_dataclass("GlanceSize", ["stem"], namespace={"__module__": gone.__name__})
            patch.setitem(sys.modules, gone.__name__, gone)
            given = {"size": gone.GlanceSize(8)}
        torch.save({**content, "hyper_parameters": {**content["hyper_parameters"], **given}}, checkpoint)
    before = checkpoint.read_bytes()
    picture, data = tmp_path / "photo.png", ["--data", "RHD", "--data.root", str(tmp_path)]
    picture.touch()
    for command in (
        ["predict", str(picture), "--checkpoint", str(checkpoint), "--out", str(tmp_path / "out")],
        ["onehand", "pack", str(checkpoint), str(tmp_path / "out.safetensors")],
        ["onehand", "test", "--ckpt_path", str(checkpoint), *data, "--run_dir", str(tmp_path / "run")],
        ["onehand", "fit", "--init_from", str(checkpoint), *data, "--run_dir", str(tmp_path / "run")],
    ):
        assert main(command) == 2
        error = capsys.readouterr().err
        assert re.search(found, error), error
        assert "Use it with the version that wrote it, or train again with this one." in error
    assert checkpoint.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"best.ckpt", "photo.png"}


def test_a_backbone_is_packed_alone_and_refused_where_there_is_none(checkpoint, tmp_path, capsys):
    lite = write_checkpoint(tmp_path / "lite.ckpt", replace(SMALL, backbone="lite0", frozen_blocks=5))
    out = tmp_path / "backbone.safetensors"
    assert main(["onehand", "pack", str(lite), str(out), "--backbone"]) == 0
    stored, trained = load_file(out), load(lite)._runtime.estimator.pose_network.backbone.state_dict()
    assert stored.keys() == trained.keys()
    assert all(torch.allclose(stored[name].to(trained[name]), trained[name], atol=1e-3) for name in stored)
    assert not out.with_suffix(".md").exists()
    assert main(["onehand", "pack", str(checkpoint), str(tmp_path / "none.safetensors"), "--backbone"]) == 2
    assert "with another backbone" in capsys.readouterr().err
    assert main(["onehand", "pack", str(lite), "--shipped", "--backbone"]) == 2

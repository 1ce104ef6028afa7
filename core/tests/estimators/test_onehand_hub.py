"""The estimator as a folder and on a Hub that is not there."""

import importlib
import shutil
import sys

import numpy as np
import pytest
from core.tests.estimators.small_onehand import write_checkpoint
from core.tests.predict.conftest import HISTORY, installed
from core.tests.predict.conftest import write_checkpoint as conv_checkpoint

from handpose_core.cli.main import main
from handpose_core.errors import HandposeError
from handpose_core.estimators.onehand import hub as hub_file
from handpose_core.estimators.onehand.hub import SharedModel
from handpose_core.nn.heatmaps import Argmax
from handpose_core.predict import load

hub = pytest.importorskip("huggingface_hub")
PICTURE = np.random.default_rng(0).integers(0, 255, (90, 120, 3), np.uint8)


@pytest.fixture
def packed(tmp_path):
    """A packed model, its card beside it."""
    out = tmp_path / "hand.safetensors"
    assert main(["onehand", "pack", str(write_checkpoint(tmp_path / "best.ckpt")), str(out)]) == 0
    return out


def same(one, other):
    assert one.side == other.side
    for name in ("joints_2d", "joints_3d", "confidence"):
        assert np.array_equal(getattr(one, name), getattr(other, name))
    assert np.array_equal(one.mesh.vertices, other.mesh.vertices)


def test_a_saved_folder_answers_as_the_packed_file(packed, tmp_path):
    expected = load(packed)(PICTURE)[0]
    SharedModel.of(packed).save_pretrained(tmp_path / "folder")
    assert {path.name for path in (tmp_path / "folder").iterdir()} == {
        "model.safetensors", "README.md", "model-history.md", "config.json",
    }  # fmt: skip
    again = SharedModel.from_pretrained(tmp_path / "folder")
    same(load(tmp_path / "folder")(PICTURE)[0], expected)
    same(again.model()(PICTURE)[0], expected)
    again.save_pretrained(tmp_path / "again")
    same(load(tmp_path / "again")(PICTURE)[0], expected)
    assert (tmp_path / "again" / "README.md").read_bytes() == (tmp_path / "folder" / "README.md").read_bytes()


def test_the_card_goes_along_with_a_head_for_the_hub(packed, tmp_path):
    packed.with_suffix(".md").write_text("# Figures of mine\n")
    SharedModel.of(packed).save_pretrained(tmp_path / "folder")
    text = (tmp_path / "folder" / "README.md").read_text()
    assert text.startswith("---\nlibrary_name: handpose\n")
    assert text.endswith("---\n\n# Figures of mine\n")
    assert hub.ModelCard(text).data.pipeline_tag == "keypoint-detection"
    SharedModel.of(tmp_path / "best.ckpt").save_pretrained(tmp_path / "folder")
    assert "Not measured yet" in (tmp_path / "folder" / "README.md").read_text()


def test_it_is_pushed_and_loaded_by_its_name(packed, tmp_path, monkeypatch):
    there = tmp_path / "there"

    class Repo:
        repo_id = "me/hand"

    def upload(api, *, repo_id, folder_path, **options):
        assert repo_id == "me/hand"
        shutil.copytree(folder_path, there)
        return "https://hub/commit"

    monkeypatch.setattr(hub.HfApi, "create_repo", lambda api, repo_id, **options: Repo())
    monkeypatch.setattr(hub.HfApi, "upload_folder", upload)
    monkeypatch.setattr(hub, "snapshot_download", lambda repo, **options: str(there))
    assert SharedModel.of(packed).push_to_hub("me/hand") == "https://hub/commit"
    assert {path.name for path in there.iterdir()} == {
        "model.safetensors", "README.md", "model-history.md", "config.json",
    }  # fmt: skip
    same(load("hf://me/hand")(PICTURE)[0], load(packed)(PICTURE)[0])


def test_without_a_connection_it_says_so(packed, tmp_path, monkeypatch):
    monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(HandposeError, match=r"no answer \(.*or give a folder with a model\.safetensors"):
        SharedModel.from_pretrained("me/hand", cache_dir=tmp_path)
    with pytest.raises(HandposeError, match="no answer"):
        SharedModel.of(packed).push_to_hub("me/hand")


def test_other_folders_and_methods_are_refused(tmp_path, monkeypatch):
    with pytest.raises(HandposeError, match=r"no model\.safetensors in it"):
        SharedModel.from_pretrained(tmp_path)
    installed(monkeypatch)
    other = conv_checkpoint(tmp_path / "best.ckpt", "ConvModule", HISTORY, Argmax())
    with pytest.raises(HandposeError, match=r"a model of convmethod\.ConvModule; expected one of handpose onehand"):
        SharedModel.of(other)


def test_without_the_extra_the_module_imports_and_the_class_names_it(packed, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "huggingface_hub", None)
        without = importlib.reload(hub_file).SharedModel
        with pytest.raises(HandposeError, match=r"handpose-core\[hub\]"):
            without.of(packed)
        with pytest.raises(HandposeError, match=r"handpose-core\[hub\]"):
            without.from_pretrained("me/hand")
    importlib.reload(hub_file)

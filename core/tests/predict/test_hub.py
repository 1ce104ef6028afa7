"""Folders and names of the Hub, without a Hub."""

import sys

import pytest

from handpose_core.cli.main import main
from handpose_core.errors import HandposeError
from handpose_core.predict import load
from handpose_core.predict.hub import MODEL_FILE, hub_errors, located

hub = pytest.importorskip("huggingface_hub")


def test_a_file_is_itself_and_a_folder_its_model(tmp_path):
    assert located(tmp_path / "best.ckpt") == tmp_path / "best.ckpt"
    with pytest.raises(HandposeError, match=r"no model\.safetensors in it.*fit/checkpoints"):
        load(tmp_path)
    (tmp_path / MODEL_FILE).touch()
    assert located(tmp_path) == tmp_path / MODEL_FILE


@pytest.mark.parametrize(("name", "revision"), [("hf://owner/name", None), ("hf://owner/name@v1/a", "v1/a")])
def test_a_name_is_downloaded(tmp_path, monkeypatch, name, revision):
    asked = []

    def stand_in(repo, **options):
        asked.append((repo, options["revision"], options["allow_patterns"]))
        return str(tmp_path)

    monkeypatch.setattr(hub, "snapshot_download", stand_in)
    (tmp_path / MODEL_FILE).write_bytes(b"something else")
    with pytest.raises(HandposeError, match="handpose onehand pack"):
        load(name)
    assert asked == [("owner/name", revision, ["model.safetensors", "README.md"])]


@pytest.mark.parametrize("name", ["hf://name", "hf://a/b/c", "hf://"])
def test_other_names_are_refused(name):
    with pytest.raises(HandposeError, match="expected hf://owner/name"):
        load(name)


def test_without_a_connection_it_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(hub.constants, "HF_HUB_CACHE", str(tmp_path))
    (tmp_path / "photo.png").touch()
    assert main(["predict", str(tmp_path / "photo.png"), "--model", "hf://owner/name"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: Hugging Face Hub, owner/name: found no answer (")
    assert "Connect once, or give a folder with a model.safetensors." in error


def test_what_the_hub_refuses_is_told(monkeypatch):
    response = type("Response", (), {"status_code": 404, "headers": {}, "request": None})()
    for kind, message in (
        (hub.errors.RepositoryNotFoundError, "no such model, or none that you may use.*log in: hf auth login"),
        (hub.errors.RevisionNotFoundError, "no such revision"),
        (hub.errors.HfHubHTTPError, r"a refusal \(no\)"),
    ):
        with pytest.raises(HandposeError, match=message), hub_errors("owner/name"):
            raise kind("no", response=response)
    with pytest.raises(HandposeError, match="A local folder has to exist"), hub_errors("./nowhere"):
        raise hub.errors.HFValidationError("no")


def test_without_the_extra_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(HandposeError, match=r"the extra handpose-core\[hub\].*pip install 'handpose-core\[hub\]'"):
        load("hf://owner/name")

"""What results record of generated data."""

import json
from types import SimpleNamespace

from pytorch_lightning import Trainer

from handpose_core import DATA_VERSION
from handpose_core.cli.main import main
from handpose_core.io.checksums import file_checksum
from handpose_core.synth.provenance import generated_record
from handpose_core.training.module import describe_data


def test_a_twin_tells_its_version_and_its_manifests_checksum(tmp_path, capsys):
    root = tmp_path / "twin"
    assert main(["data", "synth", "--like", "cmu-ps", "--frames", "1", "--workers", "1", str(root)]) == 0
    record = generated_record(root)
    assert record == {"data_version": DATA_VERSION, "data_checksum": file_checksum(root / "synth.json")}
    assert generated_record(tmp_path) == {}  # real data


def test_the_version_of_other_makers(tmp_path):
    for name, content in (("mvhm.json", {"recipe": {"version": "x"}}), ("generated.json", {"version": "y"})):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text(json.dumps(content))
    assert generated_record(tmp_path / "mvhm.json")["data_version"] == "x"
    assert generated_record(tmp_path / "generated.json")["data_version"] == "y"


def test_a_mixture_tells_of_each_part(tmp_path):
    (tmp_path / "synth.json").write_text('{"version": "v"}')
    part = SimpleNamespace(root=tmp_path)
    mixed = SimpleNamespace(parts=(SimpleNamespace(root=tmp_path / "real"), part), describe=lambda: {"dataset": "M"})
    trainer = Trainer(logger=False, accelerator="cpu")
    trainer.datamodule = mixed
    assert describe_data(trainer) == {
        "dataset": "M", "1.data_version": "v", "1.data_checksum": file_checksum(tmp_path / "synth.json"),
    }  # fmt: skip

"""Every command of every package, with outputs where none can be written: one message, exit status 2, no traceback."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from handpose_core.cli.main import main

PICTURES = 2
#: Commands by name; BAD stands for a path where nothing can be written, the other capitals for inputs.
COMMANDS = {
    "data show": "data show RHD --out BAD/a.png",
    "data synth": "data synth BAD --like rhd --frames 2 --workers 1",
    "data synth stb": "data synth BAD --like stb --frames 2 --workers 1",
    "data things": "data things BAD --count 2 --workers 1",
    "data prepare": "data prepare RHD BAD --workers 1",
    "data check": "data check BROKEN --pictures BAD",
    "predict": "predict PICTURES --out BAD --whole",
    "unpack": "onehand unpack BAD/a.ckpt",
    "export": "export CKPT BAD/a.pt2",
    "pack": "onehand pack CKPT BAD/a.safetensors",
    "recipe": "recipe dggan/demo --run_dir BAD --data=RHD --data.root RHD --depth:data.root RHD "
    "--regulariser:data.root RHD",
    "fit": "dggan fit --config demo-1-regression --run_dir BAD --data=RHD --data.root RHD --trainer.logger false",
    "simulate": "tagan simulate BAD --frames 2 --workers 1",
    "generate": "tagan generate SIMULATED BAD",
    "compare": "tagan compare SIMULATED BAD",
    "quality": "tagan quality PICTURES PICTURES --out BAD/q.json",
    "mvhm": "mvhm generate BAD --poses sampled --images 6 --views 2 --size 32 --jobs 1",
    "bench table": "bench table 3.1 --recipe demo --fast --out BAD --work BAD",
    "bench speed": "bench speed --only spin_match --json BAD/speed.json",
}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    for name, command in (
        ("RHD", "data synth RHD --like rhd --frames 4 --workers 1"),
        ("BROKEN", "data synth BROKEN --like rhd --frames 2 --workers 1"),
        ("SIMULATED", "tagan simulate SIMULATED --frames 2 --workers 1"),
        ("CKPT", "onehand unpack CKPT"),
    ):
        assert main([word.replace(name, str(folder / name)) for word in command.split()]) == 0
    (folder / "PICTURES").mkdir()
    for number in range(PICTURES):
        cv2.imwrite(str(folder / "PICTURES" / f"{number}.png"), np.full((96, 96, 3), 100 * number, np.uint8))
    for path in (folder / "BROKEN" / "training" / "depth").iterdir():
        cv2.imwrite(str(path), cv2.imread(str(path))[..., ::-1])
    return folder


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_an_output_below_a_file_is_one_message(command, inputs, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("kept")
    bad = tmp_path / "file" / "below"
    words = [word if "/" in word and "BAD" not in word else _placed(word, inputs, bad) for word in command.split()]
    assert main(words) == 2
    err = capfd.readouterr().err
    last = err.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert str(bad.parent) in last  # or the path below it
    assert "Traceback" not in err
    assert (tmp_path / "file").read_text() == "kept"


def _placed(word: str, inputs: Path, bad: Path) -> str:
    for name in ("RHD", "BROKEN", "SIMULATED", "PICTURES", "CKPT"):
        if word == name:
            return str(inputs / name)
    return word.replace("BAD", str(bad))

"""A stage that was killed and run again ends as if it had not been: in its figures, and to the last bit."""

import csv
from pathlib import Path

import pytest
import torch

from handpose_core.training.stages import Stage, StageStopped, run_stage

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning's and jsonargparse's own, of a whole run
EPOCHS, KILLED_AT = 4, 2


def stage(root, marker):
    """The recipe's last stage in its smallest; it is killed unless the marker is there."""
    return Stage(
        "dggan", "joined",
        (
            *("--config", "demo-4-joined", "--data.root", str(root), "--data.batch_size", "2"), "--data.num_workers=0",
            *("--data.val_fraction", "0.2", "--trainer.max_epochs", str(EPOCHS), "--trainer.accelerator", "cpu"),
            *("--model.gan.pool", "2", "--model.gan.generator.width", "4"),
            *("--trainer.callbacks+=core.tests.training.tinymethod.callbacks.EndOnce",),
            *("--trainer.callbacks.marker", str(marker), "--trainer.callbacks.epoch", str(KILLED_AT)),
        ),
    )  # fmt: skip


def validations(folder):
    """The figures of every validation by epoch, as the stage's logs have them."""
    texts = [(folder / name / "metrics.csv").read_text() for name in ("fit", "fit_2") if (folder / name).is_dir()]
    rows = [row for text in texts for row in csv.DictReader(text.splitlines()) if row["val/epe"]]
    return [{name: value for name, value in row.items() if name == "epoch" or name.startswith("val/")} for row in rows]


def test_a_stage_that_was_killed_goes_on_and_ends_as_if_it_had_not_been(tmp_path, drawn_rhd, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    for name in ("killed", "never"):
        (tmp_path / name).mkdir()
    (tmp_path / "never" / "marker").touch()
    with pytest.raises(StageStopped, match="SIGKILL"):
        run_stage(stage(drawn_rhd, tmp_path / "killed" / "marker"), tmp_path / "killed" / "joined", threads=1)
    ends = [
        run_stage(stage(drawn_rhd, tmp_path / name / "marker"), tmp_path / name / "joined", threads=1)
        for name in ("killed", "never")
    ]
    in_parts, whole = (validations(tmp_path / name / "joined") for name in ("killed", "never"))
    assert [row["epoch"] for row in whole] == [str(epoch) for epoch in range(EPOCHS)]
    assert in_parts == whole
    first, second = (torch.load(path, weights_only=True) for path in ends)
    assert first["global_step"] == second["global_step"]
    (pool,), (same,) = (end["image_pool"]["of_processes"] for end in (first, second))
    assert pool["random"] == same["random"]
    assert all(torch.equal(value, second["state_dict"][name]) for name, value in first["state_dict"].items())

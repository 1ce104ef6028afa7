"""Samples with 2D joints alone, such as CMU-PS's: trained on and scored in px, and the 3D left out by name."""

import json

import pytest
import torch
from torch.utils.data import DataLoader

from handpose_core.datasets.sample import collate
from handpose_core.errors import HandposeError
from handpose_core.training.baselines import Baselines
from handpose_core.training.callbacks_pictures import Pictures
from handpose_core.training.callbacks_results import NO_3D, ResultsTable

from .test_module import N_HANDS, Oracle, samples, trainer

pytestmark = pytest.mark.filterwarnings("ignore")


def flat_loader():
    flat = [{name: value for name, value in sample.items() if name not in ("joints_3d", "K")} for sample in samples()]
    return DataLoader(flat, batch_size=2, collate_fn=collate)


def test_without_any_labels_the_test_says_what_is_missing(tmp_path):
    bare = [{name: value for name, value in sample.items() if name in ("image", "index")} for sample in samples()]
    loader, tester = DataLoader(bare, batch_size=2, collate_fn=collate), trainer(tmp_path, enable_checkpointing=False)
    with pytest.raises(HandposeError, match=r"joints_2d.*labels\.npz"):
        tester.test(Oracle(scale_mm=45.0), loader, verbose=False)


def test_they_are_scored_in_2d_and_what_is_not_scored_is_said(tmp_path, capsys):
    module = Oracle(miss=3.0, scale_mm=45.0)
    run = trainer(tmp_path, max_epochs=1, enable_checkpointing=False)
    run.fit(module, flat_loader(), flat_loader())
    torch.nn.init.constant_(module.network.bias, 3.0)
    assert "val/epe_2d" in run.callback_metrics
    assert "val/epe" not in run.callback_metrics
    assert module.label_means.bone_count == 0
    callbacks = [ResultsTable(), Baselines(), Pictures(samples=2)]
    trainer(tmp_path, enable_checkpointing=False, callbacks=callbacks).test(module, flat_loader(), verbose=False)
    (row,) = module.results
    assert (row.score.unit, row.score.n_samples) == ("px (crop)", N_HANDS)
    assert row.score.epe_mean == pytest.approx(3, abs=1e-3)
    assert NO_3D in capsys.readouterr().out
    record = json.loads((tmp_path / "results.json").read_text())
    assert record["not_scored"] == [NO_3D]
    assert [(found["unit"], found["recover"]) for found in record["rows"]] == [("px (crop)", "none: 2D")]
    assert {path.stem for path in (tmp_path / "pictures").iterdir()} == {"sheet", "best", "median", "worst"}

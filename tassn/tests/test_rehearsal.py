"""Generated hands beside the clips: learnt from, recorded, and no part of the model."""

import copy

import pytest
import torch
from tassn.tests.test_tassn_objectives import loader, trainer
from tassn.tests.tiny import SIZES

from handpose_core.datamodules.mvhm import MVHMDataModule
from handpose_tassn.module import TASSNModule
from handpose_tassn.objectives import EndToEnd, MeshPretraining
from handpose_tassn.rehearsal import Rehearsal
from handpose_tassn.terms import TruePose

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning's own, of a whole run
ONLY_MAPS = EndToEnd(silhouette=None, pose=None, mesh=None)
"""Of the clips the pose head learns nothing."""


@pytest.fixture
def rehearsal(drawn_meshes):
    data = MVHMDataModule(str(drawn_meshes), batch_size=2, image_size=32, vertices=True)
    return Rehearsal(data, MeshPretraining(heatmaps=None, mesh=None, pose=TruePose()), weight=0.5)


def fitted(clips, **options):
    torch.manual_seed(0)
    module = TASSNModule(**SIZES, objective=ONLY_MAPS, **options)
    before = copy.deepcopy(module.network.state_dict())
    fit = trainer()
    fit.fit(module, loader(clips))
    changed = {name for name, value in module.network.state_dict().items() if (value != before[name]).any()}
    return module, fit, changed


def test_what_is_rehearsed_is_learnt(clips, rehearsal):
    assert not any(name.startswith("pose.") for name in fitted(clips)[2])
    _, fit, changed = fitted(clips, rehearsal=rehearsal)
    assert any(name.startswith("pose.") for name in changed)
    found = fit.callback_metrics
    expected = found["train/loss_heatmaps"] + 0.5 * found["train/loss_rehearsal"]
    assert found["train/loss"].item() == pytest.approx(expected.item())


def test_the_history_says_which_labels_were_rehearsed(clips, rehearsal):
    (chapter,) = fitted(clips, rehearsal=rehearsal)[0].history
    assert chapter["rehearsed labels"] == "3D joints and meshes"
    assert chapter["learnt_from"] == "2D joints, silhouettes"
    assert any("MVHM" in value for key, value in chapter.items() if key.startswith("rehearsed"))


def test_batches_come_without_end_and_differ(rehearsal):
    fit = trainer()
    batches = rehearsal.batches(fit, torch.device("cpu"))
    indices = [tuple(next(batches)["index"].tolist()) for _ in range(20)]  # several epochs of the few hands
    assert len(set(indices)) > 5


def test_the_data_are_no_part_of_the_checkpoint(clips, rehearsal, tmp_path):
    module, fit, _ = fitted(clips, rehearsal=rehearsal)
    fit.save_checkpoint(tmp_path / "model.ckpt")
    found = TASSNModule.load_from_checkpoint(tmp_path / "model.ckpt")
    assert found.rehearsal is None
    assert found.history == module.history

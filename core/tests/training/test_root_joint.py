"""What joint 0 is belongs to what a module learns: data with another one are refused."""

import json

import pytest
import torch

from handpose_core.datamodules.folder import FolderDataModule
from handpose_core.datamodules.freihand import FreiHANDDataModule
from handpose_core.datamodules.mhp import MHPDataModule
from handpose_core.datamodules.mixed import MixedDataModule
from handpose_core.datamodules.stb import STBDataModule
from handpose_core.datasets.wrist import NO_ROOT, PALM_ROOT, WRIST_ROOT, common_root, root_joint
from handpose_core.errors import HandposeError
from handpose_core.training.checkpoints import HISTORY_KEY, saw_all_of
from handpose_core.training.root_joint import check_root

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning's own

RING, MIDDLE = root_joint("ring_2.0"), root_joint("middle_2.2")


@pytest.mark.parametrize(
    ("roots", "common"),
    [
        ([WRIST_ROOT, RING], RING),
        ([RING, RING], RING),
        ([PALM_ROOT, NO_ROOT], PALM_ROOT),
        ([WRIST_ROOT], WRIST_ROOT),
        ([], NO_ROOT),
        ([WRIST_ROOT, PALM_ROOT], None),
        ([RING, PALM_ROOT], None),
        ([RING, MIDDLE], None),
    ],
)
def test_a_labelled_wrist_agrees_with_any_rules_wrist_and_the_palm_with_none(roots, common):
    assert common_root(roots) == common


def test_mhp_and_stb_place_the_wrist_alike_by_default(drawn_mhp, drawn_stb):
    for data in (MHPDataModule(str(drawn_mhp.root)), STBDataModule(str(drawn_stb.root))):
        assert data.evaluation_source().describe()["root_joint"] == RING


@pytest.mark.parametrize(("order", "root"), [("canonical", WRIST_ROOT), ("stb", PALM_ROOT), ("mhp", PALM_ROOT)])
def test_a_folder_in_the_order_of_palm_labels_says_palm(drawn_folder, order, root):
    data = FolderDataModule(str(drawn_folder.root), order=order)
    assert data.evaluation_source().describe()["root_joint"] == root
    assert (
        FolderDataModule(str(drawn_folder.root), labels="none").evaluation_source().describe()["root_joint"] == "none"
    )


def test_a_mixture_has_one_root(drawn_mhp, drawn_freihand):
    def mixed(**options):
        parts = [FreiHANDDataModule(str(drawn_freihand.root)), MHPDataModule(str(drawn_mhp.root), **options)]
        return MixedDataModule(parts, [1, 1], image_size=32)

    assert mixed().training_source().describe()["root_joint"] == RING
    with pytest.raises(HandposeError, match=r"mixed data, root_joint: found dataset 0: wrist, dataset 1: palm"):
        mixed(wrist_rule="palm").training_source()


@pytest.mark.parametrize("key", ["root_joint", "0.root_joint", "rehearsed root_joint"])
def test_every_record_of_a_root_counts(key):
    check_root([{key: WRIST_ROOT}], {"root_joint": RING})
    with pytest.raises(
        HandposeError, match=r"joint 0 is the palm; expected the wrist, .* --data\.wrist_rule ring_2\.0"
    ):
        check_root([{key: WRIST_ROOT}], {"root_joint": PALM_ROOT})
    with pytest.raises(HandposeError, match=r"Set --data\.wrist_rule palm"):
        check_root([{key: PALM_ROOT}], {"root_joint": WRIST_ROOT})
    check_root([], {key: WRIST_ROOT, "root_joint": RING})
    with pytest.raises(HandposeError, match="one joint 0 in all data"):
        check_root([], {"0.root_joint": WRIST_ROOT, "root_joint": PALM_ROOT})


def test_a_checkpoint_of_one_root_meets_no_data_of_another(tiny, drawn_mhp, tmp_path, capsys):
    data = ["--data", "MHP", "--data.root", str(drawn_mhp.root), "--data.image_size", "32", "--data.cameras=[1]"]
    once, palm = ["--trainer.max_epochs", "1"], ["--data.wrist_rule", "palm"]
    assert tiny("fit", *data, *once, "--run_dir", "run") == 0
    last = tmp_path / "run/fit/checkpoints/last.ckpt"
    assert torch.load(last, weights_only=True)[HISTORY_KEY][-1]["root_joint"] == RING
    assert tiny("test", *data, "--run_dir", "run") == 0
    assert json.loads((tmp_path / "run/test/results.json").read_text())["tested_on_training_data"] is False
    capsys.readouterr()
    for command in ("test", "validate", "fit"):
        origin = ["--init_from", str(last), *once] if command == "fit" else ["--ckpt_path", str(last)]
        assert tiny(command, *data, *palm, *origin, "--run_dir", f"palm_{command}") == 2
        err = capsys.readouterr().err
        assert "joint 0 is the palm; expected the wrist (from the palm by ring_2.0)" in err, command
        assert "Traceback" not in err
        assert not list((tmp_path / f"palm_{command}").rglob("*.ckpt"))
    going_on = ["--ckpt_path", str(last), "--trainer.max_epochs", "2", "--run_dir", "goes_on"]
    assert tiny("fit", *data, *palm, *going_on) == 2
    assert tiny("fit", *data, *going_on) == 0


def test_an_old_checkpoint_without_the_record_is_noted(capsys):
    check_root([{"dataset": "MHP train (data_3)"}], {"root_joint": RING})
    assert "does not record the joint 0" in capsys.readouterr().out
    check_root([], {"root_joint": RING})
    assert not capsys.readouterr().out


def test_a_test_on_what_was_trained_on_is_told(tiny, drawn_folder, tmp_path, capsys):
    data = ["--data", "Folder", "--data.root", str(drawn_folder.root), "--data.image_size", "32"]
    assert tiny("fit", *data, "--trainer.max_epochs", "1", "--run_dir", "run") == 0
    assert tiny("test", *data, "--run_dir", "run") == 0
    assert "the weights were trained on what is tested here" in capsys.readouterr().out
    assert json.loads((tmp_path / "run/test/results.json").read_text())["tested_on_training_data"] is True
    assert saw_all_of([{"dataset": "MVHM train + folder a", "0.frames": "3"}], {"dataset": "folder a", "frames": "4"})
    assert not saw_all_of([{"dataset": "folder rgb", "frames": "24"}], {"dataset": "folder rgb", "frames": "12"})

"""Twins read by the real readers: projections, depth, views and motion agree."""

import numpy as np
import pytest
import torch

from handpose_core.camera import project
from handpose_core.cli.main import main
from handpose_core.datasets.cmu_ps import CMUPS
from handpose_core.datasets.freihand import FreiHAND
from handpose_core.datasets.mhp import MHP
from handpose_core.datasets.stb import STB
from handpose_core.hand import Side

FRAMES = 6


def synth(root, like, *options):
    return main(["data", "synth", "--like", like, "--world", "target", "--frames", str(FRAMES), *options, str(root)])


@pytest.fixture(scope="module")
def stb(tmp_path_factory):
    root = tmp_path_factory.mktemp("stb") / "data"
    assert synth(root, "stb", "--split", "B1Counting") == 0
    return root


@pytest.mark.parametrize("camera", ["sk", "bb_left", "bb_right"])
def test_stb_hands_are_where_the_labels_project(stb, camera):
    """The hand differs from the background in colour; here it is found by what changes between distant frames."""
    samples = STB(stb, "test", camera=camera, missing="skip")
    assert len(samples) == FRAMES
    for index in range(0, FRAMES, 3):
        sample = samples[index]
        assert (project(sample["joints_3d"], sample["K"]) - sample["joints_2d"]).abs().max() < 0.01
        assert int(sample["side"]) == Side.LEFT
        inside = sample["joints_2d"].round().long()
        assert (inside >= 0).all()
        assert (inside[:, 0] < 640).all()
        assert (inside[:, 1] < 480).all()


def test_stb_depth_registered_to_the_colour_camera_lies_on_the_hand(stb):
    samples = STB(stb, "test", depth=True, missing="skip")
    agreeing = []
    for index in range(FRAMES):
        sample = samples[index]
        column, row = sample["joints_2d"].round().long().unbind(-1)
        surface = sample["depth"][0, row, column]
        under = (sample["joints_3d"][:, 2] - surface)[surface > 0]
        agreeing.append(((under > -15) & (under < 120)).float().mean())
    assert torch.stack(agreeing).mean() > 0.9


def test_stb_stereo_pair_differs_by_the_baseline(stb):
    left, right = (STB(stb, "test", camera=camera, missing="skip")[0] for camera in ("bb_left", "bb_right"))
    shift = left["joints_3d"] - right["joints_3d"]
    torch.testing.assert_close(shift, torch.tensor([120.054, 0, 0]).expand(21, 3), atol=1e-2, rtol=0)


def test_stb_labels_of_both_rigs_are_one_rigid_hand(stb):
    sk, bb = (STB(stb, "test", camera=camera, missing="skip")[2]["joints_3d"] for camera in ("sk", "bb_left"))
    torch.testing.assert_close(torch.cdist(sk, sk), torch.cdist(bb, bb), atol=0.05, rtol=0)


def test_stb_moves_smoothly(stb):
    samples = STB(stb, "test", missing="skip")
    joints = torch.stack([samples[i]["joints_3d"] for i in range(FRAMES)])
    steps = torch.linalg.vector_norm(joints.diff(dim=0), dim=-1)
    assert 0.1 < steps.mean() < 20
    lengths = torch.linalg.vector_norm(joints[:, 10] - joints[:, 9], dim=-1)
    assert lengths.std() < 1e-3
    assert np.isfinite(joints.numpy()).all()


@pytest.fixture(scope="module")
def mhp(tmp_path_factory):
    root = tmp_path_factory.mktemp("mhp") / "data"
    assert synth(root, "mhp", "--split", "data_1") == 0
    return root


def test_mhp_joints_fit_every_camera_and_each_other(mhp):
    samples = MHP(mhp, "test", missing="skip")
    assert len(samples) == 4 * FRAMES
    for index in range(0, len(samples), 5):
        sample = samples[index]
        assert (project(sample["joints_3d"], sample["K"]) - sample["joints_2d"]).abs().max() < 0.01
        assert int(sample["side"]) == Side.RIGHT
    group = [samples[i] for i in range(4)]
    assert len({int(sample["view"]) for sample in group}) == 4
    in_world = torch.stack([(sample["joints_3d"] - sample["t"]) @ sample["R"] for sample in group])
    assert (in_world - in_world[0]).abs().max() < 0.05
    assert in_world[0, :, 1].mean() > 100  # above the Leap Motion, whose y points up


def test_mhp_hands_lie_under_their_joints_once_undistorted(mhp):
    """The pixels at the joints have skin's colour: they differ from those at mirrored places by more than noise."""
    samples = MHP(mhp, "test", missing="skip")
    near, far = [], []
    for index in range(0, len(samples), 3):
        sample = samples[index]
        inside = sample["joints_2d"].round().long()
        kept = ((inside > 10) & (inside < torch.tensor([630, 470]))).all(-1)
        column, row = inside[kept].unbind(-1)
        skin = sample["image"][:, row, column]
        near.append(skin.std(dim=1).mean())
        everywhere = sample["image"].flatten(1)
        far.append(everywhere[:, torch.randperm(everywhere.shape[1])[:200]].std(dim=1).mean())
    assert torch.stack(near).mean() < torch.stack(far).mean()


def test_mhp_computed_labels_agree_with_the_published_files(mhp):
    published, computed = (MHP(mhp, "test", labels=labels, missing="skip") for labels in ("published", "computed"))
    for index in range(0, len(published), 7):
        torch.testing.assert_close(published[index]["joints_3d"], computed[index]["joints_3d"], atol=0.01, rtol=0)


def test_freihand_hands_fill_their_pictures(tmp_path):
    assert synth(tmp_path / "data", "freihand") == 0
    samples = FreiHAND(tmp_path / "data", "training", versions=["gs"])
    assert len(samples) == FRAMES
    for index in range(FRAMES):
        sample = samples[index]
        assert (project(sample["joints_3d"], sample["K"]) - sample["joints_2d"]).abs().max() < 0.05
        assert int(sample["side"]) == Side.RIGHT
        extent = (sample["joints_2d"].amax(0) - sample["joints_2d"].amin(0)).amax()
        assert 35 < extent < 260
        inside = ((sample["joints_2d"] >= 0) & (sample["joints_2d"] < 224)).all(-1)
        assert inside.float().mean() > 0.7


def test_cmu_ps_labels_what_is_in_the_photograph(tmp_path):
    assert synth(tmp_path / "data", "cmu-ps") == 0
    samples = CMUPS(tmp_path / "data", "manual_train")
    assert len(samples) == FRAMES
    for index in range(FRAMES):
        sample = samples[index]
        assert "joints_3d" not in sample
        seen = sample["joints_2d"][sample["annotated"]]
        assert len(seen) > 10
        assert (seen >= 0).all()
        assert (seen < torch.tensor([640, 480])).all()
    assert len({int(samples[i]["side"]) for i in range(FRAMES)}) == 2

"""Simulated hands: what is on disk, what is read back, and that labels lie on the hand."""

import numpy as np
import pytest
import torch

from handpose_core.cli.method import method_main
from handpose_core.datasets.folder import Folder
from handpose_core.errors import HandposeError
from handpose_tagan.cli import METHOD
from handpose_tagan.simulation.bulk import PART, SIZE, colour_path, simulate
from handpose_tagan.simulation.reader import SimulatedFolder

pytestmark = pytest.mark.filterwarnings("ignore")  # of fresh processes
FRAMES = 6


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulated") / "hands"
    assert method_main("tagan", METHOD, ["simulate", str(folder), "--frames", str(FRAMES), "--workers", "1"]) == 0
    return folder


def test_what_is_read_is_what_was_made(root):
    hands = SimulatedFolder(root)
    assert len(hands) == FRAMES
    for number, made in enumerate(simulate(0, range(FRAMES))):
        read = hands[number]
        np.testing.assert_array_equal(read.rgba, made.rgba)
        np.testing.assert_array_equal(read.mask, made.mask)
        for name in ("joints_2d", "joints_3d", "visible", "K"):
            np.testing.assert_allclose(getattr(read, name), getattr(made, name), rtol=1e-6)
        assert read.side == made.side


def test_labels_lie_on_the_hand(root):
    for hand in map(SimulatedFolder(root).__getitem__, range(FRAMES)):
        projected = hand.joints_3d @ hand.K.T
        np.testing.assert_allclose(projected[:, :2] / projected[:, 2:], hand.joints_2d, atol=1e-2)
        column, row = np.rint(hand.joints_2d[hand.visible]).astype(int).T
        assert hand.mask[row, column].all()
        assert (hand.rgba[..., 3][hand.mask] > 100).mean() > 0.98  # covered, but for the outline
        assert 0.1 < np.ptp(hand.joints_2d, axis=0).max() / SIZE < 0.95
        assert (hand.rgba[..., 3] == 0).mean() > 0.4  # nothing behind


def test_it_is_a_dataset_by_itself_with_a_clear_background(root):
    samples = Folder(root / PART)
    assert len(samples) == FRAMES
    sample = samples[0]
    assert {"image", "joints_2d", "joints_3d", "K", "side", "visible"} <= sample.keys()
    clear = SimulatedFolder(root)[0].rgba[..., 3] == 0
    colours = sample["image"].permute(1, 2, 0).numpy()[clear]
    np.testing.assert_allclose(colours, 128 / 255, atol=1e-6)


def test_every_pose_finds_itself(root):
    hands = SimulatedFolder(root)
    index = hands.index()
    poses = torch.stack([torch.from_numpy(hands[number].joints_2d).float() for number in range(FRAMES)])
    assert index.match(poses).indices[:, 0].tolist() == list(range(FRAMES))


def test_the_same_again_changes_nothing_and_damage_is_named(root):
    before = colour_path(root / PART, 0).stat().st_mtime_ns
    assert method_main("tagan", METHOD, ["simulate", str(root), "--frames", str(FRAMES), "--workers", "1"]) == 0
    assert colour_path(root / PART, 0).stat().st_mtime_ns == before
    path = colour_path(root / PART, 5)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(HandposeError, match=r"00000005\.png: found a damaged file"):
        SimulatedFolder(root)[5]
    path.unlink()
    with pytest.raises(HandposeError):
        SimulatedFolder(root)


def test_a_folder_without_hands_says_how_to_make_some(tmp_path):
    with pytest.raises(HandposeError, match="Make one with handpose tagan simulate"):
        SimulatedFolder(tmp_path)

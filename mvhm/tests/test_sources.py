"""Poses out of datasets' own files, and which of them can be shown."""

import numpy as np
import pytest
import torch
from scipy.io import savemat

from handpose_core.datasets.mhp_layout import CANONICAL_ROWS, frames_folder, joints_name, rows_text
from handpose_core.datasets.wrist import wrist_to_palm
from handpose_core.errors import HandposeError
from handpose_core.hand import to_raw_order
from handpose_core.rig import HandRig, mirror
from handpose_core.synth.generate import Recipe, generate
from handpose_core.synth.twins import TWINS
from handpose_mvhm.generate.accept import accept
from handpose_mvhm.generate.plan import plan
from handpose_mvhm.generate.recipe import Recipe as MVHMRecipe
from handpose_mvhm.generate.sources import PoseSet, read_poses, sample_poses


@pytest.fixture(scope="module")
def rig():
    return HandRig()


@pytest.fixture(scope="module")
def hands(rig):
    return sample_poses(rig, 120, seed=0).joints


def write_stb(folder, hands, sequences):
    """The authors' label files of left hands."""
    raw = wrist_to_palm(hands * [-1, 1, 1], "ring_2.0")[:, to_raw_order("stb")].transpose(2, 1, 0)
    for sequence in sequences:
        savemat(folder / f"{sequence}_SK.mat", {"handPara": raw})


def test_stb_gives_mirrored_left_hands_with_a_wrist(hands, tmp_path):
    write_stb(tmp_path, hands, ("B2Counting", "B2Random"))
    poses = read_poses(f"stb={tmp_path}", "ring_2.0")
    np.testing.assert_allclose(poses.joints, np.concatenate([hands, hands]), atol=1e-9)
    assert poses.name == "stb (B2Counting, B2Random, wrist by ring_2.0)"
    assert [int((poses.blocks == block).sum()) for block in np.unique(poses.blocks)] == [50, 50, 20] * 2
    without = read_poses(f"stb={tmp_path}", "ring_2.0", ["B2Counting"])
    assert len(without.joints) == 120
    assert without.left_out == ("B1Counting", "B1Random", "B2Counting")
    with pytest.raises(HandposeError, match="no file with joints"):
        read_poses(f"stb={tmp_path}", "ring_2.0", ["B2Counting", "B2Random"])
    with pytest.raises(HandposeError, match="found b2counting; expected names out of B1Counting"):
        read_poses(f"stb={tmp_path}", "ring_2.0", ["b2counting"])


def test_poses_of_the_test_split_are_left_out_unless_asked_for(hands, tmp_path):
    write_stb(tmp_path, hands, ("B1Random", "B2Random"))
    poses = read_poses(f"stb={tmp_path}", "ring_2.0")
    assert len(poses.joints) == 120
    assert poses.left_out == ("B1Counting", "B1Random")
    every = read_poses(f"stb={tmp_path}", "ring_2.0", include_test=True)
    assert (len(every.joints), every.left_out) == (240, ())
    assert every.name.startswith("stb (B1Random, B2Random")
    (tmp_path / "B2Random_SK.mat").unlink()
    with pytest.raises(HandposeError, match=r"besides what is left out \(B1Counting, B1Random\)"):
        read_poses(f"stb={tmp_path}", "ring_2.0")


def test_the_evaluation_split_of_rhd_and_the_test_sequences_of_mhp_are_left_out(hands, tmp_path):
    for _ in generate(TWINS["rhd"](Recipe("rhd", seed=3)), tmp_path / "rhd", "evaluation", 2, 1):
        pass
    with pytest.raises(HandposeError, match=r"besides what is left out \(evaluation\)"):
        read_poses(f"rhd={tmp_path / 'rhd'}", "ring_2.0")
    poses = read_poses(f"rhd={tmp_path / 'rhd'}", "ring_2.0", include_test=True)
    assert (len(poses.joints), poses.name) == (4, "rhd (evaluation)")
    write_mhp(tmp_path, hands[:3], (2, 3))
    poses = read_poses(f"mhp={tmp_path}", "ring_2.0")
    assert (len(poses.joints), poses.left_out) == (3, ("data_1", "data_2"))
    every = read_poses(f"mhp={tmp_path}", "ring_2.0", include_test=True)
    assert every.name == "mhp (data_2, data_3, wrist by ring_2.0)"


def test_rhd_gives_both_sides_as_right_hands(rig, tmp_path):
    for _ in generate(TWINS["rhd"](Recipe("rhd", seed=3)), tmp_path, "training", 6, 1):
        pass
    poses = read_poses(f"rhd={tmp_path}", "ring_2.0")
    assert len(poses.joints) == 12  # two in each frame
    assert accept(poses, rig).given == 12
    from handpose_mvhm.spin_match import spin_match

    match = spin_match(rig, torch.from_numpy(poses.joints))
    assert match.fits.all()
    assert match.palm_residual.median() < 4  # of other shapes


def write_mhp(root, hands, sequences):
    """The authors' label files of three frames."""
    palm = wrist_to_palm(hands, "ring_2.0")
    for sequence in sequences:
        folder = frames_folder(root, sequence)
        folder.mkdir(parents=True)
        for frame, joints in zip((2, 10, 1), palm, strict=True):
            text = rows_text(dict(zip(CANONICAL_ROWS, joints, strict=True)))
            (folder / joints_name(frame)).write_text(text)


def test_mhp_gives_its_training_sequences(hands, tmp_path):
    write_mhp(tmp_path, hands[:3], (1, 3))
    poses = read_poses(f"mhp={tmp_path}", "ring_2.0")
    np.testing.assert_allclose(poses.joints, hands[[2, 0, 1]], atol=1e-6)
    assert poses.name == "mhp (data_3, wrist by ring_2.0)"


def test_sampled_poses_are_the_same_however_many(rig):
    np.testing.assert_array_equal(sample_poses(rig, 5, 7).joints, sample_poses(rig, 300, 7).joints[:5])


def test_what_cannot_be_shown_is_counted_by_reason(rig, hands):
    joints = hands[:10].copy()
    joints[0, 5] = np.nan
    joints[1] = mirror(torch.from_numpy(joints[1])).numpy()
    joints[2, 6:9] = joints[2, 10:13] + (joints[2, 5] - joints[2, 9]) * 0.05  # the index finger in the middle one
    poses = PoseSet("bad", joints, np.arange(10))
    accepted = accept(poses, rig)
    assert accepted.given == 10
    assert set(accepted.ids.tolist()) <= set(range(1, 10))
    assert accepted.rejects["a joint of the palm is not a number"] == 1
    assert accepted.rejects["fingers run through each other"] >= 1
    assert sum(accepted.rejects.values()) == 10 - len(accepted.ids)
    with pytest.raises(HandposeError, match="none of 1 poses fits"):
        accept(PoseSet("worse", joints[:1], np.arange(1)), rig)


def test_blocks_stay_together_and_poses_come_again_only_after_all(rig, hands):
    accepted = accept(PoseSet("blocks", hands, np.arange(120) // 10), rig)
    shards = plan(MVHMRecipe("blocks", "", images=800, views=2, shard=16, held_out=0.1), accepted)
    ids = {split: np.concatenate([shard.ids for shard in own]) for split, own in shards.items()}
    assert {split: len(own) for split, own in ids.items()} == {"train": 320, "val": 40, "test": 40}
    blocks = [set((own // 10).tolist()) for own in ids.values()]
    assert sum(map(len, blocks)) == len(set.union(*blocks))
    distinct = len(set(ids["train"].tolist()))
    assert len(set(ids["train"][:distinct].tolist())) == distinct
    with pytest.raises(HandposeError, match="at least three, one a split"):
        plan(MVHMRecipe("few", "", images=80, views=2), accept(PoseSet("few", hands, np.zeros(120, int)), rig))

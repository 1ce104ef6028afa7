"""Hands that move: the same person before the same cameras, frame after frame, with labels that follow."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from mvhm.tests.conftest import RECIPE, Here, Made, files_of

from handpose_core.camera import project
from handpose_core.datamodules.mvhm import MVHMDataModule
from handpose_core.datasets.mvhm import MVHM
from handpose_core.datasets.mvhm_layout import SPLITS
from handpose_core.errors import HandposeError
from handpose_core.rig import HandRig
from handpose_mvhm.generate.accept import Accepted, accept
from handpose_mvhm.generate.command import main
from handpose_mvhm.generate.plan import plan
from handpose_mvhm.generate.sources import sample_motions

FRAMES = 3


@pytest.fixture(scope="module")
def moving(tmp_path_factory):
    rig = HandRig()
    poses = sample_motions(rig, 5, FRAMES, seed=0)
    recipe = replace(
        RECIPE, poses=poses.name, pose_digest=poses.digest, images=30, size=96, shard=2 * FRAMES, frames=FRAMES
    )
    result = Made(tmp_path_factory.mktemp("mvhm") / "moving", recipe, accept(poses, rig))
    result.make(result.root)
    return result


def every_clip(root, **options):
    for split in SPLITS:
        data = MVHM(root, split, vertices=True)
        count = len(data) // (2 * FRAMES)
        for clip in range(count):
            for view in (0, 1):
                yield [data[2 * (FRAMES * clip + time) + view] for time in range(FRAMES)]


def test_one_hand_moves_a_little_before_cameras_that_stay(moving):
    for clip in every_clip(moving.root):
        first = clip[0]
        bones = [(frame["joints_3d"][1:] - frame["joints_3d"][:1]).norm(dim=-1) for frame in clip]
        for before, frame in pairwise(clip):
            torch.testing.assert_close(frame["K"], first["K"])
            torch.testing.assert_close(frame["R"], first["R"])
            assert frame["side"] == first["side"]
            assert int(frame["frame"]) == int(before["frame"]) + 1
            assert 0 < (frame["joints_3d"] - before["joints_3d"]).norm(dim=-1).mean() < 40  # mm
            # what stands behind the hand stays where it is, but for the sensor's noise and JPEG
            corner = (frame["image"] - before["image"])[:, :8, :8].abs().mean()
            assert corner < 0.1
        assert max((bone - bones[0]).abs().max() for bone in bones) > 0.1  # it is not one stiff hand


def test_labels_follow_the_pictures(moving):
    for clip in every_clip(moving.root):
        for sample in clip:
            torch.testing.assert_close(project(sample["joints_3d"], sample["K"]), sample["joints_2d"])
            pixels = project(sample["vertices"], sample["K"]).round().long()
            inside = ((pixels >= 0) & (pixels < 96)).all(-1)
            u, v = pixels[inside].T
            on_hand = sample["mask"][0, v, u]
            behind = (sample["vertices"][inside, 2] - sample["depth"][0, v, u])[on_hand]
            assert on_hand.float().mean() > 0.7
            assert (behind > -15).float().mean() > 0.9
            assert (behind.abs() < 8).float().mean() > 0.1


def test_clips_are_read_as_they_were_made(moving):
    data = MVHMDataModule(str(moving.root), batch_size=2, image_size=32, group="clips", vertices=True)
    data.setup("fit")
    batch = next(iter(data.train_dataloader()))
    assert batch["image"].shape == (2, FRAMES, 3, 32, 32)
    assert (batch["sequence"] == batch["sequence"][:, :1]).all()
    assert (batch["frame"].diff(dim=1) == 1).all()
    assert len(data.train_dataloader()) == 3  # three motions before two cameras each


def test_the_splits_share_no_motion(moving):
    motions = [set((MVHM(moving.root, split).video_index[:, 1] // FRAMES).tolist()) for split in SPLITS]
    assert all(motions)
    assert sum(map(len, motions)) == len(set.union(*motions)) == 5


def test_a_killed_run_goes_on_without_a_trace(moving, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        moving.make(tmp_path / "killed", Here(fail_after=1))
    moving.make(tmp_path / "killed")
    assert files_of(tmp_path / "killed") == files_of(moving.root)


def test_a_motion_with_a_pose_that_cannot_be_shown_is_left_out(moving):
    poses, kept = moving.poses, slice(1, None)  # the first motion's first pose is rejected
    fewer = Accepted(poses.ids[kept], poses.joints[kept], poses.blocks[kept], poses.given, {"too wide": 1})
    shown = {number for shards in plan(moving.recipe, fewer).values() for shard in shards for number in shard.ids}
    assert shown == set(range(FRAMES, 5 * FRAMES))


def test_shards_do_not_cut_motions(moving):
    with pytest.raises(HandposeError, match="a multiple of 3"):
        plan(replace(moving.recipe, shard=4), moving.poses)


def test_only_sampled_poses_move(tmp_path):
    with pytest.raises(HandposeError, match="--poses sampled"):
        main([str(tmp_path / "out"), "--poses", "stb=somewhere", "--images", "8", "--frames", "2"])

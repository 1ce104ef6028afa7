"""What is generated: exact labels, whole files, the same bits again, on where it stopped."""

import io
import json
import multiprocessing
import os
import signal
import tarfile
import time

import numpy as np
import pytest
import torch
import trimesh
from mvhm.tests.conftest import Here, files_of
from webdataset.autodecode import Decoder, imagehandler
from webdataset.tariterators import group_by_keys, tar_file_iterator

from handpose_core.camera import project
from handpose_core.checks.report import check
from handpose_core.datasets.mvhm import MVHM
from handpose_core.datasets.mvhm_layout import SPLITS, read_manifest
from handpose_core.errors import HandposeError
from handpose_core.hand import Side
from handpose_core.rig import HandRig, mirror
from handpose_core.synth.draws import frame_generator
from handpose_core.synth.poses import PoseSampler
from handpose_core.synth.source import SourceLook
from handpose_mvhm.generate.accept import match_hands
from handpose_mvhm.generate.executors import Processes
from handpose_mvhm.generate.plan import Shard
from handpose_mvhm.generate.recipe import Recipe
from handpose_mvhm.generate.scenes import draw_person
from handpose_mvhm.generate.sources import sample_poses
from handpose_mvhm.generate.work import fit_shapes


def test_labels_belong_together_and_to_the_pictures(made):
    rig, seen = HandRig(), set()
    for split in SPLITS:
        data = MVHM(made.root, split, vertices=True)
        for index in range(len(data)):
            sample = data[index]
            torch.testing.assert_close(project(sample["joints_3d"], sample["K"]), sample["joints_2d"])
            world = (sample["vertices"] - sample["t"]) @ sample["R"]
            joints = (sample["joints_3d"] - sample["t"]) @ sample["R"]
            assert joints.mean(0).norm() < 1e-2
            rest = rig.joints if sample["side"] == Side.RIGHT else mirror(rig.joints)
            reach = torch.linalg.vector_norm(joints - joints[0], dim=-1)
            assert 0.5 < float(reach.max() / (rest - rest[0]).norm(dim=-1).max()) < 1.3
            # the z-buffer's depth at a vertex that it shows is that vertex's
            pixels = project(sample["vertices"], sample["K"]).round().long()
            inside = ((pixels >= 0) & (pixels < 48)).all(-1)
            u, v = pixels[inside].T
            behind = sample["vertices"][inside, 2] - sample["depth"][0, v, u]
            on_hand = sample["mask"][0, v, u]
            assert (behind[on_hand] > -15).float().mean() > 0.9  # a pixel is some 8 mm wide
            assert (behind[on_hand].abs() < 8).float().mean() > 0.1  # those that are seen
            assert on_hand.float().mean() > 0.7
            assert ((sample["depth"] > 0) >= sample["mask"]).all()
            assert world.abs().max() < 300
            seen.add(int(sample["side"]))
    assert seen == {0, 1}


def labels_of(root):
    """The labels of every group."""
    found = []
    for path in sorted(root.glob("*/*.tar")):
        with tarfile.open(path) as tar:
            members = [tar.extractfile(member) for member in tar if member.name.endswith(".labels.npy")]
            found += [np.load(io.BytesIO(member.read())) for member in members]
    return found


def test_no_hand_that_is_drawn_has_fingers_through_each_other(made):
    """By the criterion of acceptance, with the shape that is drawn."""
    labels = labels_of(made.root)
    joints, shape = (torch.from_numpy(np.stack([group[name] for group in labels])) for name in ("joints", "shape"))
    assert len(joints) == 12
    assert (shape.abs().amax(1) > 0).all()
    assert not PoseSampler(HandRig()).overlap(joints, shape).any()


def test_a_shape_is_drawn_again_until_it_can_show_the_poses_of_a_motion():
    rig, frames = HandRig(), 2
    sampler, look = PoseSampler(rig), SourceLook()
    poses = sample_poses(rig, 512, seed=0)
    shard = Shard("train", 0, tuple(range(512)), np.arange(512), poses.joints)
    recipe = Recipe("sampled", poses.digest, images=512, frames=frames)
    drawn = [draw_person(look, 8, frame_generator(0, "train", clip)) for clip in range(256)]
    people, match = fit_shapes(sampler, drawn, shard, recipe)

    def shapes(people):
        return torch.stack([person.shape for person in people]).repeat_interleave(frames, dim=0)

    at_first = match_hands(sampler, torch.from_numpy(poses.joints), shapes(drawn)).accepted
    assert 30 < int((~at_first).sum()) < 130
    assert match.fits.all()
    assert not sampler.overlap(match.joints, shapes(people)).any()
    same = (shapes(people) == shapes(drawn)).all(1)
    torch.testing.assert_close(same, at_first.view(-1, frames).all(1).repeat_interleave(frames))
    assert (shapes(people).abs().amax(1) > 0).float().mean() > 0.99  # hardly any is the mean shape


@pytest.mark.parametrize("side", ["right", "left"])
def test_all_hands_are_of_the_side_that_was_asked_for(made, tmp_path, side):
    root = tmp_path / side
    made.make(root, side=side)
    assert read_manifest(root).everything["recipe"]["side"] == side
    groups, either = labels_of(root), labels_of(made.root)
    assert {Side(int(group["side"])) for group in groups} == {Side[side.upper()]}
    for group, other in zip(groups, either, strict=True):  # all else is drawn alike
        np.testing.assert_array_equal(group["shape"], other["shape"])
        assert group["pose"] == other["pose"]
        same_side = group["side"] == other["side"]
        assert np.allclose(group["joints"], other["joints"], atol=1e-3) == same_side


def test_cameras_stand_around_the_palm(made):
    data = MVHM(made.root, "train")
    directions = []
    for index in range(0, len(data), 2):
        for view in (0, 1):
            sample = data[index + view]
            place = -sample["R"].T @ sample["t"]
            palm = ((sample["joints_3d"] - sample["t"]) @ sample["R"])[[0, 1, 5, 9, 13, 17]].mean(0)
            away = (place - palm) / (place - palm).norm()
            elevation = -torch.asin(away[1]).rad2deg()
            assert float(elevation if view == 0 else -elevation) == pytest.approx(20, abs=12)
            aim = sample["K"] @ (sample["R"] @ palm + sample["t"])
            assert (aim[:2] / aim[2] - 23.5).norm() < 6
            torch.testing.assert_close(sample["R"] @ sample["R"].T, torch.eye(3), rtol=0, atol=1e-5)
            assert torch.linalg.det(sample["R"]) > 0
        directions.append(away)
    assert len(directions) > 3


def test_the_splits_share_no_pose(made):
    poses = [set(MVHM(made.root, split).video_index[:, 1].tolist()) for split in SPLITS]
    assert all(poses)
    assert sum(map(len, poses)) == len(set.union(*poses))


def test_webdataset_reads_the_shards(made):
    decode = Decoder([imagehandler("rgb8")])
    with (made.root / "train" / "00001.tar").open("rb") as file:  # its own opener leaves files open
        members = ({**member, "__url__": file.name} for member in tar_file_iterator(file))
        samples = [decode(sample) for sample in group_by_keys(members)]
    data = MVHM(made.root, "train")
    assert [sample["__key__"] for sample in samples] == [f"{number:08d}" for number in range(4, 8)]
    expected = data[8 + 3]  # group 5, view 1
    assert samples[1]["json"]["pose"] == int(expected["frame"])
    assert samples[1]["json"]["side"] == Side(int(expected["side"])).name.lower()
    colour = torch.from_numpy(samples[1]["1.jpg"].copy()).permute(2, 0, 1) / 255
    assert (colour - expected["image"]).abs().max() < 0.05  # another library's JPEG decoder
    np.testing.assert_array_equal(samples[1]["labels.npy"]["t"][1], expected["t"])


def test_the_same_seed_gives_the_same_bits_by_several_processes(made, tmp_path):
    made.make(tmp_path / "again", Processes(2))
    assert files_of(tmp_path / "again") == files_of(made.root)


def test_another_seed_gives_other_pictures(made, tmp_path):
    made.make(tmp_path / "other", seed=1)
    assert files_of(tmp_path / "other").keys() == files_of(made.root).keys()
    ours, others = (read_manifest(root).checksums for root in (made.root, tmp_path / "other"))
    assert all(ours[split] != others[split] for split in SPLITS)


def test_a_killed_run_goes_on_without_a_trace(made, tmp_path):
    root = tmp_path / "killed"
    with pytest.raises(KeyboardInterrupt):
        made.make(root, Here(fail_after=2))
    begun = read_manifest(root)
    assert not begun.groups
    assert not begun.checksums
    assert next(f for f in check(root, 2).findings if f.check == "as made").verdict.status.value == "warning"
    (root / "train" / ".00001.tar.99.tmp").write_bytes(b"half a shard")
    first = sorted((root / "train").glob("*.tar"))[0]
    first.write_bytes(first.read_bytes()[:1000])  # cut short by a full disk
    made.make(root)
    assert files_of(root) == files_of(made.root)


def test_processes_killed_hard_leave_no_half_written_shard(made, tmp_path):
    """SIGKILL to a whole run, at any time."""
    root = tmp_path / "hard"
    run = multiprocessing.get_context("fork").Process(target=made.make, args=(root,))
    run.start()
    while not list(root.glob("train/*.tar")):
        time.sleep(0.01)
    os.kill(run.pid, signal.SIGKILL)
    run.join()
    whole = files_of(made.root)
    assert all(content == whole[name] for name, content in files_of(root).items() if name.endswith(".tar"))
    made.make(root)
    assert files_of(root) == whole


def test_nothing_is_made_twice(made, tmp_path):
    before = {path: path.stat().st_mtime_ns for path in made.root.rglob("*")}
    made.make(made.root, Here(fail_after=0))
    assert {path: path.stat().st_mtime_ns for path in made.root.rglob("*")} == before


def test_other_folders_and_other_recipes_are_refused(made, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(HandposeError, match="a folder with other files"):
        made.make(tmp_path)
    with pytest.raises(HandposeError, match="found seed = 0; expected seed = 7"):
        made.make(made.root, seed=7)
    with pytest.raises(HandposeError, match="at least one group for each"):
        made.make(tmp_path / "few", images=4)


def test_the_manifest_tells_what_there_is(made):
    manifest = json.loads((made.root / "mvhm.json").read_text())
    assert manifest["recipe"]["seed"] == 0
    assert manifest["poses"] == {"given": 12, "accepted": 12, "rejected": {}}
    assert manifest["groups"] == manifest["wanted"] == {"train": 8, "val": 2, "test": 2}
    assert manifest["images"] == {"train": 16, "val": 4, "test": 4}
    assert next(f for f in check(made.root, 2).findings if f.check == "as made").verdict.seen.startswith("9 files are")


def test_a_hand_with_more_vertices_has_them_in_its_labels(made, tmp_path):
    made.make(tmp_path / "fine", vertices=2561, images=6, held_out=0.3)
    data = MVHM(tmp_path / "fine", "train", vertices=True)
    assert data[0]["vertices"].shape == (2561, 3)
    mesh = data.mesh(0)
    assert mesh.is_watertight
    assert mesh.volume > 5e4  # mm^3: outward faces
    assert isinstance(mesh, trimesh.Trimesh)

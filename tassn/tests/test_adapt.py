"""Adapting to a video: from 2D joints and frames alone, whole files at the end, and clear words on bad input."""

import json
import os
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import trimesh
from core.tests.io.videos import with_damage
from tassn.tests.conftest import hand, intrinsics, picture, project
from tassn.tests.tiny import SIZES

from handpose_core.cli.method import method_main
from handpose_core.errors import HandposeError
from handpose_core.geometry.handedness import mirror_pixels, mirror_points
from handpose_core.training.checkpoints import CLASS_KEY, class_path
from handpose_core.training.weights import take_weights
from handpose_tassn.adapt.crops import VideoClips, covering, learnable
from handpose_tassn.adapt.estimates import estimate_video, mirrored_back
from handpose_tassn.adapt.run import OBJECTIVE, objective_of, weighted
from handpose_tassn.adapt.tracks import MirroredVideo, TrackedVideo, Tracks, read_tracks
from handpose_tassn.cli import METHOD
from handpose_tassn.masks import MASK_USED, MaskedSamples
from handpose_tassn.module import TASSNModule
from handpose_tassn.objectives import EndToEnd, MeshPretraining
from handpose_tassn.terms import Heatmaps, SilhouetteTerm

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning's own, of a whole run


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """Untrained, but for the length of a bone."""
    import pytorch_lightning as pl

    torch.manual_seed(0)
    module = TASSNModule(**SIZES, scale_mm=40.0)
    path = tmp_path_factory.mktemp("trained") / "trained.ckpt"
    trainer = pl.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, max_epochs=0)
    trainer.strategy.connect(module)
    trainer.save_checkpoint(path, weights_only=True)
    assert torch.load(path, weights_only=True)[CLASS_KEY] == class_path(TASSNModule)
    return path


def joints_of(folder):
    labels = np.load(folder / "labels.npz")
    return np.array([project(joints, K) for joints, K in zip(labels["joints_3d"], labels["K"], strict=True)])


def run(*arguments):
    options = ["--epochs", "1", "--image-size", "32"]
    return method_main("tassn", METHOD, ["adapt", *map(str, arguments), *options])


def test_hands_npz_of_predict_gives_its_frames_joints_and_no_truth(tmp_path):
    joints = np.random.default_rng(0).uniform(0, 100, (3, 21, 2))
    arrays = {"joints_2d": joints, "joints_3d": np.ones((3, 21, 3)), "side": np.ones(3, np.int64)}
    names = np.array(["0", "1", "2", "4"])  # frame 3 was damaged
    np.savez(tmp_path / "hands.npz", names=names, picture=np.array([0, 2, 3]), **arrays)
    tracks = read_tracks(tmp_path / "hands.npz").of([*"01234"], tmp_path)
    assert tracks.known().tolist() == [True, False, True, False, True]
    np.testing.assert_allclose(tracks.joints_2d[[0, 2, 4]], joints, rtol=1e-6)
    assert tracks.truth is None
    with pytest.raises(
        HandposeError, match="1 pictures that are none of its frames, such as 4; expected names of its frames"
    ):
        read_tracks(tmp_path / "hands.npz").of([*"0123"], tmp_path)
    np.savez(tmp_path / "two.npz", names=names, picture=np.array([0, 2, 2]), **arrays)
    with pytest.raises(HandposeError, match="1 frames with several hands, the first is 2"):
        read_tracks(tmp_path / "two.npz")


def test_predictions_of_a_folder_are_matched_by_name_whatever_the_order_of_either(tmp_path):
    frames = np.zeros((12, 32, 32, 3), np.uint8)
    for number, image in enumerate(frames):
        cv2.imwrite(str(tmp_path / f"{number}.png"), image)
    names = np.array(sorted(f"{number}.png" for number in range(12)))  # as predict lists them: 10.png before 2.png
    joints = np.array([[[int(Path(name).stem)] * 2] * 21 for name in names], np.float64)
    np.savez(tmp_path / "hands.npz", names=names, picture=np.arange(12), joints_2d=joints)
    video = TrackedVideo(tmp_path, read_tracks(tmp_path / "hands.npz"))
    assert video.tracks.joints_2d[:, 0, 0].tolist() == list(range(12))
    assert video.where(11).endswith("11.png")


def test_generated_hands_are_rehearsed_beside_a_video(drawn_video, drawn_meshes, checkpoint, tmp_path):
    given = [drawn_video, "--joints-2d", drawn_video / "labels.npz", "--ckpt_path", checkpoint, "--clip-length", 3]
    assert run(*given, "--out", tmp_path / "out", "--glb-every", 0, "--rehearse", drawn_meshes) == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["losses"]["last_epoch"]["train/loss_rehearsal"] > 0
    assert report["trained_on"][-1]["rehearsed labels"] == "3D joints and meshes"
    missing = ["--out", tmp_path / "none", "--rehearse", tmp_path / "nowhere"]
    assert run(*given, *missing) == 2


def test_a_video_with_gaps_is_adapted_to_and_written(drawn_video, checkpoint, tmp_path, capsys):
    pixels = joints_of(drawn_video)
    pixels[4] = np.nan
    pixels[2, 7] = np.nan
    np.savez(tmp_path / "joints.npz", joints_2d=pixels)
    out = tmp_path / "out"
    given = [drawn_video, "--joints-2d", tmp_path / "joints.npz", "--ckpt_path", checkpoint, "--out", out]
    assert run(*given, "--clip-length", 3, "--glb-every", 4) == 0
    printed = capsys.readouterr().out
    assert "frames_without_joints: 1" in printed
    assert "joints_unknown: 22" in printed
    assert "intrinsics: guessed" in printed
    poses, meshes = np.load(out / "poses.npz"), np.load(out / "meshes.npz")
    assert poses["joints_2d"].shape == (9, 21, 2)
    assert poses["joints_3d"].shape == (9, 21, 3)
    assert meshes["vertices"].shape == (9, 1610, 3)
    assert all(np.isfinite(array).all() for array in (*poses.values(), meshes["vertices"]))
    assert len(json.loads((out / "poses.json").read_text())["frames"]) == 9
    assert [path.name for path in sorted((out / "meshes").iterdir())] == [f"{n:05d}.glb" for n in (0, 4, 8)]
    assert len(trimesh.load(out / "meshes" / "00000.glb", force="mesh").faces) == len(meshes["faces"])
    shown = []
    for name in ("overlay_before", "overlay"):
        capture = cv2.VideoCapture(str(out / f"{name}.mp4"))
        assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 9
        shown.append(capture.read()[1])
        capture.release()
    assert np.abs(shown[0].astype(int) - shown[1]).max() > 50  # another hand after learning than before
    report = json.loads((out / "report.json").read_text())
    assert report["masks"]["samples"] == 9
    assert report["masks"]["empty"] >= 1  # the frame without joints
    assert report["trained_on"][-1]["learnt_from"] == "2D joints, silhouettes"
    assert "epe_mm/predicted/root" not in report["before"]
    weights = [torch.load(path, weights_only=True)["state_dict"] for path in (checkpoint, out / "adapted.ckpt")]
    means = [key for key in weights[0] if key.endswith("running_mean")]
    assert any(not torch.equal(*(some[key] for some in weights)) for key in means)  # not learnt in evaluation
    adapted = TASSNModule.load_from_checkpoint(out / "adapted.ckpt")
    first = TASSNModule.load_from_checkpoint(checkpoint)
    assert adapted.objective == weighted(objective_of(first), {"bones": 0, "limits": 0}) != first.objective


def test_3d_labels_are_scored_with_and_change_nothing(drawn_video, checkpoint, tmp_path):
    for name, labels in (("with", drawn_video / "labels.npz"), ("without", tmp_path / "joints.npz")):
        if name == "without":
            K = np.load(drawn_video / "labels.npz")["K"]
            np.savez(labels, joints_2d=joints_of(drawn_video), K=K)
        options = ["--joints-2d", labels, "--ckpt_path", checkpoint, "--out", tmp_path / name]
        frames = ["--clip-length", 3, "--learn-from", "0:6", "--score", "6:9", "--glb-every", 0]
        assert run(drawn_video, *options, *frames) == 0
    one, other = (np.load(tmp_path / name / "poses.npz") for name in ("with", "without"))
    assert all(np.allclose(one[key], other[key], atol=1e-3) for key in one)
    report = json.loads((tmp_path / "with" / "report.json").read_text())
    assert report["adapted_on"].startswith("frames 0 to 5")
    assert report["scored_on"] == "frames 6 to 8"
    assert {"epe_px", "epe_mm/true_root_and_scale/root", "epe_mm/predicted/procrustes"} <= report["after"].keys()
    assert 0 <= report["after"]["mesh_iou"] <= 1
    assert report["losses"]["first_epoch"].keys() == report["losses"]["last_epoch"].keys()


@pytest.fixture
def video(tmp_path):
    """Writes frames of given sizes, and their joints."""

    def write(*sides):
        rows = []
        for number, side in enumerate(sides):
            pixels = project(hand(0.1 * number)[1], intrinsics(side))
            cv2.imwrite(str(tmp_path / f"{number}.png"), picture(pixels, side))
            rows.append(pixels)
        np.savez(tmp_path / "joints.npz", joints_2d=np.array(rows))
        return tmp_path, tmp_path / "joints.npz"

    return write


def test_a_frame_of_another_size_and_a_lone_frame_are_named(video, tmp_path, checkpoint, capsys):
    folder, joints = video(64, 64, 48)
    options = ["--joints-2d", joints, "--ckpt_path", checkpoint, "--out", tmp_path / "out", "--clip-length", 2]
    assert run(folder, *options) == 2
    assert "2.png" in (found := capsys.readouterr().err)
    assert "48 x 48 px; expected 64 x 64 px" in found
    for number in (1, 2):
        (folder / f"{number}.png").unlink()
    assert run(folder, *options) == 2
    assert "found one frame" in capsys.readouterr().err


def test_videos_that_do_not_decode_are_named(video, tmp_path, checkpoint, capsys):
    folder, joints = video(64, 64, 64)
    options = ["--joints-2d", joints, "--ckpt_path", checkpoint, "--out", tmp_path / "out", "--clip-length", 2]
    (tmp_path / "broken.mp4").write_bytes(b"no video at all" * 100)
    assert run(tmp_path / "broken.mp4", *options) == 2
    assert "broken.mp4" in capsys.readouterr().err
    cut = (folder / "1.png").read_bytes()
    (folder / "1.png").write_bytes(cut[: len(cut) // 2])
    assert run(folder, *options) == 2
    assert "1.png" in capsys.readouterr().err
    assert not (tmp_path / "out" / "poses.npz").exists()


def test_damaged_frames_and_files_that_would_be_replaced_are_refused(video, tmp_path, checkpoint, capsys):
    folder, joints = video(64, 64, 64)
    out = tmp_path / "out"
    options = ["--joints-2d", joints, "--ckpt_path", checkpoint, "--out", out, "--clip-length", 2]
    assert run(with_damage(tmp_path / "clip.avi", 6, [2]), *options) == 2
    assert "1 of 6 frames that are missing, damaged or cut off" in capsys.readouterr().err
    out.mkdir()
    (out / "overlay.mp4").write_bytes(b"mine")
    assert run(folder, *options) == 2
    assert "overlay.mp4" in capsys.readouterr().err
    assert (out / "overlay.mp4").read_bytes() == b"mine"


def test_masks_that_are_all_empty_are_told(video, tmp_path, checkpoint, capsys):
    folder, joints = video(64, 64, 64)
    beside = np.load(joints)["joints_2d"] + 1000.0  # joints beside the pictures: nothing to cut a hand out around
    np.savez(joints, joints_2d=beside)
    options = ["--joints-2d", joints, "--ckpt_path", checkpoint, "--out", tmp_path / "out", "--clip-length", 2]
    assert run(folder, *options) == 2
    assert "no mask that can be trusted" in capsys.readouterr().err


def test_a_mesh_of_another_topology_is_refused(checkpoint):
    finer = TASSNModule(**{**SIZES, "mesh": replace(SIZES["mesh"], vertices=2561)})
    with pytest.raises(HandposeError, match="as the module was built"):
        take_weights(finer, checkpoint)


def test_terms_are_weighted_and_left_out_by_name():
    assert weighted(OBJECTIVE, {"silhouette": 0.5}).silhouette.weight == 0.5
    assert weighted(OBJECTIVE, {"silhouette": 0.5}).heatmaps == OBJECTIVE.heatmaps
    assert OBJECTIVE.terms().keys() - weighted(OBJECTIVE, {"silhouette": 0, "pose": 0}).terms().keys() == {
        "silhouette", "pose",
    }  # fmt: skip
    with pytest.raises(HandposeError, match="found shape"):
        weighted(OBJECTIVE, {"shape": 1.0})


def test_overlapping_clips_read_each_frame_once_and_in_order(drawn_video, monkeypatch):
    tracks = read_tracks(drawn_video / "labels.npz")
    frames, reads, read = TrackedVideo(drawn_video, tracks), [], TrackedVideo.__getitem__
    monkeypatch.setattr(TrackedVideo, "__getitem__", lambda self, index: reads.append(index) or read(self, index))
    clips = VideoClips(frames, tracks, [0, 2, 4], 4, 32)
    for clip in [clips[number] for number in (0, 1, 2, 0, 1, 2)]:
        assert clip["image"].shape == (4, 3, 32, 32)
    assert reads == list(range(8))
    assert [clips[number]["index"].tolist() for number in range(3)] == [[0, 1, 2, 3], [2, 3, 4, 5], [4, 5, 6, 7]]
    alone = VideoClips(frames, tracks, [2], 4, 32)[0]
    assert all(torch.equal(clips[1][key], alone[key]) for key in alone)


def test_bad_joints_are_named(tmp_path, drawn_video):
    path = tmp_path / "joints.json"
    path.write_text(json.dumps({"joints_2d": [None] * 9}))
    with pytest.raises(HandposeError, match="no joint that is known"):
        read_tracks(path)
    path.write_text("{")
    with pytest.raises(HandposeError, match="cannot be read"):
        read_tracks(path)
    with pytest.raises(HandposeError, match="no readable file"):
        read_tracks(tmp_path / "absent.npz")
    np.savez(tmp_path / "odd.npz", joints_2d=np.zeros((9, 20, 2)))
    with pytest.raises(HandposeError, match=r"shape \(9, 20, 2\)"):
        read_tracks(tmp_path / "odd.npz")
    row = [[1, 2]] * 20 + [None]
    path.write_text(json.dumps({"joints_2d": [row, None]}))
    tracks = read_tracks(path)
    assert tracks.annotated.sum(1).tolist() == [20, 0]
    assert (tracks.joints_2d[1] == 0).all()
    with pytest.raises(HandposeError, match="2 rows of joints for 9 frames"):
        TrackedVideo(drawn_video, tracks)


def test_boxes_between_frames_without_joints_come_from_their_neighbours():
    joints, annotated = np.zeros((3, 21, 2), np.float32), np.zeros((3, 21), bool)
    joints[0, :2], joints[2, :2] = [[0, 0], [10, 20]], [[20, 0], [30, 40]]
    annotated[[0, 2], :2] = True
    assert Tracks(joints, annotated).boxes()[1].tolist() == [10, 0, 20, 30]
    assert learnable(Tracks(joints, annotated), range(3), 2) == [0, 1]
    assert covering(7, 3) == [0, 3, 4]
    with pytest.raises(HandposeError, match="0 of 1 with joints"):
        learnable(Tracks(joints, annotated), range(1, 2), 1)


def test_estimates_lie_where_the_crop_was(drawn_video, tmp_path):
    tracks = read_tracks(drawn_video / "labels.npz")
    video = TrackedVideo(drawn_video, tracks)
    module = TASSNModule(**SIZES, scale_mm=40.0).eval()
    masked = MaskedSamples(video, tmp_path)
    for _ in masked.make():
        pass
    clips = VideoClips(masked, tracks, [0, 3, 6], 3, 32)
    with torch.no_grad():  # a pose head that says: the middle of the crop
        module.network.pose.joints.weight.zero_()
    found = estimate_video(module, clips, tracks, range(9))
    corners = tracks.boxes()[:3]
    middle = (corners[:, :2].min(0) + corners[:, 2:].max(0)) / 2
    assert np.allclose(found.joints_2d[:3], middle, atol=0.05)


def test_real_frames_are_adapted_to(checkpoint, tmp_path):
    real = Path(os.environ.get("HANDPOSE_SAMPLES", "")) / "realworld_dev"
    if not (real / "labels.npz").is_file():
        pytest.skip("HANDPOSE_SAMPLES names no folder with realworld_dev")
    folder, count = tmp_path / "frames", 6
    folder.mkdir()
    for path in sorted((real / "images").iterdir())[:count]:
        (folder / path.name).symlink_to(path)
    labels = np.load(real / "labels.npz")
    np.savez(tmp_path / "labels.npz", **{name: labels[name][:count] for name in labels.files})
    options = ["--joints-2d", tmp_path / "labels.npz", "--ckpt_path", checkpoint, "--out", tmp_path / "out"]
    assert run(folder, *options, "--clip-length", 3) == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["masks"]["samples"] == count
    assert report["masks"]["empty"] == 0
    assert np.isfinite(list(report["after"].values())).all()
    assert report["data"]["intrinsics"] == "given"


def test_an_adaptation_keeps_the_terms_that_the_model_was_trained_by():
    wide, large = Heatmaps(weight=3.0, sigma=4.0), SilhouetteTerm(weight=2.0, size=32)
    pretrained = objective_of(TASSNModule(**SIZES, objective=MeshPretraining(heatmaps=wide)))
    assert pretrained == replace(OBJECTIVE, heatmaps=wide)
    joined = objective_of(TASSNModule(**SIZES, objective=EndToEnd(heatmaps=wide, silhouette=large)))
    assert (joined.heatmaps, joined.silhouette, joined.projection) == (wide, large, OBJECTIVE.projection)


class ManyFrames:
    """White frames of 64 px, as many as one likes."""

    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        joints = torch.full((21, 2), 32.0) + torch.arange(21)[:, None]
        image = torch.full((3, 64, 64), 255, dtype=torch.uint8)
        return {"image": image, "joints_2d": joints, "index": torch.tensor(index)}

    def where(self, index):
        return f"frame {index}"

    def describe(self):
        return {}


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="memory is told by Linux alone")
@pytest.mark.parametrize("frames", [60, 600])
def test_crops_of_a_long_video_are_not_kept_in_memory(frames, tmp_path):
    """600 frames in clips that overlap by half are 133 MB of crops of 192 px."""

    def anonymous_mb():
        lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("Anonymous")) / 1024

    joints = np.full((frames, 21, 2), 32.0, np.float32) + np.arange(21)[:, None]
    tracks = Tracks(joints, np.ones((frames, 21), bool))
    before = anonymous_mb()
    clips = VideoClips(ManyFrames(frames), tracks, learnable(tracks, range(frames), 4), 4, 192, folder=tmp_path)
    assert anonymous_mb() - before < 30
    assert clips[len(clips) - 1]["index"].tolist() == list(range(frames - 4, frames))
    assert clips[0]["image"].shape == (4, 3, 192, 192)
    assert clips[0]["image"].max() == 1
    assert list(tmp_path.iterdir()) == []  # a file without a name


def test_a_left_hand_is_mirrored_for_a_model_of_right_ones_and_its_results_are_mirrored_back(tmp_path):
    """The mirror image of a video, given as the other hand, gets the mirror image of the same answer."""
    torch.manual_seed(0)
    module = TASSNModule(**SIZES, scale_mm=40.0).eval()
    size, rng = 64, np.random.default_rng(0)
    for name in ("right", "left"):
        (tmp_path / name).mkdir()
    joints = rng.uniform(16, 48, (4, 21, 2)).astype(np.float32)
    for frame in range(4):
        image = rng.integers(0, 255, (size, size, 3), np.uint8)
        cv2.imwrite(str(tmp_path / "right" / f"{frame}.png"), image)
        cv2.imwrite(str(tmp_path / "left" / f"{frame}.png"), image[:, ::-1])
    known = np.ones((4, 21), bool)
    right = TrackedVideo(tmp_path / "right", Tracks(joints, known))
    left = TrackedVideo(tmp_path / "left", Tracks(mirror_pixels(joints, size), known))
    shown = MirroredVideo(left)
    for frame in range(4):
        for key in ("image", "joints_2d", "K"):
            torch.testing.assert_close(shown[frame][key], right[frame][key])
    estimates = []
    for video in (right, shown):
        clips = VideoClips(MaskedVideo(video), video.tracks, [0], 4, 32)
        estimates.append(estimate_video(module, clips, video.tracks, range(4)))
    first, second = estimates[0], mirrored_back(estimates[1], size)
    np.testing.assert_allclose(second.joints_2d, mirror_pixels(first.joints_2d, size), atol=1e-2)
    np.testing.assert_allclose(second.joints_3d, mirror_points(first.joints_3d), atol=1e-1)
    np.testing.assert_allclose(second.vertices_2d, mirror_pixels(first.vertices_2d, size), atol=1e-2)


class MaskedVideo:
    """Frames with a mask that is all hand."""

    def __init__(self, video):
        self.video = video

    def __len__(self):
        return len(self.video)

    def __getitem__(self, index):
        sample = self.video[index]
        mask = torch.ones(1, *sample["image"].shape[-2:], dtype=torch.bool)
        return {**sample, "mask": mask, MASK_USED: torch.tensor(True)}

    def where(self, index):
        return self.video.where(index)

    def describe(self):
        return {}

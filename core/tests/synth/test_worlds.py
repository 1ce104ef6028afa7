"""Frames of both worlds: labels that agree with the pictures, the same whatever they are made with."""

import cv2
import numpy as np
import pytest
import torch

from handpose_core.errors import HandposeError
from handpose_core.hand import FINGER_JOINTS, Side
from handpose_core.synth.backgrounds import FolderBackground, ProceduralBackground
from handpose_core.synth.draws import frame_generator, random_rotation
from handpose_core.synth.frame import ARM, FAR, FIRST_BONE
from handpose_core.synth.scene import draw_scene
from handpose_core.synth.sensor import Sensor, to_srgb
from handpose_core.synth.source import SourceLook
from handpose_core.synth.target import TargetLook
from handpose_core.synth.world import World


@pytest.fixture(scope="module", params=[SourceLook, TargetLook], ids=["source", "target"])
def world(request):
    return World(request.param(), (160, 160))


@pytest.fixture(scope="module")
def frames(world):
    return world.frames(0, "training", range(24))


def test_a_frame_does_not_depend_on_its_company(world, frames):
    alone = world.frames(0, "training", [7])[0]
    assert np.allclose(alone.joints_3d, frames[7].joints_3d, atol=1e-3)
    # sums over another batch may round differently: chunks are fixed where bits must be the same
    assert (alone.segments == frames[7].segments).mean() > 0.9999
    assert (np.abs(alone.colour.astype(int) - frames[7].colour) <= 1).mean() > 0.9999
    other = world.frames(1, "training", [7])[0]
    assert not np.allclose(other.joints_3d, alone.joints_3d)
    elsewhere = world.frames(0, "evaluation", [7])[0]
    assert not np.allclose(elsewhere.joints_3d, alone.joints_3d)


def test_no_hand_that_is_drawn_has_fingers_through_each_other(world):
    generators = [frame_generator(0, "fingers", number) for number in range(100)]
    scenes = [draw_scene(world.look, world.poses, world.size, generator) for generator in generators]
    shape = torch.stack([scene.shape for scene in scenes])
    joints = []
    for side in Side:
        own = [i for i, scene in enumerate(scenes) if scene.side == side]
        posed = world.pose([scenes[i] for i in own], [generators[i] for i in own], side, lit=1)
        joints.append((shape[own], posed.joints_3d))
    of_hands, joints_3d = (torch.cat(parts) for parts in zip(*joints, strict=True))
    assert not world.poses.overlap(joints_3d, of_hands).any()


def test_joints_project_where_the_labels_say(frames):
    for frame in frames:
        homogeneous = frame.joints_3d @ frame.K.T
        np.testing.assert_allclose(homogeneous[:, :2] / homogeneous[:, 2:], frame.joints_2d, atol=1e-2)


def test_visible_joints_lie_just_under_the_surface_of_the_hand(frames):
    seen = 0
    for frame in frames:
        for joint in np.flatnonzero(frame.visible):
            u, v = frame.joints_2d[joint].round().astype(int)
            assert frame.segments[v, u] >= FIRST_BONE
            if frame.depth[v, u] == 0:
                continue
            under = frame.joints_3d[joint, 2] - frame.depth[v, u]
            assert -12 < under < 26
            seen += 1
    assert seen > 150


def test_finger_segments_lie_near_their_own_bones(frames):
    near = []
    for frame in frames:
        for finger in FINGER_JOINTS.values():
            tip_segment = frame.segments == FIRST_BONE + finger[3] - 1
            if tip_segment.sum() > 20:
                v, u = np.argwhere(tip_segment).mean(0)
                ends = frame.joints_2d[[finger[2], finger[3]]]
                scale = frame.K[0, 0] / frame.joints_3d[finger[3], 2]
                near.append(np.linalg.norm(ends - [u, v], axis=1).min() / scale)
    assert len(near) > 30
    assert np.mean(near) < 15  # mm


def test_depth_is_of_hand_and_arm_and_far_elsewhere(frames):
    for frame in frames:
        hit = frame.segments >= ARM
        value = frame.depth > 0  # the target world's sensor leaves holes
        assert (frame.depth[~hit & value] > FAR - 600).all()
        assert (frame.depth[hit] < 1500).all()
        assert (value & hit).sum() > 0.7 * hit.sum()
        hand = frame.depth[(frame.segments >= FIRST_BONE) & value]
        assert hand.min() > frame.joints_3d[:, 2].min() - 40
        assert hand.max() < frame.joints_3d[:, 2].max() + 40


def test_left_hands_are_left_and_right_hands_right(frames):
    """Seen from the palm's side (fingers curl towards the viewer), a right hand's thumb is on the viewer's right."""
    sides = []
    for frame in frames:
        joints = frame.joints_3d.astype(np.float64)
        along = joints[9] - joints[0]
        across = joints[5] - joints[17]
        palm = np.cross(across, along)
        curl = sum(joints[tip] - joints[mcp] for mcp, tip in ((5, 8), (9, 12), (13, 16), (17, 20)))
        sides.append(((palm @ curl) > 0) == (frame.side == Side.RIGHT))
    assert np.mean(sides) > 0.9  # a finger bent back can outvote the others
    assert {frame.side for frame in frames} == {Side.LEFT, Side.RIGHT}


def test_the_surface_has_no_cracks(world, frames):
    """A pixel of background amid hand on all four sides is a crack if these lie at one depth, not on two fingers."""
    gaps = 0
    for frame in [*frames, *world.frames(0, "training", range(48, 120))]:
        depth = np.where((frame.segments > 0) & (frame.depth > 0), frame.depth, np.nan)
        finger = np.where(
            frame.segments > FIRST_BONE, (frame.segments - FIRST_BONE - 1.0) // 4, np.nan
        )  # the palm: none
        around, fingers = (
            np.stack([np.roll(values, shift, axis) for shift in (1, -1) for axis in (0, 1)])
            for values in (depth, finger)
        )
        enclosed = (frame.segments == 0) & np.isfinite(around).all(0)
        spread = (around.max(0) - around.min(0))[enclosed]
        two_fingers = np.fmax.reduce(fingers)[enclosed] > np.fmin.reduce(fingers)[enclosed]
        gaps += len(spread)
        assert ((spread > 3) | two_fingers).all()
    assert gaps > 1  # between fingers there are some: the test has seen what it judges


def test_folder_backgrounds_show_the_folder(tmp_path):
    cv2.imwrite(str(tmp_path / "red.png"), np.full((50, 80, 3), (0, 0, 255), np.uint8))
    picture = FolderBackground(tmp_path).draw(32, torch.Generator().manual_seed(0))
    torch.testing.assert_close(picture[:, 0, 0], torch.tensor([1.0, 0, 0]))
    (tmp_path / "broken.png").write_bytes(b"not a picture")
    (tmp_path / "red.png").unlink()
    with pytest.raises(HandposeError, match=r"broken\.png"):
        FolderBackground(tmp_path).draw(32, torch.Generator().manual_seed(0))


def test_backgrounds_are_of_any_case_never_hidden_and_the_rest_is_named(tmp_path, capsys):
    (tmp_path / "below").mkdir()
    (tmp_path / "._red.png").write_bytes(b"\0\5\x16\7")
    (tmp_path / "below" / "a.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0")
    path = tmp_path / "below" / "red.PNG"
    cv2.imwrite(str(path), np.full((50, 80, 3), (0, 0, 255), np.uint8))
    assert FolderBackground(tmp_path).files == [path]
    assert "left out: 1 file (below/a.heic: a HEIC picture)" in capsys.readouterr().err


def test_an_empty_folder_of_backgrounds_is_refused(tmp_path):
    with pytest.raises(HandposeError, match="no picture"):
        FolderBackground(tmp_path)


def test_made_up_backgrounds_differ_and_stay_in_range():
    pictures = [ProceduralBackground().draw(64, frame_generator(0, "bg", i)) for i in range(8)]
    stacked = torch.stack(pictures)
    assert stacked.min() >= 0
    assert stacked.max() <= 1
    assert stacked.mean((2, 3)).std(0).min() > 0.05


def test_random_rotations_are_rotations_and_even():
    rotations = torch.stack([random_rotation(frame_generator(0, "r", i)) for i in range(600)])
    identity = torch.eye(3).expand(600, 3, 3)
    torch.testing.assert_close(rotations @ rotations.transpose(1, 2), identity, atol=1e-5, rtol=0)
    torch.testing.assert_close(torch.linalg.det(rotations), torch.ones(600))
    assert rotations.mean(0).abs().max() < 0.08


def test_sensor_noise_has_the_strength_it_says():
    grey = torch.full((1, 3, 200, 200), 0.25)
    sensor = Sensor(gain=torch.ones(3), blur=0.0, shot_noise=0.04, read_noise=0.01)
    noise = torch.randn(grey.shape, generator=torch.Generator().manual_seed(0))
    picture = Sensor.take([sensor], grey, noise).float() / 255
    assert picture.mean().item() == pytest.approx(0.25, abs=0.003)
    assert picture.std().item() == pytest.approx(0.01 + 0.04 * 0.5, rel=0.05)
    blurred = Sensor.take([Sensor(torch.ones(3), 0.9, 0.0, 0.0)], grey, torch.zeros_like(grey))
    assert (blurred == 64).all()


def test_each_sensor_of_a_batch_blurs_by_its_own_width():
    dot = torch.zeros(3, 3, 21, 21)
    dot[:, :, 10, 10] = 1
    sigmas = [0.0, 0.5, 1.0]
    sensors = [Sensor(torch.ones(3), sigma, 0.0, 0.0) for sigma in sigmas]
    taken = Sensor.take(sensors, dot, torch.zeros_like(dot))
    for i, sigma in enumerate(sigmas):
        kernel = cv2.getGaussianKernel(2 * max(1, round(2.5 * sigma)) + 1, sigma) if sigma else np.ones((1, 1))
        reach, expected = len(kernel) // 2, np.zeros((21, 21))
        expected[10 - reach : 11 + reach, 10 - reach : 11 + reach] = kernel @ kernel.T
        assert np.abs(taken[i, 0].numpy() - 255 * expected).max() <= 0.51
        alone = Sensor.take([sensors[i]], dot[:1], torch.zeros_like(dot[:1]))
        assert torch.equal(alone[0], taken[i])


def test_srgb_against_the_standards_own_values():
    linear = torch.tensor([0.0, 0.002, 0.2140411, 0.5])
    torch.testing.assert_close(to_srgb(linear), torch.tensor([0.0, 0.02584, 0.5, 0.7353570]), atol=1e-5, rtol=0)

"""The two worlds share nothing that they should not: rig, shapes, skin, light, backgrounds, camera, seeds."""

import numpy as np
import pytest
import torch

from handpose_core.hand import BONES
from handpose_core.render import Environment, Lights
from handpose_core.synth.draws import frame_generator
from handpose_core.synth.sensor import Sensor
from handpose_core.synth.source import SourceLook
from handpose_core.synth.target import PhoneCamera, TargetLook
from handpose_core.synth.world import World


@pytest.fixture(scope="module")
def looks():
    return SourceLook(), TargetLook()


@pytest.fixture(scope="module")
def frames(looks):
    return [World(look, (128, 128)).frames(0, "training", range(40)) for look in looks]


def proportions(frames):
    """Bone lengths over the hand's own size: what remains when size is taken away."""
    joints = np.stack([frame.joints_3d for frame in frames])
    lengths = np.stack([np.linalg.norm(joints[:, b] - joints[:, a], axis=1) for a, b in BONES], axis=1)
    return lengths / lengths.sum(1, keepdims=True)


def test_rigs_differ_in_mesh_and_palm_and_no_hand_is_in_both(looks, frames):
    source, target = looks
    assert len(source.rig.vertices) != len(target.rig.vertices)
    # both have the published lengths of segments; palms and thumbs are each rig's own
    rest = [look.rig.joints / look.rig.joints[12].norm() for look in looks]
    assert (rest[0] - rest[1]).norm(dim=-1).max() > 0.05
    ours, theirs = (proportions(made) for made in frames)
    across = np.linalg.norm(ours[:, None] - theirs, axis=2).min()
    within = np.linalg.norm(theirs[:, None] - theirs + 9 * np.eye(len(theirs))[..., None], axis=2).min(1)
    assert across > np.median(within) / 4


def test_no_picture_background_or_camera_is_shared(looks):
    made = [look.draw_appearance(64, frame_generator(0, "training", 3)) for look in looks]
    assert isinstance(made[0].light, Lights)
    assert isinstance(made[1].light, Environment)
    assert isinstance(made[0].camera, Sensor)
    assert isinstance(made[1].camera, PhoneCamera)
    assert not torch.allclose(made[0].background, made[1].background, atol=0.02)


def test_focal_lengths_do_not_overlap(looks):
    lengths = [
        [float(look.draw_intrinsics((320, 320), frame_generator(0, "K", i))[0, 0]) for i in range(60)] for look in looks
    ]
    assert max(lengths[0]) < min(lengths[1])


def test_same_seed_and_number_give_unrelated_hands(frames):
    for ours, theirs in zip(*frames, strict=True):
        assert not np.allclose(ours.joints_3d, theirs.joints_3d, atol=5)


def test_only_the_target_worlds_depth_has_holes(frames):
    holes = [sum((frame.depth == 0).sum() for frame in made) for made in frames]
    assert holes[0] == 0
    assert holes[1] > 100


def test_jpeg_camera_keeps_the_picture_it_was_given():
    picture = torch.linspace(0, 1, 64)[None, None].expand(3, 64, 64)
    camera = PhoneCamera(torch.ones(3), vignette=0.0, noise=0.0, quality=95, depth_step=1.0, dropout=0.0)
    taken = camera.take([camera], picture[None], torch.randn(1, 3, 64, 64))[0].float() / 255
    assert (taken - picture).abs().mean() < 0.01


def test_depth_sensor_steps_and_drops_as_it_says():
    camera = PhoneCamera(torch.ones(3), vignette=0.0, noise=0.0, quality=95, depth_step=2.0, dropout=0.1)
    flat = torch.full((100, 100), 1000.0)
    measured = camera.measure(flat, torch.Generator().manual_seed(0))
    assert (measured == 0).float().mean().item() == pytest.approx(0.1, abs=0.02)
    kept = measured[measured > 0]
    assert kept.mean().item() == pytest.approx(1000, abs=0.3)
    torch.testing.assert_close(kept % 2, torch.zeros_like(kept), atol=1e-3, rtol=0)

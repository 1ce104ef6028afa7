"""What the cameras around a hand see."""

import numpy as np
import torch

from handpose_core.hand import Side
from handpose_core.rig import pose_from_angles
from handpose_core.synth.backgrounds import ProceduralBackground
from handpose_core.synth.draws import frame_generator
from handpose_core.synth.source import SourceLook
from handpose_core.synth.world import World
from handpose_mvhm.generate.cameras import draw_cameras
from handpose_mvhm.generate.scenes import draw_person, draw_views, place_frames


def test_a_hand_lit_once_looks_as_if_lit_for_every_camera():
    world, generator = World(SourceLook(), (64, 64)), frame_generator(0, "test", 0)
    person = draw_person(world.look, 64, generator)
    pose = pose_from_angles(world.rig, world.poses.sample(1, generator))
    joints = world.rig(pose, person.shape[None]).joints[0]
    _, scenes = draw_views(person, pose[0], joints, 3, 64, ProceduralBackground(), generator)
    state, pictures = generator.get_state(), []
    for make in (world.make, world.make_views):
        generator.set_state(state)
        pictures.append(make(scenes, [generator] * 3))
    for each, shared in zip(*pictures, strict=True):
        assert np.abs(each.colour.astype(int) - shared.colour).max() <= 1  # rounding
        np.testing.assert_array_equal(each.depth, shared.depth)
        np.testing.assert_array_equal(each.joints_2d, shared.joints_2d)


def test_as_many_cameras_as_asked_for_all_around():
    for count in (1, 3, 8):
        cameras = draw_cameras(count, torch.zeros(3), 256, frame_generator(0, "cameras", count))
        places = torch.stack([-camera.R.T @ camera.t for camera in cameras])
        azimuths = torch.atan2(places[:, 0], places[:, 2]).rad2deg().sort().values
        gaps = torch.cat([azimuths.diff(), azimuths[:1] + 360 - azimuths[-1:]])
        assert (gaps - 360 / count).abs().max() < 25  # two cameras, each within 10 degrees, and aim within 1 cm
        spans = [190 * camera.K[0, 0] / place.norm() / 256 for camera, place in zip(cameras, places, strict=True)]
        assert 0.47 < min(spans) <= max(spans) < 0.79


def test_a_left_hands_bones_are_mirrored_with_it():
    look = SourceLook()
    people = [draw_person(look, 32, frame_generator(0, "people", number)) for number in range(8)]
    left = next(person for person in people if person.side == Side.LEFT)
    frames = look.rig.rest_frames(look.rig.joints[None])[0]
    placed = left.rotation.T @ place_frames(left, frames)
    torch.testing.assert_close(torch.linalg.det(placed), torch.ones(16))
    torch.testing.assert_close(placed[:, :, 1], frames[:, :, 1] * torch.tensor([-1.0, 1.0, 1.0]), rtol=0, atol=1e-5)
    torch.testing.assert_close(placed[:, :, 0], frames[:, :, 0] * torch.tensor([1.0, -1.0, -1.0]), rtol=0, atol=1e-5)

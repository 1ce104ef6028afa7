import math

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from handpose_core.camera import crop_matrix, project, transform_pixels
from handpose_core.datamodules.crops import (
    crop_map,
    flip_image,
    float_images,
    hand_box,
    in_image,
    mirror,
    roll,
    rotate_about_centre,
    warp,
)
from handpose_core.hand import Side


def sample_of(hand, image=None):
    image = torch.from_numpy(hand.frame.colour).permute(2, 0, 1) / 255 if image is None else image
    depth = torch.from_numpy(hand.frame.depth).float()[None]
    return {
        "image": image,
        "joints_2d": torch.from_numpy(hand.joints_2d).float(),
        "joints_3d": torch.from_numpy(hand.joints_3d).float(),
        "visible": torch.from_numpy(hand.visible),
        "K": torch.from_numpy(hand.frame.K).float(),
        "depth": depth,
        "mask": depth < 1500,
        "vertices": torch.from_numpy(hand.joints_3d[::2]).float(),
        "side": torch.tensor(int(hand.side)),
    }


@pytest.fixture
def hand(draw_hand):
    return draw_hand(np.random.default_rng(1), Side.RIGHT)


def spot_image(pixels):
    """A smooth spot at one sub-pixel place, drawn from its formula."""
    v, u = torch.meshgrid(torch.arange(320.0), torch.arange(320.0), indexing="ij")
    spot = torch.exp(-((u - pixels[0]) ** 2 + (v - pixels[1]) ** 2) / (2 * 3**2))
    return spot.expand(3, 320, 320).contiguous()


def centroid(image):
    weight = image[0].double()
    v, u = torch.meshgrid(torch.arange(weight.shape[0]), torch.arange(weight.shape[1]), indexing="ij")
    return torch.stack([(weight * u).sum(), (weight * v).sum()]) / weight.sum()


@pytest.mark.parametrize(("size", "degrees"), [(256, 0), (128, 0), (256, 35), (301, -170)])
def test_a_spot_at_a_joint_stays_at_the_joint(hand, size, degrees):
    for joint in (0, 9, 12):
        sample = sample_of(hand, spot_image(hand.joints_2d[joint]))
        centre, side = hand_box(sample, 2.0)
        angle = math.radians(degrees)
        A = rotate_about_centre(angle, size) @ crop_map(centre, side, size)
        cropped = warp(sample, A, size, roll(angle))
        assert (centroid(cropped["image"]) - cropped["joints_2d"][joint]).norm() < 0.1


def test_box_is_square_around_the_joints(hand):
    centre, side = hand_box(sample_of(hand), 1.5)
    low, high = hand.joints_2d.min(0), hand.joints_2d.max(0)
    np.testing.assert_allclose(centre, (low + high) / 2, rtol=1e-5)
    np.testing.assert_allclose(side, (high - low).max() * 1.5, rtol=1e-5)


def test_crop_holds_all_joints_with_a_margin(hand):
    sample = sample_of(hand)
    centre, side = hand_box(sample, 1.5)
    cropped = warp(sample, crop_map(centre, side, 256), 256)
    assert cropped["image"].shape == (3, 256, 256)
    extent = cropped["joints_2d"].amax(0) - cropped["joints_2d"].amin(0)
    torch.testing.assert_close(extent.max(), torch.tensor(256 / 1.5), rtol=1e-4, atol=1e-3)
    assert in_image(cropped).all()


def test_depth_and_mask_come_along(hand):
    sample = sample_of(hand)
    centre, side = hand_box(sample, 1.5)
    cropped = warp(sample, crop_map(centre, side, 256), 256)
    assert set(cropped["depth"].unique().tolist()) <= {*sample["depth"].unique().tolist(), 0.0}  # never mixed
    inside = cropped["depth"] > 0
    assert torch.equal(cropped["mask"], inside & (cropped["depth"] < 1500))
    area = float((256 / side) ** 2) * int(sample["mask"].sum())
    assert abs(int(cropped["mask"].sum()) / area - 1) < 0.05
    assert torch.equal(cropped["visible"], sample["visible"])


@settings(deadline=None, max_examples=50)
@given(angle=st.floats(-4, 4), place=st.tuples(st.floats(0, 320), st.floats(0, 320)), side=st.floats(20, 600))
def test_k_lands_on_the_joints_whatever_the_map(draw_hand, angle, place, side):
    sample = sample_of(draw_hand(np.random.default_rng(2), Side.LEFT))
    sample["K"][0, 0] *= 1.3  # pixels that are not square
    sample["joints_2d"] = project(sample["joints_3d"], sample["K"])
    A = rotate_about_centre(angle, 64) @ crop_map(np.array(place), side, 64)
    warped = warp(sample, A, 64, roll(angle))
    torch.testing.assert_close(project(warped["joints_3d"], warped["K"]), warped["joints_2d"], atol=5e-3, rtol=0)
    vertices = project(sample["vertices"], sample["K"]).double()
    landed = project(warped["vertices"], warped["K"]).double()
    torch.testing.assert_close(landed, transform_pixels(vertices, torch.from_numpy(A)), atol=5e-3, rtol=0)
    torch.testing.assert_close(warped["joints_3d"][:, 2], sample["joints_3d"][:, 2])
    torch.testing.assert_close(warped["K"][2], torch.tensor([0.0, 0, 1]))


def test_quarter_turn_by_hand(hand):
    """x towards y is clockwise on the screen, as numpy's rot90 with k = -1."""
    sample = sample_of(hand)
    A = rotate_about_centre(math.pi / 2, 320)
    turned = warp(sample, A, 320, roll(math.pi / 2))
    torch.testing.assert_close(
        float_images(turned["image"]), torch.rot90(sample["image"], -1, (1, 2)), atol=2e-2, rtol=0
    )
    x, y, z = sample["joints_3d"].T
    torch.testing.assert_close(turned["joints_3d"], torch.stack([-y, x, z], dim=1))
    u, v = sample["joints_2d"].T
    torch.testing.assert_close(turned["joints_2d"], torch.stack([319 - v, u], dim=1))


def test_joints_behind_the_camera_do_not_stretch_the_box(hand):
    sample = sample_of(hand)
    centre, side = hand_box(sample, 1.5)
    inner = int((sample["joints_2d"] - torch.from_numpy(centre)).norm(dim=1).argmin())
    sample["joints_3d"][inner, 2] = -100
    sample["joints_2d"][inner] = torch.tensor([-5000.0, 9000])
    assert np.array_equal(hand_box(sample, 1.5)[0], centre)
    assert hand_box(sample, 1.5)[1] == side
    assert not in_image(sample)[inner]


def test_joints_far_outside_stretch_the_box_to_half_an_image_at_most(hand):
    sample = sample_of(hand)
    sample["joints_2d"][4] = torch.tensor([1e6, 100])
    sample["joints_2d"][8] = torch.tensor([float("inf"), 100])
    _, side = hand_box(sample, 1.0)
    assert side <= 480
    assert in_image(sample).tolist() == [i not in (4, 8) for i in range(21)]


def test_box_of_one_point_is_not_empty(hand):
    sample = sample_of(hand)
    sample["joints_2d"][:] = torch.tensor([100.0, 100])
    assert hand_box(sample, 1.5)[1] > 0


def test_needs_no_threads_of_opencv(hand):
    """The same result whatever number of threads OpenCV runs."""
    sample = sample_of(hand)
    A = crop_map(np.array([160.0, 160.0]), 100.0, 128)
    before = cv2.getNumThreads()
    results = []
    for threads in (1, 4):
        cv2.setNumThreads(threads)
        results.append(warp(sample, A, 128)["image"])
    cv2.setNumThreads(before)
    assert torch.equal(*results)


def test_crop_map_is_the_cameras_crop_matrix():
    expected = crop_matrix(torch.tensor([101.3, 77.0]).double(), torch.tensor(123.4).double(), 256)
    np.testing.assert_allclose(crop_map(np.array([101.3, 77.0]), 123.4, 256), expected, atol=1e-5)


@settings(deadline=None, max_examples=50)
@given(angle=st.floats(-4, 4), place=st.tuples(st.floats(0, 320), st.floats(0, 320)), side=st.floats(20, 600))
def test_a_mirrored_crop_shows_the_other_side_under_its_joints(draw_hand, angle, place, side):
    sample = sample_of(draw_hand(np.random.default_rng(2), Side.LEFT))
    A = flip_image(64) @ rotate_about_centre(angle, 64) @ crop_map(np.array(place), side, 64)
    warped = warp(sample, A, 64, mirror() @ roll(angle))
    assert warped["side"] == Side.RIGHT
    torch.testing.assert_close(project(warped["joints_3d"], warped["K"]), warped["joints_2d"], atol=5e-3, rtol=0)
    plain = warp(sample, flip_image(64) @ A, 64, roll(angle))
    torch.testing.assert_close(warped["joints_3d"], plain["joints_3d"] * torch.tensor([-1.0, 1, 1]))
    torch.testing.assert_close(warped["joints_2d"][:, 0], 63 - plain["joints_2d"][:, 0], atol=1e-3, rtol=1e-6)


@pytest.mark.parametrize("keys", ["all", "world"])
def test_flipped_twice_is_as_before(hand, keys):
    sample = sample_of(hand)
    if keys == "world":
        sample |= {"R": torch.from_numpy(roll(0.3)).float(), "t": torch.tensor([1.0, 2, 3])}
    sample["image"] = (sample["image"] * 255).byte()
    once = warp(sample, flip_image(320), 320, mirror())
    for key in ("image", "mask", "depth"):
        assert torch.equal(once[key], sample[key].flip(-1))
    twice = warp(once, flip_image(320), 320, mirror())
    assert twice.keys() == sample.keys()
    for key, value in sample.items():
        torch.testing.assert_close(twice[key], value, msg=key)


def test_a_mirrored_camera_sees_a_mirrored_world(hand):
    sample = sample_of(hand)
    R, t = torch.from_numpy(cv2.Rodrigues(np.array([0.4, -0.8, 0.2]))[0]).float(), torch.tensor([30.0, -20, 100])
    world = (sample["joints_3d"] - t) @ R
    flipped = warp(
        {**sample, "R": R, "t": t}, flip_image(320) @ rotate_about_centre(0.7, 320), 320, mirror() @ roll(0.7)
    )
    mirrored_world = world * torch.tensor([-1.0, 1, 1])
    assert torch.linalg.det(flipped["R"]) > 0
    torch.testing.assert_close(mirrored_world @ flipped["R"].T + flipped["t"], flipped["joints_3d"], atol=1e-2, rtol=0)


def test_bytes_and_floats_give_the_same_crop(hand):
    sample = sample_of(hand)
    A = crop_map(np.array([300.0, 40.0]), 150.0, 128)  # partly outside
    of_bytes = warp({**sample, "image": (sample["image"] * 255).round().byte()}, A, 128)["image"]
    assert torch.equal(warp(sample, A, 128)["image"], of_bytes)
    whole = cv2.warpAffine(hand.frame.colour, A[:2], (128, 128))
    assert np.abs(whole.astype(int) - of_bytes.permute(1, 2, 0).numpy()).max() <= 2  # OpenCV rounds positions to 1/32


def test_a_crop_beside_the_image_is_black(hand):
    crop = warp(sample_of(hand), crop_map(np.array([-500.0, 40.0]), 100.0, 64), 64)
    assert not crop["image"].any()
    assert not crop["mask"].any()


def test_float_images_span_0_to_1():
    pixels = torch.arange(256, dtype=torch.uint8).reshape(16, 16).expand(2, 3, -1, -1)
    images = float_images(pixels)
    torch.testing.assert_close(images, torch.arange(256).reshape(16, 16).expand(2, 3, -1, -1) / 255)
    assert images.is_contiguous()

import math

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from handpose_core.camera import crop_matrix, project, transform_pixels
from handpose_core.datamodules.crops import hand_box, in_image, rotate_about_centre, warp
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
        A = rotate_about_centre(angle, size) @ crop_matrix(centre, side, size).double()
        cropped = warp(sample, A, size, angle)
        assert (centroid(cropped["image"]) - cropped["joints_2d"][joint]).norm() < 0.1


def test_box_is_square_around_the_joints(hand):
    centre, side = hand_box(sample_of(hand), 1.5)
    low, high = hand.joints_2d.min(0), hand.joints_2d.max(0)
    np.testing.assert_allclose(centre, (low + high) / 2, rtol=1e-5)
    np.testing.assert_allclose(side, (high - low).max() * 1.5, rtol=1e-5)


def test_crop_holds_all_joints_with_a_margin(hand):
    sample = sample_of(hand)
    centre, side = hand_box(sample, 1.5)
    cropped = warp(sample, crop_matrix(centre, side, 256), 256)
    assert cropped["image"].shape == (3, 256, 256)
    extent = cropped["joints_2d"].amax(0) - cropped["joints_2d"].amin(0)
    torch.testing.assert_close(extent.max(), torch.tensor(256 / 1.5), rtol=1e-4, atol=1e-3)
    assert in_image(cropped).all()


def test_depth_and_mask_come_along(hand):
    sample = sample_of(hand)
    centre, side = hand_box(sample, 1.5)
    cropped = warp(sample, crop_matrix(centre, side, 256), 256)
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
    A = rotate_about_centre(angle, 64) @ crop_matrix(torch.tensor(place), torch.tensor(side), 64).double()
    warped = warp(sample, A, 64, angle)
    torch.testing.assert_close(project(warped["joints_3d"], warped["K"]), warped["joints_2d"], atol=5e-3, rtol=0)
    vertices = project(sample["vertices"], sample["K"]).double()
    landed = project(warped["vertices"], warped["K"]).double()
    torch.testing.assert_close(landed, transform_pixels(vertices, A), atol=5e-3, rtol=0)
    torch.testing.assert_close(warped["joints_3d"][:, 2], sample["joints_3d"][:, 2])
    torch.testing.assert_close(warped["K"][2], torch.tensor([0.0, 0, 1]))


def test_quarter_turn_by_hand(hand):
    """x towards y is clockwise on the screen, as numpy's rot90 with k = -1."""
    sample = sample_of(hand)
    A = rotate_about_centre(math.pi / 2, 320)
    turned = warp(sample, A, 320, math.pi / 2)
    torch.testing.assert_close(turned["image"], torch.rot90(sample["image"], -1, (1, 2)), atol=2e-2, rtol=0)
    x, y, z = sample["joints_3d"].T
    torch.testing.assert_close(turned["joints_3d"], torch.stack([-y, x, z], dim=1))
    u, v = sample["joints_2d"].T
    torch.testing.assert_close(turned["joints_2d"], torch.stack([319 - v, u], dim=1))


def test_joints_behind_the_camera_do_not_stretch_the_box(hand):
    sample = sample_of(hand)
    centre, side = hand_box(sample, 1.5)
    inner = int((sample["joints_2d"] - centre).norm(dim=1).argmin())
    sample["joints_3d"][inner, 2] = -100
    sample["joints_2d"][inner] = torch.tensor([-5000.0, 9000])
    assert torch.equal(hand_box(sample, 1.5)[0], centre)
    assert torch.equal(hand_box(sample, 1.5)[1], side)
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
    A = crop_matrix(torch.tensor([160.0, 160.0]), torch.tensor(100.0), 128)
    before = cv2.getNumThreads()
    results = []
    for threads in (1, 4):
        cv2.setNumThreads(threads)
        results.append(warp(sample, A, 128)["image"])
    cv2.setNumThreads(before)
    assert torch.equal(*results)

"""Superposition: labels against the picture that is made, and what is refused."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from tagan.tests.drawn import draw_real, draw_simulated

from handpose_tagan.superposition.compose import Superposition, carry_camera, check_map, compose, warp_colours
from handpose_tagan.superposition.hands import RealHand, Unfit
from handpose_tagan.superposition.matching import Affine, PoseIndex, Similarity
from handpose_tagan.superposition.removal import HandRemoval


def matched(real, hand, family=None):
    index = PoseIndex(torch.from_numpy(hand.joints_2d).float()[None])
    found = index.match(torch.from_numpy(real.joints_2d).float()[None], family=family or Similarity())
    return found.maps[0, 0].double().numpy()


def turned(degrees: float, scale: float = 1.0, shift: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    g = np.eye(3)
    angle = np.radians(degrees)
    g[:2, :2] = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    g[:2, 2] = shift
    return g


@pytest.mark.parametrize("family", [Similarity(), Affine()])
def test_labels_lie_on_the_hand_and_project_by_their_camera(real, simulated, family):
    made = Superposition(size=144)(real, simulated, matched(real, simulated, family))
    # on the mask that was warped as a picture: every joint, and nothing of the hand far from them
    column, row = np.rint(made.joints_2d).astype(int).T
    assert made.mask[row, column].all()
    assert made.coverage[row, column].min() > 250
    projected = made.joints_3d @ made.K.T
    np.testing.assert_allclose(projected[:, :2] / projected[:, 2:], made.joints_2d, atol=1e-9)
    # the same hand, turned about the optical axis alone
    np.testing.assert_allclose(made.joints_3d[:, 2], simulated.joints_3d[:, 2])
    np.testing.assert_allclose(np.linalg.norm(made.joints_3d, axis=1), np.linalg.norm(simulated.joints_3d, axis=1))
    assert made.side == simulated.side
    assert made.visible.all()


def test_a_camera_under_a_similarity_stays_one_with_square_pixels_and_under_another_map_stays_exact(simulated):
    A = turned(70, 1.3, (5, -7))
    K, M = carry_camera(simulated.K, A)
    assert K[0, 0] == pytest.approx(390)
    assert K[1, 1] == pytest.approx(390)
    assert K[0, 1] == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(M[:2, :2], turned(70)[:2, :2])
    skewed = np.array([[1.2, 0.3, 4], [-0.1, 0.8, 9], [0, 0, 1]])
    K, M = carry_camera(simulated.K, skewed)
    assert np.linalg.det(M) == pytest.approx(1)
    np.testing.assert_allclose(K, np.triu(K))
    seen = simulated.joints_3d @ M.T @ K.T
    expected = simulated.joints_2d @ skewed[:2, :2].T + skewed[:2, 2]
    np.testing.assert_allclose(seen[:, :2] / seen[:, 2:], expected)


def test_the_picture_shows_the_hand_where_it_is_and_the_place_where_it_is_not(real, simulated):
    made = Superposition(size=144)(real, simulated, matched(real, simulated))
    covered, clear = made.coverage == 255, made.coverage == 0
    skin = np.abs(made.image[covered].astype(int) - [210, 150, 120]).max(1)
    assert np.mean(skin <= 2) > 0.99
    assert (made.image[clear][:, 2] > 120).all()  # blue everywhere
    assert np.percentile(made.image[clear][:, 0], 99) < 40  # and no red of the hand that was there
    before = real.image[..., 0] > 200
    assert before.sum() > 1000


def test_edges_are_the_hands_colour_and_not_darkened():
    hand = draw_simulated()
    front = warp_colours(hand.rgba, turned(33, 0.9, (20, 5)), 160)
    edge = (front[..., 3] > 60) & (front[..., 3] < 200)
    own = front[edge][:, :3].astype(float) * 255 / front[edge][:, 3:]
    assert edge.sum() > 100
    np.testing.assert_allclose(own.mean(0), [210, 150, 120], atol=3)
    white = compose(np.full((160, 160, 3), 255, np.uint8), front)
    assert white[edge].min() >= 119


def test_a_smaller_picture_is_an_average_and_stays_in_its_place():
    """A shrinking map does not skip pixels: what is covered stays covered to the same sum, about the same point."""
    hand = draw_simulated()
    whole = warp_colours(hand.rgba, np.eye(3), 160)[..., 3].astype(float)
    A = np.array([[0.3, 0, 11], [0, 0.3, 7], [0, 0, 1]])
    small = warp_colours(hand.rgba, A, 80)[..., 3].astype(float)
    assert small.sum() == pytest.approx(whole.sum() * 0.09, rel=0.02)
    middle = [
        np.array([np.average(axis, weights=part) for axis in np.indices(part.shape)[::-1]]) for part in (whole, small)
    ]
    np.testing.assert_allclose(middle[1], middle[0] @ A[:2, :2].T + A[:2, 2], atol=0.05)


def test_the_crop_stays_inside_the_picture(simulated):
    near_border = draw_real()
    moved = RealHand(near_border.image, near_border.joints_2d - near_border.joints_2d.min(0) + 2, near_border.present)
    made = Superposition(size=128)(moved, simulated, matched(moved, simulated))
    assert (made.image[made.coverage == 0][:, 2] > 100).all()  # no black from outside
    assert made.visible.sum() >= 19


def test_joints_that_leave_the_picture_are_not_visible(real, simulated):
    made = Superposition(size=128)(real, simulated, matched(real, simulated))
    wide = turned(0, 1.0, (0, 0)) @ matched(real, simulated)
    outside = replace(simulated, joints_2d=simulated.joints_2d.copy())
    outside.joints_2d[8] += 4000
    with pytest.raises(Unfit, match="background smaller than the crop"):
        Superposition(size=128)(real, outside, wide)
    assert made.visible.all()


@pytest.mark.parametrize(
    ("g", "reason"),
    [
        (np.full((3, 3), np.nan), "no match"),
        (np.diag([-1.0, 1, 1]), "reflection"),
        (np.diag([0.0, 1, 1]), "reflection"),
        (np.diag([3.2, 1, 1]), "ill-conditioned map"),
    ],
)
def test_maps_that_show_no_hand_are_refused_with_the_reason(g, reason, real, simulated):
    with pytest.raises(Unfit) as refused:
        Superposition()(real, simulated, g)
    assert refused.value.reason == reason
    assert reason in str(refused.value)


def test_a_map_at_the_limit_is_taken():
    check_map(np.diag([3.0, 1, 1]) @ turned(20))


def test_pairs_that_make_no_picture_are_refused_with_the_reason(real, simulated):
    g = matched(real, simulated)
    nothing = replace(simulated, rgba=np.zeros_like(simulated.rgba))
    with pytest.raises(Unfit, match="empty alpha"):
        Superposition()(real, nothing, g)
    small = draw_real((60, 400), turn=0.0)
    with pytest.raises(Unfit, match=r"background smaller than the crop: 400 x 60 px for a hand of \d+ px"):
        Superposition()(small, simulated, matched(small, simulated))
    with pytest.raises(Unfit, match="simulated hand too small: it would be enlarged"):
        Superposition(size=512)(real, simulated, g)
    far = replace(simulated, rgba=np.zeros_like(simulated.rgba))
    far.rgba[:3, :3] = 255  # covered, but in a corner that no crop shows
    with pytest.raises(Unfit, match="falls into the picture"):
        Superposition(size=64, crop_scale=1.01)(real, far, g)


def test_removal_leaves_alone_what_is_not_the_hand(real):
    removal = HandRemoval(arm=0.0)
    mask = removal.mask(real.image.shape[:2], real.joints_2d, real.present)
    made = removal(real.image, real.joints_2d, real.present)
    red = real.image[..., 0] > 200
    assert (mask[red] == 255).all()
    far = cv2.dilate(mask, np.ones((31, 31))) == 0
    np.testing.assert_array_equal(made[far], real.image[far])
    assert made[red][:, 0].mean() < 30


def test_removal_does_with_the_keypoints_there_are(real):
    present = real.present.copy()
    present[[0, 4, 8, 12, 16, 20]] = False
    joints = np.where(present[:, None], real.joints_2d, np.nan)
    mask = HandRemoval()(real.image, joints, present)
    assert mask.shape == real.image.shape
    none = HandRemoval()(real.image, joints, np.zeros(21, bool))
    np.testing.assert_array_equal(none, real.image)

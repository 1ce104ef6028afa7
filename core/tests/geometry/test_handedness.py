"""Mirror images by hand-worked values, of numpy and torch alike."""

import numpy as np
import pytest
import torch

from handpose_core.geometry.handedness import mirror_intrinsics, mirror_pixels, mirror_points

K = np.array([[300.0, 2, 90], [0, 310, 60], [0, 0, 1]])
ARRAYS = [lambda array: array, torch.from_numpy]


@pytest.mark.parametrize("kind", ARRAYS, ids=["numpy", "torch"])
def test_values_worked_out_by_hand(kind):
    """Of a picture 200 px wide: pixel 0 becomes 199; the principal point 90 becomes 109, the skew changes its sign."""
    assert mirror_pixels(kind(np.array([[0.0, 5], [199, 7], [99.5, 1]])), 200).tolist() == [[199, 5], [0, 7], [99.5, 1]]
    assert mirror_points(kind(np.array([[3.0, -4, 500]]))).tolist() == [[-3, -4, 500]]
    assert mirror_intrinsics(kind(K.copy()), 200).tolist() == [[300, -2, 109], [0, 310, 60], [0, 0, 1]]


@pytest.mark.parametrize("kind", ARRAYS, ids=["numpy", "torch"])
def test_mirrored_points_are_seen_at_mirrored_pixels(kind):
    points = np.random.default_rng(0).normal((0, 0, 400), 40, (21, 3))

    def seen(array, intrinsics):
        rays = np.asarray(array) @ np.asarray(intrinsics).T
        return rays[:, :2] / rays[:, 2:]

    expected = mirror_pixels(seen(points, K), 200)
    assert seen(mirror_points(kind(points)), mirror_intrinsics(kind(K.copy()), 200)) == pytest.approx(expected)


@pytest.mark.parametrize("kind", ARRAYS, ids=["numpy", "torch"])
def test_a_second_mirror_gives_the_same_bits(kind):
    pixels = kind(np.arange(42.0).reshape(21, 2) / 4)
    points, intrinsics = kind(np.random.default_rng(1).normal(size=(21, 3))), kind(np.round(K))
    assert (mirror_pixels(mirror_pixels(pixels, 256), 256) == pixels).all()
    assert (mirror_points(mirror_points(points)) == points).all()
    assert (mirror_intrinsics(mirror_intrinsics(intrinsics, 256), 256) == intrinsics).all()

import math

import albumentations
import numpy as np
import pytest

from handpose_core.datamodules.augmentation import Augmentation, ColourJitter, colour_matrix, draw_placement
from handpose_core.errors import HandposeError

STILL = Augmentation(rotation=0, scale=0, shift=0, brightness=0, contrast=0, saturation=0, hue=0)


def seeded(seed):
    return np.random.default_rng(seed)


def picture(seed=1, low=0, high=256):
    return seeded(seed).integers(low, high, (16, 16, 3), np.uint8)


def test_placements_fill_their_range():
    rng = seeded(0)
    drawn = [draw_placement(Augmentation(rotation=90, scale=0.2, shift=0.1, flip=0.3), rng) for _ in range(500)]
    angles = np.array([placement.angle for placement in drawn])
    scales = np.array([placement.scale for placement in drawn])
    shifts = np.stack([placement.shift for placement in drawn])
    for values, middle, most in (
        (angles, 0, math.pi / 2),
        (scales, 1, 0.2),
        (shifts[:, 0], 0, 0.1),
        (shifts[:, 1], 0, 0.1),
    ):
        assert (np.abs(values - middle) <= most + 1e-6).all()
        assert values.max() > middle + 0.9 * most
        assert values.min() < middle - 0.9 * most
    assert 100 < sum(placement.flip for placement in drawn) < 200


def test_all_zero_changes_nothing():
    placement = draw_placement(STILL, seeded(0))
    assert (placement.angle, placement.scale, placement.shift.tolist(), placement.flip) == (0, 1, [0, 0], False)
    assert np.array_equal(ColourJitter(STILL)(picture(), seeded(0)), picture())


def test_colours_vary_by_the_generator_alone():
    jitter = ColourJitter(Augmentation(blur=1.0, noise=0.05))
    first, again, other = (jitter(picture(), seeded(seed)) for seed in (5, 5, 6))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert (first.shape, first.dtype) == ((16, 16, 3), np.uint8)


@pytest.mark.parametrize("what", ["brightness", "contrast", "saturation"])
@pytest.mark.parametrize("factor", [0.8, 1.15])
def test_colours_are_those_of_albumentations(what, factor):
    """Each alone, on colours that nothing clips."""
    image = picture(low=60, high=180)
    amounts = {"brightness": 1.0, "contrast": 1.0, "saturation": 1.0, what: factor}
    ranges = {name: (value, value) for name, value in amounts.items()}
    expected = albumentations.ColorJitter(**ranges, hue=(0, 0), p=1)(image=image)["image"]
    matrix = colour_matrix(**amounts, hue=0, mean=image.mean((0, 1)))
    found = image @ matrix[:, :3].T + matrix[:, 3]
    assert np.abs(found - expected).max() < 2.1  # albumentations rounds after each of its steps


def test_a_third_of_the_hue_circle_takes_red_to_green_to_blue():
    matrix = colour_matrix(1, 1, 1, 1 / 3, np.zeros(3))[:, :3]
    for colour in range(3):
        turned = matrix[:, colour] - matrix[:, colour].min()
        assert turned.argmax() == (colour + 1) % 3
    np.testing.assert_allclose(np.linalg.matrix_power(matrix, 3), np.eye(3), atol=1e-9)
    np.testing.assert_allclose(matrix @ np.ones(3), np.ones(3), atol=1e-3)  # greys stay grey


def test_blur_and_noise_do_what_they_say():
    flat, sharp = np.full((64, 64, 3), 128, np.uint8), np.zeros((64, 64, 3), np.uint8)
    sharp[:, 32:] = 255
    blurred = ColourJitter(Augmentation(0, 0, 0, 0, 0, 0, 0, 0, blur=3.0))(sharp, seeded(0))
    assert len(np.unique(blurred)) > 4
    noisy = [ColourJitter(Augmentation(0, 0, 0, 0, 0, 0, 0, 0, noise=0.1))(flat, seeded(i)).std() for i in range(20)]
    assert 0 < min(noisy) < max(noisy) < 0.1 * 255 * 1.1


@pytest.mark.parametrize(
    "wrong", [{"rotation": 200}, {"scale": 1.0}, {"hue": -0.1}, {"shift": float("nan")}, {"flip": 1.1}, {"blur": -1}]
)
def test_amounts_out_of_range_are_named(wrong):
    (name,) = wrong
    with pytest.raises(HandposeError, match=f"augmentation, {name}: found"):
        Augmentation(**wrong)

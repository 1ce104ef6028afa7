import math

import pytest
import torch

from handpose_core.datamodules.augmentation import Augmentation, ColourJitter, draw_placement
from handpose_core.errors import HandposeError

STILL = Augmentation(rotation=0, scale=0, shift=0, brightness=0, contrast=0, saturation=0, hue=0)


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def test_placements_fill_their_range():
    generator = seeded(0)
    drawn = [draw_placement(Augmentation(rotation=90, scale=0.2, shift=0.1), generator) for _ in range(500)]
    angles = torch.tensor([placement.angle for placement in drawn])
    scales = torch.tensor([placement.scale for placement in drawn])
    shifts = torch.stack([placement.shift for placement in drawn])
    for values, middle, most in (
        (angles, 0, math.pi / 2),
        (scales, 1, 0.2),
        (shifts[:, 0], 0, 0.1),
        (shifts[:, 1], 0, 0.1),
    ):
        assert ((values - middle).abs() <= most + 1e-6).all()
        assert values.max() > middle + 0.9 * most
        assert values.min() < middle - 0.9 * most


def test_all_zero_changes_nothing():
    placement = draw_placement(STILL, seeded(0))
    assert (placement.angle, placement.scale, placement.shift.tolist()) == (0, 1, [0, 0])
    image = torch.rand(3, 16, 16, generator=seeded(1))
    torch.testing.assert_close(ColourJitter(STILL)(image, seeded(0)), image, atol=1e-5, rtol=0)


def test_colours_vary_by_the_generator_alone():
    image = torch.rand(3, 16, 16, generator=seeded(1))
    jitter = ColourJitter(Augmentation())
    first, again, other = (jitter(image, seeded(seed)) for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.shape == image.shape
    assert first.dtype == torch.float32
    assert first.min() >= 0
    assert first.max() <= 1


@pytest.mark.parametrize("wrong", [{"rotation": 200}, {"scale": 1.0}, {"hue": -0.1}, {"shift": float("nan")}])
def test_amounts_out_of_range_are_named(wrong):
    (name,) = wrong
    with pytest.raises(HandposeError, match=f"augmentation, {name}: found"):
        Augmentation(**wrong)

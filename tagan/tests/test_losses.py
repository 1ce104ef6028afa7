"""The losses against values worked by hand, and their gradient against finite differences."""

import math

import pytest
import torch

from handpose_tagan.losses import colour_histograms, shape_loss, tonality_loss


def plain(value: float, side: int = 4) -> torch.Tensor:
    return torch.full((1, 3, side, side), value)


def test_a_histogram_by_hand():
    """One value in the middle of bin 4 of 16: Gaussians of a bin's width, so exp(-d²/2) at d bins' distance."""
    counts = colour_histograms(plain(4.5 / 16), bins=16)[0, 0]
    expected = torch.tensor([math.exp(-0.5 * (i - 4) ** 2) + 1e-6 for i in range(16)])
    torch.testing.assert_close(counts, expected / expected.sum())


def test_gaussians_joined_by_lines_are_gaussians():
    image = torch.rand(1, 1, 1, 50, generator=torch.Generator().manual_seed(0))
    middles = (torch.arange(32) + 0.5) / 32
    exact = torch.exp(-0.5 * ((image.flatten()[:, None] - middles) * 32).square()).mean(0) + 1e-6
    torch.testing.assert_close(colour_histograms(image)[0, 0], exact / exact.sum(), rtol=0.01, atol=1e-5)


@pytest.mark.parametrize("bins", [16, 32, 64])
def test_histograms_are_distributions_that_do_not_mind_where_a_pixel_is(bins):
    image = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    counts = colour_histograms(image, bins)
    assert counts.shape == (2, 3, bins)
    torch.testing.assert_close(counts.sum(-1), torch.ones(2, 3))
    shuffled = image.flatten(2)[..., torch.randperm(64)].view_as(image)
    torch.testing.assert_close(colour_histograms(shuffled, bins), counts)


def test_a_fine_histogram_is_numpys_where_values_are_spread():
    image = torch.rand(1, 1, 400, 400, generator=torch.Generator().manual_seed(0)).sqrt()
    counts = colour_histograms(image, bins=32)[0, 0]
    plainly = torch.histc(image, 32, 0, 1) / image.numel()
    torch.testing.assert_close(counts[3:-3], plainly[3:-3], rtol=0.05, atol=2e-3)  # the ends lose to the outside


def test_the_tonality_loss_is_the_divergence_as_printed():
    dark, light = plain(4.5 / 16), plain(9.5 / 16)
    ours, theirs = (colour_histograms(image, 16)[0, 0] for image in (dark, light))
    by_hand = sum(g * math.log(g / y) for g, y in zip(ours.tolist(), theirs.tolist(), strict=True))
    assert tonality_loss(dark, light, 16).item() == pytest.approx(by_hand, rel=1e-4)
    assert tonality_loss(dark, dark).item() == pytest.approx(0, abs=1e-6)
    # of two that are not mirrored the order matters
    mixed = torch.cat([dark[..., :1], light[..., :3]], dim=-1)
    assert tonality_loss(dark, mixed).item() != pytest.approx(tonality_loss(mixed, dark).item(), rel=0.1)


def test_the_tonality_loss_has_the_gradient_of_its_values():
    generator = torch.Generator().manual_seed(0)
    made, real = torch.rand(2, 1, 3, 3, 3, generator=generator, dtype=torch.float64) * 0.8 + 0.1
    assert torch.autograd.gradcheck(lambda image: tonality_loss(image, real), made.requires_grad_())


def test_following_the_gradient_brings_the_tonality_over():
    generator = torch.Generator().manual_seed(0)
    real = torch.rand(1, 3, 16, 16, generator=generator) * 0.3 + 0.6
    made = (torch.rand(1, 3, 16, 16, generator=generator) * 0.3 + 0.3).requires_grad_()
    before = tonality_loss(made, real).item()
    optimizer = torch.optim.Adam([made], lr=0.005)
    for _ in range(150):
        optimizer.zero_grad()
        tonality_loss(made, real).backward()
        optimizer.step()
    assert tonality_loss(made, real).item() < 0.1 * before
    # this way round the divergence asks for no colour that the real image lacks, not for all that it has
    assert made.mean().item() > 0.6


def test_the_shape_loss_is_of_images_from_minus_one_to_one():
    assert shape_loss(plain(0.25), plain(0.75)).item() == pytest.approx(1.0)

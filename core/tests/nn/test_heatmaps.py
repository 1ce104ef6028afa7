import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from handpose_core.nn.heatmaps import (
    Argmax,
    SoftArgmax,
    add_background,
    cell_centres,
    cells_to_pixels,
    decode_argmax,
    decode_softargmax,
    gaussian_heatmaps,
)


def test_cell_centres_lie_half_a_cell_in():
    # cell 0 of a map 8 times smaller covers pixels 0..7, whose centres average 3.5
    assert cell_centres(256, 32, torch.zeros(()))[:3].tolist() == [3.5, 11.5, 19.5]
    assert cell_centres(256, 256, torch.zeros(()))[:2].tolist() == [0.0, 1.0]
    assert cells_to_pixels(torch.tensor([-0.5, 31.5]), 256, 32).tolist() == [-0.5, 255.5]


def test_average_pooling_keeps_the_convention():
    """A bright pixel's position, seen through 8 x 8 average pooling, is its cell's centre on average."""
    ramp = torch.arange(256.0).expand(1, 1, 256, 256)
    assert torch.equal(F.avg_pool2d(ramp, 8)[0, 0, 0], cell_centres(256, 32, ramp))


def test_gaussian_by_hand():
    pixels = torch.tensor([[[10.0, 4.0]]])
    full = gaussian_heatmaps(pixels, sigma=2.0, image_size=16, map_size=16)[0, 0]
    assert full[4, 10] == 1  # row y, column x
    assert math.isclose(full[4, 12].item(), math.exp(-0.5), rel_tol=1e-6)
    assert math.isclose(full[6, 12].item(), math.exp(-1), rel_tol=1e-6)
    small = gaussian_heatmaps(pixels, sigma=2.0, image_size=16, map_size=8)[0, 0]
    assert math.isclose(small[2, 5].item(), math.exp(-(0.5**2 + 0.5**2) / 8), rel_tol=1e-6)  # centre (10.5, 4.5)


def test_background_is_what_the_joints_leave():
    maps = torch.tensor([[[[0.2, 0.9]], [[0.5, 0.1]]]])
    assert torch.allclose(add_background(maps)[0, 2], torch.tensor([[0.5, 0.1]]))


@settings(max_examples=40, deadline=None)
@given(x=st.floats(8, 247), y=st.floats(8, 247), sigma=st.floats(6, 16), map_size=st.sampled_from([32, 64, 256]))
def test_argmax_is_exact_on_gaussians(x, y, sigma, map_size):
    truth = torch.tensor([[x, y]])
    pixels, scores = decode_argmax(gaussian_heatmaps(truth, sigma, 256, map_size), 256)
    assert (pixels - truth).abs().max() < 0.05
    half_cell = 128 / map_size  # the nearest cell's centre is at most this far away in x and in y
    lowest = math.exp(-(half_cell**2) / sigma**2)
    assert lowest - 1e-4 < scores.item() <= 1


def test_argmax_takes_no_step_at_the_border_and_survives_flat_maps():
    pixels, _ = decode_argmax(gaussian_heatmaps(torch.tensor([[-20.0, 100.0]]), 8.0, 256, 32), 256)
    assert pixels[0, 0] == 3.5
    assert pixels[0, 1].item() == pytest.approx(100, abs=0.05)
    flat, scores = decode_argmax(torch.zeros(2, 21, 8, 8), 64)
    assert torch.isfinite(flat).all()
    assert not scores.any()
    negative, _ = decode_argmax(-torch.rand(2, 21, 8, 8), 64)
    assert torch.isfinite(negative).all()


def test_argmax_reads_bfloat16_maps():
    truth = torch.rand(3, 21, 2) * 200 + 28
    maps = gaussian_heatmaps(truth, 8.0, 256, 32)
    assert (decode_argmax(maps.bfloat16(), 256)[0] - truth).abs().max() < 0.3


def test_upsampled_target_decodes_to_the_same_pixels():
    """The loss compares maps upsampled to the image; decoding the small maps must not shift them."""
    truth = torch.rand(1, 21, 2) * 200 + 28
    small = gaussian_heatmaps(truth, 12.0, 256, 32)
    large = F.interpolate(small, size=256, mode="bilinear", align_corners=False)
    weights = large / large.sum(dim=(-1, -2), keepdim=True)
    centres = torch.arange(256.0)
    mean = torch.stack([(weights.sum(-2) * centres).sum(-1), (weights.sum(-1) * centres).sum(-1)], dim=-1)
    assert (mean - truth).abs().max() < 0.5


def test_softargmax_between_cells_and_differentiable():
    truth = torch.tensor([[[100.2, 131.7]]])
    maps = gaussian_heatmaps(truth, 8.0, 256, 64).requires_grad_()
    pixels, scores = decode_softargmax(maps, 256, beta=30.0)
    assert (pixels - truth).abs().max() < 0.5
    assert scores.item() > 0.9
    pixels.sum().backward()
    assert maps.grad is not None
    assert maps.grad.abs().sum() > 0


def test_decoders_are_the_functions():
    maps = gaussian_heatmaps(torch.rand(2, 21, 2) * 100 + 10, 8.0, 128, 16)
    assert torch.equal(Argmax()(maps, 128)[0], decode_argmax(maps, 128)[0])
    assert torch.equal(SoftArgmax(beta=7.0)(maps, 128)[0], decode_softargmax(maps, 128, beta=7.0)[0])


def test_between_two_peaks_the_soft_argmax_takes_the_middle():
    peaks = gaussian_heatmaps(torch.tensor([[35.5, 67.5], [91.5, 67.5]]), 8.0, 128, 16)
    both = peaks.sum(dim=0, keepdim=True)
    assert decode_softargmax(both, 128, beta=40.0)[0][0, 0].item() == pytest.approx(63.5, abs=0.1)
    assert min(abs(decode_argmax(both, 128)[0][0, 0].item() - x) for x in (35.5, 91.5)) < 1

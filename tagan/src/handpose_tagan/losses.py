"""The losses of TAGAN (thesis, section 2.3.3): pure functions."""

import torch
from jaxtyping import Float
from torch import Tensor

from handpose_core.precision import single_precision

BINS = 32
"""Of a channel's histogram; their width is also the Gaussians' standard deviation."""
_FINE = 16
"""Points a bin at which Gaussians are taken."""
_EMPTY = 1e-6
"""Added to every bin, so that no logarithm is of zero."""


@single_precision
def colour_histograms(images: Float[Tensor, "batch c h w"], bins: int = BINS) -> Float[Tensor, "batch c bins"]:
    """Histograms that have a gradient: a pixel counts in every bin by a Gaussian around the bin's middle.

    Middles are at (i + ½) / bins, σ is a bin's width; the bins of a channel sum to 1. The Gaussians are taken at 16
    points a bin and joined by straight lines, 0.05 % of their height off at most: a pixel is then shared out to the two
    points that it lies between, whatever the number of bins, in a fraction of the time.

    Args:
        images: in [0, 1].
        bins: how many, evenly over [0, 1].
    """
    points = bins * _FINE
    place = images.flatten(2).clamp(0, 1) * points
    before = place.detach().floor().clamp_max(points - 1)
    share = place - before
    lower = before.long()
    spread = place.new_zeros(*place.shape[:2], points + 1)
    spread = spread.scatter_add(2, lower, 1 - share).scatter_add(2, lower + 1, share)
    counts = spread @ _gaussians(bins, place) / place.shape[-1] + _EMPTY
    return counts / counts.sum(-1, keepdim=True)


@single_precision
def tonality_loss(
    generated: Float[Tensor, "batch c h w"], real: Float[Tensor, "batch c h w"], bins: int = BINS
) -> Float[Tensor, ""]:
    """D_c (2.10): the Kullback-Leibler divergence of the generated image's histogram from the real one's.

    KL(h_g ‖ h_y), as printed: the generated one comes first. A mean over channels and images; both in [0, 1].
    """
    ours, theirs = colour_histograms(generated, bins), colour_histograms(real, bins)
    return (ours * (ours / theirs).log()).sum(-1).mean()


@single_precision
def shape_loss(generated: Float[Tensor, "batch c h w"], real: Float[Tensor, "batch c h w"]) -> Float[Tensor, ""]:
    """D_s (2.9): the L1 distance, a mean over pixels, of images in [-1, 1]: pix2pix's scale, which λ_2 is meant for."""
    return 2 * (generated - real).abs().mean()


def _gaussians(bins: int, like: Tensor) -> Float[Tensor, "points bins"]:
    """What each fine point counts in each bin."""
    fine = torch.arange(bins * _FINE + 1, device=like.device, dtype=like.dtype) / _FINE
    middles = torch.arange(bins, device=like.device, dtype=like.dtype) + 0.5
    return torch.exp(-0.5 * (fine[:, None] - middles).square())

"""The losses of TAGAN (thesis, section 2.3.3): pure functions."""

import torch
from jaxtyping import Float
from torch import Tensor

BINS = 32
"""Of a channel's histogram; their width is also the Gaussians' standard deviation."""
_EMPTY = 1e-6
"""Added to every bin, so that no logarithm is of zero."""


def colour_histograms(images: Float[Tensor, "batch c h w"], bins: int = BINS) -> Float[Tensor, "batch c bins"]:
    """Histograms that have a gradient: a pixel counts in every bin by a Gaussian around the bin's middle.

    Middles are at (i + ½) / bins, σ is a bin's width; the bins of a channel sum to 1.

    Args:
        images: in [0, 1].
        bins: how many, evenly over [0, 1].
    """
    pixels = images.float().flatten(2)
    middles = (torch.arange(bins, device=images.device) + 0.5) / bins
    counts = torch.stack([_gaussian(pixels, middle, 1 / bins).sum(-1) for middle in middles], dim=-1)
    counts = counts / pixels.shape[-1] + _EMPTY
    return counts / counts.sum(-1, keepdim=True)


def tonality_loss(
    generated: Float[Tensor, "batch c h w"], real: Float[Tensor, "batch c h w"], bins: int = BINS
) -> Float[Tensor, ""]:
    """D_c (2.10): the Kullback-Leibler divergence of the generated image's histogram from the real one's.

    KL(h_g ‖ h_y), as printed: the generated one comes first. A mean over channels and images; both in [0, 1].
    """
    ours, theirs = colour_histograms(generated, bins), colour_histograms(real, bins)
    return (ours * (ours / theirs).log()).sum(-1).mean()


def shape_loss(generated: Float[Tensor, "batch c h w"], real: Float[Tensor, "batch c h w"]) -> Float[Tensor, ""]:
    """D_s (2.9): the L1 distance, a mean over pixels, of images in [-1, 1]: pix2pix's scale, which λ_2 is meant for."""
    return 2 * (generated.float() - real.float()).abs().mean()


def _gaussian(pixels: Tensor, middle: Tensor, sigma: float) -> Tensor:
    return torch.exp(-0.5 * ((pixels - middle) / sigma).square())

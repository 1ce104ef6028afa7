"""Comparing silhouettes from coarse to fine, so that a mesh far from its target is still drawn towards it.

Where two silhouettes do not meet, a difference of pixels says "shrink", not "move". Blurred, the target's coverage
reaches as far as the blur, and the nearer side of the mesh is pulled more than the farther.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from handpose_core.errors import HandposeError
from handpose_core.precision import single_precision


def coverage_pyramid(
    coverage: Float[Tensor, "batch 1 height width"], levels: int
) -> list[Float[Tensor, "batch 1 _ _"]]:
    """A picture at full size and ``levels`` times halved; what lies outside of it counts as uncovered.

    Each halving averages 4 x 4 pixels, so that neighbouring pixels of a level share what they saw.

    Raises:
        HandposeError: the picture cannot be halved that often.
    """
    smaller = min(coverage.shape[-2:])
    if smaller >> levels < 1:
        fix = f"At most {smaller.bit_length() - 1} for this size."
        raise HandposeError("levels", f"{levels} for {smaller} pixels", "no more halvings than leave a pixel", fix)
    pyramid = [coverage]
    for _ in range(levels):
        pyramid.append(functional.avg_pool2d(pyramid[-1], kernel_size=4, stride=2, padding=1))
    return pyramid


@single_precision
def pyramid_loss(
    coverage: Float[Tensor, "batch 1 height width"], target: Float[Tensor, "batch 1 height width"], levels: int
) -> Float[Tensor, "batch"]:
    """Mean squared difference of each picture, averaged over the full size and ``levels`` halvings of it.

    A halving weighs four times the one before, as much as the blur that makes it dilutes a far-off difference: the
    coarsest level decides where the mesh goes, the others follow as it vanishes. Fit with several levels first and
    with 0 at last.

    Args:
        coverage: drawn, 0 to 1.
        target: of a mask or drawn likewise.
        levels: halvings; 0 compares at full size alone, 5 see across 90 pixels.

    Returns:
        One figure a picture, so that pictures without a target can be left out.

    Raises:
        HandposeError: the picture cannot be halved that often.
    """
    pyramid = coverage_pyramid(coverage - target, levels)
    terms = [4**level * difference.square().mean((1, 2, 3)) for level, difference in enumerate(pyramid)]
    return torch.stack(terms).sum(0) / sum(4**level for level in range(levels + 1))

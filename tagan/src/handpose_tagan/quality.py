"""How far generated images are from real ones: distances of colour histograms, and a kernel distance of sets.

FID and KID are taken on the features of an Inception network, whose weights have to be downloaded. What stands in for
them here needs none: colours and edges, told in every result as `FEATURES`. So both compare with no published figure.
"""

from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics import Metric
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import poly_mmd
from torchmetrics.utilities import dim_zero_cat

from handpose_core.datamodules.cropped import CroppedDataset
from handpose_core.datasets.folder import Folder
from handpose_core.precision import single_precision
from handpose_tagan.conditions.maps import SOBEL
from handpose_tagan.losses import BINS, colour_histograms, tonality_loss

FEATURES = f"{BINS}-bin histograms of red, green and blue, and mean edges of 4 x 4 parts (stand in for Inception's)"
_PARTS = 4


@single_precision
def image_features(images: Float[Tensor, "batch 3 h w"]) -> Float[Tensor, "batch features"]:
    """What `FEATURES` says of images in [0, 1]; histograms in units of an even one."""
    histograms = colour_histograms(images).flatten(1) * BINS
    edges = F.adaptive_avg_pool2d(SOBEL.build()(images), _PARTS).flatten(1)
    return torch.cat([histograms, edges], dim=1)


class ImageQuality(Metric):
    """How far one set of images is from another of as many.

    `compute` gives, none of them with a gradient:

    - ``tonality``: (2.10), the mean over images and the real ones beside them;
    - ``histogram_kl``: the Kullback-Leibler divergence of both sets' mean histograms, generated from real, a mean over
      channels;
    - ``fid_colour_edges``: the squared Fréchet distance of Gaussians fitted to both sets' `image_features` (Heusel et
      al. 2017), by torchmetrics; it is above 0 for small sets of the same images' kind, so compare equally many;
    - ``kid_colour_edges``: the squared maximum mean discrepancy of both sets' `image_features` by the cubic kernel of
      KID (Binkowski et al. 2018), unbiased, so that it can be below 0.

    Both are nan for fewer than two images.
    """

    full_state_update = False
    higher_is_better = False
    is_differentiable = False
    real: list[Tensor]
    made: list[Tensor]
    tonality: Tensor
    count: Tensor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for name in ("real", "made"):
            self.add_state(name, default=[], dist_reduce_fx="cat")
        for name in ("tonality", "count"):
            self.add_state(name, default=torch.tensor(0.0), dist_reduce_fx="sum")

    def update(self, made: Float[Tensor, "batch 3 h w"], real: Float[Tensor, "batch 3 h w"]) -> None:
        """Add images in [0, 1], and as many real ones."""
        self.made.append(image_features(made))
        self.real.append(image_features(real))
        self.tonality += tonality_loss(made, real) * len(made)
        self.count += len(made)

    def compute(self) -> dict[str, float]:
        """The distances by name, and how many images of each set they are of."""
        made, real = (dim_zero_cat(features).double() for features in (self.made, self.real))
        ours, theirs = (features[:, : 3 * BINS].mean(0).view(3, BINS) / BINS for features in (made, real))
        return {
            "n_samples": int(self.count),
            "tonality": float(self.tonality / self.count),
            "histogram_kl": float((ours * (ours / theirs).log()).sum(-1).mean()),
            "fid_colour_edges": _frechet(real, made) if len(made) > 1 else float("nan"),
            "kid_colour_edges": float(poly_mmd(real, made)) if len(made) > 1 else float("nan"),
        }


class _AsTheyAre(nn.Identity):
    """In an Inception network's place, for features that are there already."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features


def _frechet(real: Float[Tensor, "n features"], made: Float[Tensor, "m features"]) -> float:
    metric = FrechetInceptionDistance(feature=_AsTheyAre(real.shape[1])).to(real.device)
    metric.update(real, real=True)
    metric.update(made, real=False)
    return float(metric.compute())


def folder_quality(made: Path, real: Path, image_size: int, most: int) -> dict[str, float]:
    """`ImageQuality` of one folder's pictures against another's.

    Args:
        made: pictures of hands.
        real: real ones.
        image_size: side to which all are brought, px.
        most: how many of each are compared at the most; evenly spread.

    Raises:
        HandposeError: a folder has no pictures, or one is damaged.
    """
    sets = [Folder(made, labels="none"), Folder(real, labels="none")]
    count = min(most, *map(len, sets))
    metric = ImageQuality()
    chosen = [
        CroppedDataset(pictures, [i * len(pictures) // count for i in range(count)], image_size, 1.0)
        for pictures in sets
    ]
    for number in range(count):
        ours, theirs = (pictures[number]["image"][None] for pictures in chosen)
        metric.update(ours, theirs)
    return metric.compute()

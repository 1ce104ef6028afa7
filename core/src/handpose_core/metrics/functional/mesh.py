"""Errors of meshes: MPVPE and the F-score at a distance."""

import torch
from jaxtyping import Float
from torch import Tensor

from handpose_core.metrics.functional.errors import distances


def mpvpe(
    prediction: Float[Tensor, "batch vertices 3"], target: Float[Tensor, "batch vertices 3"]
) -> Float[Tensor, " batch"]:
    """Mean per-vertex position error of each mesh; both have the same topology."""
    return distances(prediction, target).mean(dim=-1)


def f_score(
    prediction: Float[Tensor, "batch n 3"], target: Float[Tensor, "batch m 3"], thresholds: Float[Tensor, " thresholds"]
) -> Float[Tensor, "batch thresholds"]:
    """F-score of two point sets at each distance threshold: they need not correspond.

    Precision is the share of predicted points nearer than the threshold to a true point, recall the share of
    true points nearer than that to a predicted one, F their harmonic mean, 0 where both are 0 (Knapitsch et al.
    2017, "Tanks and temples"; Zimmermann et al. 2019, "FreiHAND", for hands at 5 and 15 mm).
    """
    scores = []
    for p, t in zip(prediction, target, strict=True):  # one mesh at a time: the distances are n x m
        # the faster way through a matrix product loses millimetres for hands a metre away
        apart = torch.cdist(p, t, compute_mode="donot_use_mm_for_euclid_dist")
        precision = (apart.amin(dim=1)[:, None] < thresholds).float().mean(dim=0)
        recall = (apart.amin(dim=0)[:, None] < thresholds).float().mean(dim=0)
        scores.append(2 * precision * recall / (precision + recall).clamp_min(1e-12))
    return torch.stack(scores)

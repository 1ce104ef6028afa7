"""Errors of joints and what the field makes of them: EPE, PCK and AUC, as functions of tensors.

Errors are Euclidean distances in one unit (mm in 3D, px in 2D); ``counted`` says which of them count.
These functions hold a whole test set in memory; the classes of this room reach the same numbers from sums.
"""

import torch
from jaxtyping import Bool, Float, Num
from torch import Tensor


def distances(
    prediction: Float[Tensor, "*batch points dim"], target: Float[Tensor, "*batch points dim"]
) -> Float[Tensor, "*batch points"]:
    """Euclidean distance of each point (joint or vertex) to its truth, in at least single precision."""
    difference = prediction - target
    if difference.dtype in (torch.float16, torch.bfloat16):
        difference = prediction.float() - target.float()
    lengths: Tensor = torch.linalg.vector_norm(difference, dim=-1)
    return lengths


def epe(errors: Float[Tensor, "*shape"], counted: Bool[Tensor, "*shape"]) -> Float[Tensor, ""]:
    """End-point error: the mean of the counted errors, in their unit; NaN where none counts.

    >>> epe(torch.tensor([3.0, 5.0, 100.0]), torch.tensor([True, True, False]))
    tensor(4.)
    """
    return errors[counted].mean()


def pck(
    errors: Float[Tensor, "*shape"], counted: Bool[Tensor, "*shape"], thresholds: Float[Tensor, " thresholds"]
) -> Float[Tensor, " thresholds"]:
    """Percentage of correct keypoints as a fraction: the share of counted errors ``<=`` each threshold.

    >>> pck(torch.tensor([3.0, 5.0, 8.0, 9.0]), torch.ones(4, dtype=torch.bool), torch.tensor([2.0, 5.0, 9.0]))
    tensor([0.0000, 0.5000, 1.0000])
    """
    return (errors[counted][:, None] <= thresholds).to(errors.dtype).mean(dim=0)


def clipped(errors: Num[Tensor, "*shape"], low: float, high: float) -> Num[Tensor, "*shape"]:
    """``clip(e - low, 0, high - low)``: the part of the range [low, high] over which an error is not correct."""
    return (errors - low).clamp(0, high - low)


def auc_exact(
    errors: Float[Tensor, "*shape"], counted: Bool[Tensor, "*shape"], low: float, high: float
) -> Float[Tensor, ""]:
    """Area under the PCK curve from ``low`` to ``high``, divided by the range, without any grid of thresholds.

    The integral of PCK over [a, b] has the closed form ``AUC[a, b] = 1 - E[clip(e - a, 0, b - a)] / (b - a)``;
    so ``AUC[0, b] >= 1 - EPE / b``.

    >>> auc_exact(torch.tensor([10.0, 30.0, 90.0]), torch.ones(3, dtype=torch.bool), 0.0, 50.0)  # 1 - 90 / 150
    tensor(0.4000)
    """
    return 1 - clipped(errors[counted], low, high).mean() / (high - low)


def auc_trapezoid(
    curve: Float[Tensor, "*batch thresholds"], thresholds: Float[Tensor, " thresholds"], low: float, high: float
) -> Float[Tensor, "*batch"]:
    """Area under a sampled PCK curve by the trapezoid rule, divided by the thresholds' range.

    Uses the thresholds that lie in [low, high], as the field does: of ``linspace(0, 50, 20)``, "20-50" is the
    last 12, from 21.05 mm, and the area is divided by 50 - 21.05.
    """
    inside = (thresholds >= low) & (thresholds <= high)
    x = thresholds[inside]
    return torch.trapezoid(curve[..., inside], x, dim=-1) / (x[-1] - x[0])

"""The score of predicted hand meshes: MPVPE and F-scores, of constant memory."""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics import Metric

from handpose_core.errors import HandposeError
from handpose_core.metrics.functional import align_none, align_procrustes, f_score, mpvpe
from handpose_core.metrics.protocols import named, require_finite

_THRESHOLDS = (5.0, 15.0)


class MeshFigures(NamedTuple):
    """What a set of meshes scored, in mm."""

    alignment: str
    n_samples: int
    mpvpe: float
    """Mean per-vertex position error, mm."""
    f_5: float
    """F-score at 5 mm."""
    f_15: float
    """F-score at 15 mm."""

    def __str__(self) -> str:
        """One line."""
        return (
            f"meshes · alignment {self.alignment} · {self.n_samples} samples · "
            f"MPVPE {self.mpvpe:.3f} mm · F@5 {self.f_5:.4f} · F@15 {self.f_15:.4f}"
        )


class HandMeshScore(Metric):
    """MPVPE, F@5 mm and F@15 mm of meshes that share the truth's topology, averaged over samples.

    Args:
        alignment: ``none`` or ``procrustes`` (over all vertices). For root alignment subtract the root joints first.
        kwargs: options of `torchmetrics.Metric`.

    Raises:
        HandposeError: there is no such alignment.

    Example:
        >>> import torch
        >>> metric = HandMeshScore(alignment="none")
        >>> truth = torch.eye(3)[None] * 100
        >>> metric.update(truth + torch.tensor([0.0, 6.0, 8.0]), truth)
        >>> print(metric.compute())
        meshes · alignment none · 1 samples · MPVPE 10.000 mm · F@5 0.0000 · F@15 1.0000
    """

    is_differentiable = False
    higher_is_better = False  # as its first figure, the MPVPE
    full_state_update = False
    sums: Tensor
    samples: Tensor

    def __init__(self, alignment: str = "procrustes", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.align = named({"none": align_none, "procrustes": align_procrustes}, alignment, "alignment of meshes")
        self.alignment = alignment
        self.add_state("sums", torch.zeros(1 + len(_THRESHOLDS)), dist_reduce_fx="sum")
        self.add_state("samples", torch.zeros((), dtype=torch.long), dist_reduce_fx="sum")

    def update(self, prediction: Float[Tensor, "batch vertices 3"], target: Float[Tensor, "batch vertices 3"]) -> None:
        """Add a batch of meshes in mm.

        Raises:
            HandposeError: the numbers of meshes or vertices differ, or a vertex is not finite.
        """
        if prediction.shape != target.shape:
            raise HandposeError(
                "prediction",
                f"meshes of shape {tuple(prediction.shape)}",
                f"{tuple(target.shape)}, as target has",
                "Give as many, of one topology.",
            )
        every = torch.ones(prediction.shape[:2], dtype=torch.bool, device=prediction.device)
        require_finite(prediction, every, "prediction")
        require_finite(target, every, "target")
        prediction, target = self.align(prediction, target, every, 0)
        thresholds = torch.tensor(_THRESHOLDS, dtype=prediction.dtype, device=prediction.device)
        figures = torch.cat([mpvpe(prediction, target)[:, None], f_score(prediction, target, thresholds)], dim=1)
        self.sums += figures.sum(dim=0)
        self.samples += len(prediction)

    def compute(self) -> MeshFigures:
        """The figures of all samples so far, of all processes.

        Raises:
            HandposeError: there was no sample.
        """
        if not int(self.samples):
            raise HandposeError("the meshes scored", "no sample", "at least one", "Update the metric first.")
        return MeshFigures(self.alignment, int(self.samples), *(self.sums / self.samples).tolist())

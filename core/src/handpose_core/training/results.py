"""A test's results: rows of named scores, collected over every recovery and alignment at once."""

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from handpose_core.datasets.sample import Sample, labelled
from handpose_core.metrics import HandPixelScore, HandPoseScore, Score


@dataclass(frozen=True)
class Result:
    """A row of the results table.

    Args:
        name: the method or baseline.
        score: its figures with their protocol, alignment, root and recovery; mm, or px for 2D joints.
    """

    name: str
    score: Score


def scored_in_3d(results: Sequence[Result]) -> bool:
    """Whether there is any row in mm: samples without 3D joints have none."""
    return any(row.score.unit == "mm" for row in results)


class ScoreSheet(nn.Module):
    """The 3D scores of one predictor in every given recovery and alignment, and its 2D score.

    Args:
        recoveries: where millimetres come from; the methods' are `handpose_core.training.prediction.RECOVERIES`.
        alignments: names out of `handpose_core.metrics.ALIGNMENTS`.
        protocol: a protocol both in 3D and in 2D: ``exact`` or ``hand3d``.
    """

    def __init__(self, recoveries: Sequence[str], alignments: Sequence[str], protocol: str = "exact") -> None:
        super().__init__()
        self.recoveries = tuple(recoveries)
        self._in_mm = nn.ModuleList(
            HandPoseScore(protocol, alignment, recover=recover) for recover in recoveries for alignment in alignments
        )
        self._in_px = HandPixelScore(protocol, frame="crop")

    def update(self, joints_3d: Float[Tensor, "batch 21 3"], batch: Sample, recover: str) -> None:
        """Add the 3D joints (mm) of a batch, recovered as ``recover`` says; samples without true ones do not count."""
        known = labelled(batch, "joints_3d")
        if not known.all():
            joints_3d = joints_3d[known]
            batch = {key: batch[key][known] for key in ("joints_3d", "annotated", "visible")}
        if not len(joints_3d):
            return
        for metric in self._metrics_in_mm():
            if metric.comparison.recover == recover:
                metric.update(joints_3d, batch["joints_3d"], batch["annotated"], batch["visible"])

    def update_2d(self, joints_2d: Float[Tensor, "batch 21 2"], batch: Sample) -> None:
        """Add the 2D joints of a batch, px of the crop."""
        self._in_px.update(joints_2d, batch["joints_2d"], batch["annotated"], batch["visible"])

    def results(self, name: str) -> list[Result]:
        """A row for each recovery and alignment, then the 2D row; the sheet is empty afterwards.

        What no batch was added to has no row: the 3D scores of samples that have no 3D joints.
        """
        metrics = [metric for metric in (*self._metrics_in_mm(), self._in_px) if metric.update_called]
        rows = [Result(name, metric.compute()) for metric in metrics]
        for metric in metrics:
            metric.reset()
        return rows

    def _metrics_in_mm(self) -> list[HandPoseScore]:
        return [metric for metric in self._in_mm if isinstance(metric, HandPoseScore)]

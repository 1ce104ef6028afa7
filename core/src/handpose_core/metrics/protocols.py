"""The field's scoring conventions and alignments, by name.

On the same predictions the field's "AUC 0-50" differs in the second decimal by convention alone, so a number
is never given without the name of its protocol, its alignment and its root.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from handpose_core.errors import HandposeError
from handpose_core.hand import JOINT_NAMES
from handpose_core.metrics.functional import alignment, auc_trapezoid, distances, tally
from handpose_core.metrics.functional.tally import Tally

Mask = Bool[Tensor, "batch joints"]
Range = tuple[float, float]
Align = Callable[[Tensor, Tensor, Tensor, int], tuple[Tensor, Tensor]]
_Named = TypeVar("_Named")

ALIGNMENTS: Mapping[str, Align] = MappingProxyType(
    {
        "none": alignment.align_none,
        "root": alignment.align_root,
        "root_scale": alignment.align_root_scale,
        "procrustes": alignment.align_procrustes,
    }
)
"""How a prediction is brought to the truth before its errors are measured."""


class Measures(NamedTuple):
    """What one protocol says of some joints."""

    n_joints: int
    """How many errors were counted, over all samples."""
    epe_mean: float
    epe_median: float
    auc: dict[str, float]
    """By range, for example ``"0_50"``."""
    pck: tuple[float, ...]
    """The share of correct joints at each of the protocol's thresholds."""


class Correct(NamedTuple):
    """Shares of correct joints among all, those without a prediction included."""

    n_joints: int
    """How many joints were counted, predicted or not."""
    auc: dict[str, float]
    """By range, for example ``"0_50"``."""
    pck: tuple[float, ...]
    """The share of correct joints at each of the protocol's thresholds."""


@dataclass(frozen=True)
class ScoringProtocol:
    """One convention for turning joint errors into EPE, PCK and AUC.

    Attributes:
        name: what it is called in every result.
        counted: which joints count, from the masks of labelled and of visible joints.
        thresholds: where the PCK curve is sampled (``e <= threshold``), evenly spaced from 0.
        ranges: the ranges of its AUCs.
        areas: the AUC over each range, row by row of a tally.
        grouped: pools a tally's joints into one row, or leaves them apart; measures are means over the rows.
    """

    name: str
    counted: Callable[[Mask, Mask], Mask]
    thresholds: tuple[float, ...]
    ranges: tuple[Range, ...]
    areas: Callable[["ScoringProtocol", Tally], Float[Tensor, "joints ranges"]]
    grouped: Callable[[Tally], Tally]

    def measure(self, sums: Tally) -> Measures | None:
        """The protocol's figures for the joints of a tally (on the CPU); None if nothing was counted."""
        seen = sums.counts > 0
        if not bool(seen.any()):
            return None
        if not bool(seen.all()):
            sums = Tally(*(state[seen] for state in sums))
        table = self.grouped(sums)
        areas = self.areas(self, table).mean(dim=0).tolist()
        return Measures(
            n_joints=int(table.counts.sum()),
            epe_mean=float(tally.means(table).mean()),
            epe_median=float(tally.medians(table).mean()),
            auc={range_name(r): area for r, area in zip(self.ranges, areas, strict=True)},
            pck=tuple(tally.curves(table).mean(dim=0).tolist()),
        )


def range_name(limits: Range) -> str:
    """How an AUC's range is spelled in results: ``"20_50"``."""
    return "_".join(f"{limit:g}" for limit in limits)


def _labelled(annotated: Mask, visible: Mask) -> Mask:
    return annotated


def _labelled_and_visible(annotated: Mask, visible: Mask) -> Mask:
    return annotated & visible


def _exact_areas(protocol: ScoringProtocol, sums: Tally) -> Float[Tensor, "joints ranges"]:
    return tally.areas(sums, protocol.ranges)


def _trapezoid_areas(protocol: ScoringProtocol, sums: Tally) -> Float[Tensor, "joints ranges"]:
    thresholds, curves = torch.tensor(protocol.thresholds, dtype=torch.double), tally.curves(sums)
    return torch.stack([auc_trapezoid(curves, thresholds, *limits) for limits in protocol.ranges], dim=-1)


def _apart(sums: Tally) -> Tally:
    return sums


def _exact(thresholds: tuple[float, ...], ranges: tuple[Range, ...]) -> ScoringProtocol:
    """No thresholds in the AUC, all labelled joints pooled; the thresholds only draw the curve."""
    return ScoringProtocol("exact", _labelled, thresholds, ranges, _exact_areas, tally.pooled)


def _hand3d(thresholds: tuple[float, ...], ranges: tuple[Range, ...]) -> ScoringProtocol:
    """Zimmermann & Brox 2017: visible joints, each joint for itself, then the mean over joints."""
    return ScoringProtocol("hand3d", _labelled_and_visible, thresholds, ranges, _trapezoid_areas, _apart)


def _freihand(thresholds: tuple[float, ...], ranges: tuple[Range, ...]) -> ScoringProtocol:
    """Zimmermann et al. 2019: 100 thresholds, all labelled joints pooled."""
    return ScoringProtocol("freihand", _labelled, thresholds, ranges, _trapezoid_areas, tally.pooled)


def _grid(end: float, steps: int) -> tuple[float, ...]:
    return tuple(np.linspace(0.0, end, steps).tolist())


_MM_RANGES: tuple[Range, ...] = ((0.0, 50.0), (20.0, 50.0))
_PX_RANGES: tuple[Range, ...] = ((0.0, 30.0),)

PROTOCOLS: Mapping[str, ScoringProtocol] = MappingProxyType(
    {
        "exact": _exact(_grid(50.0, 51), _MM_RANGES),
        "hand3d": _hand3d(_grid(50.0, 20), _MM_RANGES),
        "freihand": _freihand(_grid(50.0, 100), _MM_RANGES),
    }
)
"""The conventions for errors in mm."""

PIXEL_PROTOCOLS: Mapping[str, ScoringProtocol] = MappingProxyType(
    {"exact": _exact(_grid(30.0, 31), _PX_RANGES), "hand3d": _hand3d(_grid(30, 20), _PX_RANGES)}
)
"""The conventions for errors in px; the AUC runs from 0 to 30 px, as in Zimmermann & Brox 2017."""


def named(choices: Mapping[str, _Named], name: str, option: str) -> _Named:
    """Look a convention up.

    Raises:
        HandposeError: there is none of this name.
    """
    if name not in choices:
        raise HandposeError(option, repr(name), f"one of {', '.join(choices)}", "Correct the name.")
    return choices[name]


ROOTS: Mapping[str, int] = MappingProxyType({"palm": 0} | {name: i for i, name in enumerate(JOINT_NAMES)})
"""The joint of each root's name. Datasets that label the palm's centre keep it where others have the wrist."""


@dataclass(frozen=True)
class Comparison:
    """How predictions are held against the truth, before any averaging.

    Attributes:
        alignment: a name out of `ALIGNMENTS`.
        root: the root joint, a name out of `ROOTS`.
        recover: how the predictions' root depth and scale were obtained, in words; kept for the record.
    """

    alignment: str
    root: str
    recover: str

    def __post_init__(self) -> None:
        """Refuse names that do not exist."""
        named(ALIGNMENTS, self.alignment, "alignment")
        named(ROOTS, self.root, "root")

    def errors(
        self,
        prediction: Float[Tensor, "batch joints 3"],
        target: Float[Tensor, "batch joints 3"],
        annotated: Bool[Tensor, "batch joints"],
    ) -> Float[Tensor, "batch joints"]:
        """Distance of each joint to its truth after alignment, in the joints' unit; 0 where there is no label.

        Raises:
            HandposeError: a joint is not finite, or the alignment is not defined for a sample.
        """
        require_finite(prediction, torch.ones_like(annotated), "prediction")
        require_finite(target, annotated, "target")
        target = torch.where(annotated[..., None], target, 0)
        aligned = ALIGNMENTS[self.alignment](prediction, target, annotated, ROOTS[self.root])
        return torch.where(annotated, distances(*aligned), 0)


def require_finite(points: Float[Tensor, "batch joints dim"], needed: Bool[Tensor, "batch joints"], what: str) -> None:
    """Refuse NaN and infinity among the needed joints.

    Raises:
        HandposeError: names the first such sample and joint.
    """
    if bool(torch.isfinite(points).all()):
        return
    broken = needed & ~torch.isfinite(points).all(dim=-1)
    if bool(broken.any()):
        sample, joint = (int(i) for i in broken.nonzero()[0])
        label = f"{joint} ({JOINT_NAMES[joint]})" if broken.shape[1] == len(JOINT_NAMES) else str(joint)
        raise HandposeError(
            f"{what}, sample {sample} of the batch, joint {label}",
            str(points[sample, joint].tolist()),
            "finite coordinates",
            "Mark joints without a label in `annotated`; a prediction must be finite everywhere.",
        )

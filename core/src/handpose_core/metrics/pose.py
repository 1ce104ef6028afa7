"""The scores of predicted hands, 3D in mm and 2D in px, as torchmetrics metrics of constant memory."""

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torchmetrics import Metric

from handpose_core.errors import HandposeError
from handpose_core.hand import FINGER_JOINTS, JOINT_NAMES, N_JOINTS, WRIST
from handpose_core.metrics.functional import distances, tally
from handpose_core.metrics.functional.tally import Tally
from handpose_core.metrics.protocols import (
    PIXEL_PROTOCOLS,
    PROTOCOLS,
    Comparison,
    Correct,
    ScoringProtocol,
    named,
    require_finite,
)
from handpose_core.metrics.score import Score


class _TalliedScore(Metric):
    """Holds a `Tally` as states that processes add up, and reads a `Score` from it."""

    is_differentiable = False
    higher_is_better = False  # as its first figure, the EPE
    full_state_update = False

    counts: Tensor
    error_sum: Tensor
    clipped_sums: Tensor
    steps: Tensor
    histogram: Tensor
    samples: Tensor
    missing: Tensor
    missing_joints: Tensor

    def __init__(self, protocol: ScoringProtocol, comparison: Comparison, unit: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.protocol, self.comparison, self.unit = protocol, comparison, unit
        empty = tally.empty_tally(N_JOINTS, protocol.thresholds, protocol.ranges)
        for name, state in empty._asdict().items():
            self.add_state(name, state, dist_reduce_fx="sum")
        for name in ("samples", "missing"):
            self.add_state(name, torch.zeros((), dtype=torch.long), dist_reduce_fx="sum")
        self.add_state("missing_joints", torch.zeros(N_JOINTS, dtype=torch.long), dist_reduce_fx="sum")

    def compute(self) -> Score:
        """The score of all samples so far, of all processes.

        Raises:
            HandposeError: no joint was counted.
        """
        sums = Tally(*(getattr(self, name).cpu() for name in Tally._fields))
        overall = self.protocol.measure(sums)
        if overall is None:
            raise HandposeError(
                "the samples scored",
                f"no joint that counts in {int(self.samples)} samples, {int(self.missing)} of them not predicted",
                f"at least one that protocol {self.protocol.name} counts",
                "Check the predictions and the masks `annotated` and `visible`.",
            )
        root_name = "palm" if self.comparison.root == "palm" else JOINT_NAMES[WRIST]
        names = {root_name: (WRIST,)} | {name: (i,) for i, name in enumerate(JOINT_NAMES) if i != WRIST}
        return Score(
            protocol=self.protocol.name,
            alignment=self.comparison.alignment,
            root=self.comparison.root,
            recover=self.comparison.recover,
            unit=self.unit,
            n_samples=int(self.samples),
            thresholds=self.protocol.thresholds,
            overall=overall,
            joints={name: m for name, i in names.items() if (m := self.protocol.measure(tally.rows(sums, i)))},
            fingers={
                name: m
                for name, joints in ({root_name: (WRIST,)} | FINGER_JOINTS).items()
                if (m := self.protocol.measure(tally.rows(sums, joints)))
            },
            n_missing=int(self.missing),
            missing_as_wrong=self._missing_as_wrong(sums),
        )

    def _missing_as_wrong(self, sums: Tally) -> Correct | None:
        if not self.missing:
            return None
        everything = tally.with_missing(sums, self.missing_joints.cpu(), self.protocol.ranges)
        measures = self.protocol.measure(everything)
        return measures and Correct(measures.n_joints, measures.auc, measures.pck)

    def _add(
        self,
        errors: Float[Tensor, "batch 21"],
        annotated: Bool[Tensor, "batch 21"],
        visible: Bool[Tensor, "batch 21"] | None,
        predicted: Bool[Tensor, " batch"] | None = None,
    ) -> None:
        counted = self.protocol.counted(annotated, annotated if visible is None else visible)
        if predicted is not None:
            self.missing += (~predicted).sum()
            self.missing_joints += (counted & ~predicted[:, None]).sum(dim=0)
            counted = counted & predicted[:, None]
        sums = Tally(*(getattr(self, name) for name in Tally._fields))
        tally.add(sums, errors, counted, self.protocol.thresholds, self.protocol.ranges)
        self.samples += len(errors)


class HandPoseScore(_TalliedScore):
    """EPE, PCK and AUC of 3D joints in mm, over all, by joint and by finger.

    Memory is constant (2 MB) whatever the number of samples; see `functional.tally` for the rounding
    of the median (0.005 mm). With alignment ``root`` the root joint counts too, with its error of 0, as in
    hand3d's and FreiHAND's own code.

    Args:
        protocol: ``exact``, ``hand3d`` or ``freihand``.
        alignment: ``none``, ``root``, ``root_scale`` or ``procrustes``.
        root: the root joint's name, or ``palm`` where joint 0 is the palm's centre.
        recover: how root depth and scale of the predictions were obtained, for the record.
        kwargs: options of `torchmetrics.Metric`.

    Raises:
        HandposeError: a name does not exist.

    Example:
        Every joint but the root 10 mm off; pooled over 21 joints the mean is 200 / 21:

        >>> import torch
        >>> target = torch.zeros(1, 21, 3)
        >>> prediction = target.clone()
        >>> prediction[:, 1:, 0] = 10.0
        >>> metric = HandPoseScore(protocol="exact", alignment="root")
        >>> metric.update(prediction, target)
        >>> score = metric.compute()
        >>> round(score.epe_mean, 3), round(score.auc_0_50, 4), score.auc_20_50
        (9.524, 0.8095, 1.0)
        >>> score.protocol, score.alignment, score.root
        ('exact', 'root', 'wrist')
    """

    def __init__(
        self,
        protocol: str = "exact",
        alignment: str = "root",
        root: str = "wrist",
        recover: str = "as predicted",
        **kwargs: Any,
    ) -> None:
        comparison = Comparison(alignment, root, recover)
        super().__init__(named(PROTOCOLS, protocol, "protocol"), comparison, "mm", **kwargs)

    def update(
        self,
        prediction: Float[Tensor, "batch 21 3"],
        target: Float[Tensor, "batch 21 3"],
        annotated: Bool[Tensor, "batch 21"] | None = None,
        visible: Bool[Tensor, "batch 21"] | None = None,
        predicted: Bool[Tensor, " batch"] | None = None,
    ) -> None:
        """Add a batch.

        Args:
            prediction: joints in mm, camera frame.
            target: the true joints; ignored where not annotated.
            annotated: which joints have a label; all by default.
            visible: which can be seen, counted by ``hand3d`` alone; all labelled ones by default.
            predicted: which samples have a prediction; all by default. The others may be anything: errors are of the
                predicted ones, and `Score.missing_as_wrong` is of all.

        Raises:
            HandposeError: shapes or types differ, a joint is not finite, or the alignment is not defined for a sample.
        """
        _check_batch(prediction, target, 3, annotated=annotated, visible=visible)
        if annotated is None:
            annotated = torch.ones(prediction.shape[:2], dtype=torch.bool, device=prediction.device)
        compared = annotated
        if predicted is not None:
            _check_mask("predicted", predicted, (len(prediction),))
            compared = annotated & predicted[:, None]
            prediction = torch.where(predicted[:, None, None], prediction, 0)
        self._add(self.comparison.errors(prediction, target, compared), annotated, visible, predicted)


class HandPixelScore(_TalliedScore):
    """EPE, PCK and AUC (0-30) of 2D joints in pixels, over all, by joint and by finger.

    Args:
        protocol: ``exact`` or ``hand3d``.
        frame: the image that the pixels belong to, ``crop`` or ``image``: stated with the unit.
        kwargs: options of `torchmetrics.Metric`.

    Raises:
        HandposeError: a name does not exist.

    Example:
        >>> import torch
        >>> metric = HandPixelScore(frame="crop")
        >>> metric.update(torch.full((2, 21, 2), 3.0), torch.zeros(2, 21, 2))
        >>> score = metric.compute()
        >>> round(score.epe_mean, 3), score.unit  # 3 √2
        (4.243, 'px (crop)')
    """

    def __init__(self, protocol: str = "exact", frame: str = "crop", **kwargs: Any) -> None:
        unit = named({"crop": "px (crop)", "image": "px (image)"}, frame, "frame")
        comparison = Comparison("none", "wrist", "none: 2D")
        super().__init__(named(PIXEL_PROTOCOLS, protocol, "protocol"), comparison, unit, **kwargs)

    def update(
        self,
        prediction: Float[Tensor, "batch 21 2"],
        target: Float[Tensor, "batch 21 2"],
        annotated: Bool[Tensor, "batch 21"] | None = None,
        visible: Bool[Tensor, "batch 21"] | None = None,
    ) -> None:
        """Add a batch of joints in px; masks as in `HandPoseScore.update`.

        Raises:
            HandposeError: shapes or types differ, or a joint is not finite.
        """
        _check_batch(prediction, target, 2, annotated=annotated, visible=visible)
        if annotated is None:
            annotated = torch.ones(prediction.shape[:2], dtype=torch.bool, device=prediction.device)
        require_finite(prediction, torch.ones_like(annotated), "prediction")
        require_finite(target, annotated, "target")
        self._add(distances(prediction, torch.where(annotated[..., None], target, 0)), annotated, visible)


def _check_batch(prediction: Tensor, target: Tensor, dim: int, **masks: Tensor | None) -> None:
    """Refuse shapes that would broadcast.

    Raises:
        HandposeError: a shape or type is another one.
    """
    for name, joints in (("prediction", prediction), ("target", target)):
        if joints.ndim != 3 or joints.shape[1:] != (N_JOINTS, dim) or not joints.is_floating_point():
            raise HandposeError(
                name,
                f"shape {tuple(joints.shape)} of {joints.dtype}",
                f"shape (batch, {N_JOINTS}, {dim}) of floating-point numbers",
                "Give one hand a row.",
            )
    if len(prediction) != len(target):
        raise HandposeError("prediction", f"{len(prediction)} hands", f"{len(target)}, as target has", "Give as many.")
    for name, mask in masks.items():
        if mask is not None:
            _check_mask(name, mask, (len(prediction), N_JOINTS))


def _check_mask(name: str, mask: Tensor, shape: tuple[int, ...]) -> None:
    if tuple(mask.shape) != shape or mask.dtype != torch.bool:
        raise HandposeError(
            name, f"shape {tuple(mask.shape)} of {mask.dtype}", f"shape {shape} of booleans", "Give a mask.bool()."
        )

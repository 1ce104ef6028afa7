"""How many joints a second pass through the whole metric: alignment, errors, every sum, and the final score."""

import torch

from handpose_benchmarks.speed.figure import Figure
from handpose_benchmarks.speed.timing import rate
from handpose_core.hand import N_JOINTS
from handpose_core.metrics import HandPoseScore

_BATCH = 64
_BATCHES = 100
_TARGET = 1e6


def measure() -> list[Figure]:
    """Joints/s of `HandPoseScore` at the batch size of a validation loop, on the CPU."""
    generator = torch.Generator().manual_seed(0)
    target = torch.randn(_BATCHES, _BATCH, N_JOINTS, 3, generator=generator) * 50
    prediction = target + torch.randn(target.shape, generator=generator) * 10
    masks = torch.rand(2, _BATCHES, _BATCH, N_JOINTS, generator=generator) < 0.9
    masks[0, ..., 0] = True  # the root needs a label
    return [
        _figure(HandPoseScore(protocol, alignment), prediction, target, masks[0], masks[1])
        for protocol, alignment in (("exact", "root"), ("hand3d", "root"), ("exact", "procrustes"))
    ]


def _figure(
    metric: HandPoseScore,
    prediction: torch.Tensor,
    target: torch.Tensor,
    annotated: torch.Tensor,
    visible: torch.Tensor,
) -> Figure:
    """The rate of one protocol and alignment."""

    def score_all() -> None:
        metric.reset()
        for batch in zip(prediction, target, annotated, visible, strict=True):
            metric.update(*batch)
        metric.compute()

    return Figure(
        name=f"metrics, {metric.protocol.name}, alignment {metric.comparison.alignment}",
        value=rate(score_all, _BATCHES * _BATCH * N_JOINTS),
        unit="joints/s",
        target=_TARGET,
        note=f"update and compute, {_BATCHES} batches of {_BATCH}, CPU, {torch.get_num_threads()} threads",
    )

"""How fast TAGAN finds the simulated pose that fits a real hand best, among a million; it compares all of them."""

import time

import torch

from handpose_benchmarks.speed.figure import Figure
from handpose_benchmarks.speed.timing import rate
from handpose_core.hand import N_JOINTS
from handpose_tagan.superposition.matching import Affine, Family, PoseIndex, Similarity

POSES = 1_000_000
QUERIES = 64
_SECONDS = 0.150
"""For one query."""


def measure() -> list[Figure]:
    """Queries/s for one query at a time and for a batch, of whole and of partly seen hands; poses indexed a second."""
    generator = torch.Generator().manual_seed(0)
    poses, queries = (_hands(count, generator) for count in (POSES, QUERIES))
    started = time.perf_counter()
    index = PoseIndex(poses)
    building = Figure(
        name="pose index, building", value=POSES / (time.perf_counter() - started), unit="poses/s", note=_note(1)
    )
    everything = torch.ones(QUERIES, N_JOINTS, dtype=torch.bool)
    some = everything.clone()
    some[:, ::5] = False
    return [
        building,
        _figure("pose matching, similarity", index, queries[:1], everything[:1], Similarity(), 1 / _SECONDS),
        _figure("pose matching, similarity, 16 keypoints", index, queries[:1], some[:1], Similarity(), 1 / _SECONDS),
        _figure("pose matching, affine", index, queries[:1], everything[:1], Affine(), 1 / _SECONDS),
        _figure("pose matching, similarity, batch", index, queries, everything, Similarity(), None),
        _figure("pose matching, affine, batch", index, queries, everything, Affine(), None),
    ]


def _figure(
    name: str, index: PoseIndex, queries: torch.Tensor, present: torch.Tensor, family: Family, target: float | None
) -> Figure:
    return Figure(
        name=name,
        value=rate(lambda: index.match(queries, present, family=family), len(queries)),
        unit="queries/s",
        target=target,
        note=_note(len(queries)),
    )


def _note(queries: int) -> str:
    batch = f"batches of {queries}, " if queries > 1 else ""
    return f"{batch}{POSES:,} poses, float32, CPU, {torch.get_num_threads()} threads"


def _hands(count: int, generator: torch.Generator) -> torch.Tensor:
    """Chains of joints in random directions, px."""
    return torch.randn(count, N_JOINTS, 2, generator=generator).cumsum(1) * 10 + 100

"""How many poses a second the spin match turns into bone rotations and posed joints."""

import torch

from handpose_benchmarks.speed.figure import Figure
from handpose_benchmarks.speed.timing import rate, threads
from handpose_core.rig import HandRig
from handpose_mvhm.generate.sources import sample_poses
from handpose_mvhm.spin_match import spin_match

_BATCH = 4096
_SAMPLED = 512
_TARGET = 20_000.0


def measure() -> list[Figure]:
    """Poses/s of `spin_match` on one core: joints with 1 mm of noise in, rotations and joints out."""
    rig, generator = HandRig(), torch.Generator().manual_seed(0)
    joints = torch.from_numpy(sample_poses(rig, _SAMPLED, seed=0).joints).repeat(_BATCH // _SAMPLED, 1, 1)
    joints = joints + torch.randn(joints.shape, generator=generator)
    with threads(1):
        value = rate(lambda: spin_match(rig, joints), len(joints))
    return [Figure("spin match", value, "poses/s", _TARGET, f"batches of {_BATCH}, one core")]

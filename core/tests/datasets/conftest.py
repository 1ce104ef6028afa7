"""Multi-view data as ``handpose mvhm generate`` lays them out, of made-up pictures."""

import json
from pathlib import Path

import numpy as np
import pytest

from handpose_core.datasets.mvhm_layout import FACES, MANIFEST, shard_path
from handpose_core.hand import Side
from handpose_core.rig import HandRig, mirror
from handpose_core.synth.layouts.mvhm import MVHMView, ViewGroup, npy_bytes, write_shard

_SHARD = 3


@pytest.fixture
def mvhm_groups() -> dict[str, list[ViewGroup]]:
    """The groups of each split: the rig at rest, turned, right and left hands by turns, two views."""
    rng, rig = np.random.default_rng(0), HandRig()
    return {split: [_group(rng, rig, n) for n in range(count)] for split, count in {"train": 5, "val": 1}.items()}


@pytest.fixture
def mvhm_root(mvhm_groups: dict[str, list[ViewGroup]], tmp_path: Path) -> Path:
    """The folder that holds them."""
    root, counts = tmp_path / "mvhm", {split: len(groups) for split, groups in mvhm_groups.items()}
    for split, groups in mvhm_groups.items():
        for number, start in enumerate(range(0, len(groups), _SHARD)):
            part = groups[start : start + _SHARD]
            write_shard(shard_path(root, split, number), range(start, start + len(part)), part)
    (root / FACES).write_bytes(npy_bytes(HandRig().faces.numpy()))
    recipe = {"views": 2, "rig": "anny", "shard": _SHARD, "poses": "made up", "seed": 0}
    content = {"recipe": recipe, "groups": counts, "wanted": counts, "checksums": {}}
    (root / MANIFEST).write_text(json.dumps(content))
    return root


def _group(rng: np.random.Generator, rig: HandRig, number: int) -> ViewGroup:
    side = Side(number % 2)
    points = [mirror(p) if side == Side.LEFT else p for p in (rig.joints, rig.vertices)]
    joints, vertices = (p.numpy() - points[0].numpy().mean(0) for p in points)
    rotations = np.broadcast_to(np.eye(3, dtype=np.float32), (16, 3, 3))
    views = [_view(rng) for _ in range(2)]
    return ViewGroup(70 + number, "made up", side, joints, vertices, rotations, np.zeros(9, np.float32), views)


def _view(rng: np.random.Generator) -> MVHMView:
    R = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    smooth = np.add.outer(np.arange(40), 2 * np.arange(40))[..., None] + rng.integers(0, 100, 3)
    mask = rng.random((40, 40)) < 0.3
    return MVHMView(
        colour=smooth.astype(np.uint8),
        depth=np.where(mask, rng.uniform(300, 600, (40, 40)), 0),
        mask=mask,
        K=np.array([[80, 0, 19.5], [0, 80, 19.5], [0, 0, 1]], np.float32),
        R=(R * np.linalg.det(R)).astype(np.float32),
        t=np.array([3, -5, 500], np.float32),
        visible=rng.random(21) < 0.7,
    )

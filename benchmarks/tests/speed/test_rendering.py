import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from handpose_benchmarks.speed import rendering
from handpose_benchmarks.speed.figure import Figure, Skipped
from handpose_benchmarks.speed.rendering import OursInBatches
from handpose_benchmarks.speed.scene import Scene, posed_hands

if TYPE_CHECKING:
    from handpose_benchmarks.speed.opengl import OpenGLRenderer


def test_ours_and_opengl_draw_the_same_hands(opengl: Callable[[Scene], "OpenGLRenderer"]) -> None:
    """The rates are of the same work: silhouettes and depths agree, pixel by pixel."""
    scene = posed_hands(frames=8, size=256)
    peer = opengl(scene)
    drawn = list(OursInBatches(scene).draw())
    coverage = torch.cat([part.coverage for part in drawn])[:, 0].numpy()
    depths = torch.cat([part.fragments.depth_map() for part in drawn]).numpy()
    for frame in range(8):
        _, depth, mask = peer.draw(frame)
        ours = coverage[frame] >= 0.5
        assert (ours & mask).sum() / (ours | mask).sum() > 0.98
        both = ours & mask & (depth > 0) & (depths[frame] > 0)
        assert np.median(np.abs(depth - depths[frame])[both]) < 0.5


def test_missing_peers_are_named_and_ours_still_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "FRAMES", 2)
    monkeypatch.setattr(rendering, "SIZE", 64)
    monkeypatch.setattr(rendering, "rate", lambda work, items: (work(), 50.0)[1])
    monkeypatch.setitem(sys.modules, "moderngl", None)
    monkeypatch.delitem(sys.modules, "handpose_benchmarks.speed.opengl", raising=False)

    ours, opengl, cycles = rendering.measure(sys.executable)

    assert isinstance(ours, Figure)
    assert ours.met
    assert isinstance(opengl, Skipped)
    assert "moderngl" in opengl.reason
    assert isinstance(cycles, Skipped)
    assert "bpy" in cycles.reason

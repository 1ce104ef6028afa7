"""No exported file appears unless it answers as PyTorch does."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int64
from numpy import ndarray

from handpose_core.errors import HandposeError
from handpose_core.export.graph import Graph
from handpose_core.io import atomic
from handpose_core.predict.runtime import MeshRuntime, Runtime
from handpose_core.predict.trained import Trained

TOLERANCES = {
    "joints_2d": 0.02, "z_rel": 1e-3, "scores": 1e-3, "xyz": 1e-3, "vertices": 1e-3, "right": 1e-3, "is_right": 0.0,
    "middle": 0.02, "presence": 1e-3,
}  # fmt: skip
"""Largest differences (px, bone lengths, none) between PyTorch and an exported file that still count as the same."""
_PROBES = 4  # another number than exporters see

Answers = dict[str, ndarray]
"""By the outputs' names."""


@dataclass(frozen=True)
class Exported:
    """What was written.

    Args:
        path: the file.
        size: bytes.
        differences: the largest of each output between PyTorch and the file, on the probes.
    """

    path: Path
    size: int
    differences: dict[str, float]


def write_checked(
    trained: Trained,
    graph: Graph,
    path: Path,
    content: bytes,
    read: Callable[[Path, Float32[ndarray, "n 3 s s"], Int64[ndarray, " n"]], Answers],
) -> Exported:
    """Write a file under another name, compare its answers, and give it its name only if they agree.

    Args:
        trained: what was exported.
        graph: what of it.
        path: the file to write.
        content: of it.
        read: runs a file on pictures and sides.

    Raises:
        HandposeError: the answers differ.
    """
    with atomic.staged(path, path.suffix) as draft:
        draft.write_bytes(content)
        images, sides = probes(graph, trained.info.image_size, _PROBES)
        expected, found = answers(trained, images, sides), read(draft, images, sides)
        differences = {name: _difference(expected[name], found[name]) for name in graph.outputs}
        for name, difference in differences.items():
            if not difference <= TOLERANCES[name]:
                raise HandposeError(
                    f"{path}, {name}",
                    f"a difference of {difference:.2g} to PyTorch's answer",
                    f"at most {TOLERANCES[name]:g}",
                    "Nothing was written. Report this with the recipe of the checkpoint.",
                )
    return Exported(path, len(content), differences)


def answers(runtime: Runtime, images: Float32[ndarray, "n 3 s s"], sides: Int64[ndarray, " n"]) -> Answers:
    """All that a model says."""
    if not isinstance(runtime, MeshRuntime):
        return runtime.run(images, sides)._asdict()
    output, meshes = runtime.run_meshes(images, sides)
    return {**output._asdict(), **meshes._asdict()}


def probes(graph: Graph, image_size: int, count: int) -> tuple[Float32[ndarray, "n 3 s s"], Int64[ndarray, " n"]]:
    """Pictures with large and small structures, drawn alike every time, and sides by turns."""
    rng, cells = np.random.default_rng(0), -(-image_size // 16)
    coarse = rng.random((count, 3, cells, cells), dtype=np.float32)
    images = coarse.repeat(16, 2).repeat(16, 3)[..., :image_size, :image_size]
    images = np.clip(images + 0.1 * rng.standard_normal(images.shape, dtype=np.float32), 0, 1)
    return images, np.resize(np.array(graph.sides, np.int64), count)


def _difference(one: ndarray, other: ndarray) -> float:
    return float(np.abs(one.astype(np.float64) - other.astype(np.float64)).max())

"""A small table, and a stand-in for training that leaves what a test leaves."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from handpose_benchmarks.tables.plan import Node
from handpose_benchmarks.tables.spec import Curves, Quoted, RowSpec, StageSpec, TableSpec
from handpose_core.errors import HandposeError
from handpose_core.training.baselines import FlatDepth
from handpose_core.training.trivial_rows import CONSTANT_3D

THRESHOLDS = [0.0, 25.0, 50.0]


class FakeRunner:
    """Writes a checkpoint and results with an EPE of the test's choice, and remembers what it was asked for.

    Args:
        epe: By a node's label, ``DATASET/seedN/STAGES``.
        broken: Labels that fail.
        trivial: EPE of the best constant hand; the other trivial rows have a hundred times as much.
    """

    def __init__(self, epe: Mapping[str, float], broken: tuple[str, ...] = (), trivial: float = 100.0) -> None:
        self.epe, self.broken, self.constant = epe, broken, trivial
        self.trained: list[tuple[str, str | None]] = []
        self.tested: list[str] = []

    def fit(self, node: Node, init_from: Path | None) -> Path:
        self.trained.append((node.label, init_from.read_text() if init_from else None))
        if node.label in self.broken:
            raise HandposeError(str(node.folder / "fit.log"), "a crash", "a fit that ends well", "See the log.")
        checkpoint = node.folder / "best.ckpt"
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        checkpoint.write_text(node.label)
        return checkpoint

    def test(self, node: Node, checkpoint: Path) -> Path:
        self.tested.append(node.label)
        path = node.folder / "test" / "results.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(results(self.epe.get(node.label, 10.0))))
        return path

    def trivial(self, node: Node) -> Path:
        path = node.trivial_folder / "test" / "results.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(trivial_results(self.constant)))
        return path

    def stop(self) -> None:
        raise AssertionError("nothing interrupts the tests")


def results(epe: float) -> dict[str, object]:
    """What ``test`` writes: the method's scores under three alignments and two recoveries, and a baseline's."""
    scores = [("ours", recover, alignment) for recover in ("true_root_and_scale", "predicted") for alignment in FACTORS]
    return {
        "data": {"frames": "3"},
        "rows": [score(*names, epe) for names in [*scores, ("untrained network", "true_root_and_scale", "root")]],
    }


def trivial_results(constant: float) -> dict[str, object]:
    """What the test of the trivial rows writes; `score` gives methods other than ours a hundred times the error."""
    rows = [score("ours", "true_root_and_scale", alignment, 100 * constant) for alignment in FACTORS]
    rows += [score(FlatDepth.name, "true_2d_and_root", alignment, constant) for alignment in FACTORS]
    rows += [score(CONSTANT_3D, "true_wrist_and_scale_and_side", alignment, constant / 100) for alignment in FACTORS]
    return {"data": {"frames": "3"}, "rows": rows}


FACTORS = {"none": 1.0, "root": 2.0, "procrustes": 0.5}


def score(method: str, recover: str, alignment: str, epe: float) -> dict[str, object]:
    scale = FACTORS[alignment] * (100 if recover == "predicted" or method != "ours" else 1)
    return {
        "method": method, "protocol": "exact", "recover": recover, "alignment": alignment, "unit": "mm", "n_samples": 3,
        "epe_mean": epe * scale, "epe_median": epe * scale - 1, "auc_0_50": 0.5, "auc_20_50": 1 - epe / 50,
        "thresholds": THRESHOLDS, "pck": [0.0, 1 - epe / 50, 1.0],
    }  # fmt: skip


@pytest.fixture
def table() -> TableSpec:
    """Two rows that share a stage, the second with a third stage on STB's data; three on RHD, two on STB."""
    return TableSpec(
        number="3.1",
        title="a small table",
        method="dggan",
        datasets=("rhd", "stb"),
        stages={
            "first": StageSpec("${recipe}-1", ("--model.a", "1")),
            "plain": StageSpec("${recipe}-2", ("--model.b", "null")),
            "guided": StageSpec("${recipe}-2", for_dataset={"stb": ("--model.maps", "${rhd}")}),
        },
        rows=(
            RowSpec("Old", ("first", "plain"), {"rhd": {"epe_mean": 20.0}, "stb": {"epe_mean": 10.0}}),
            RowSpec("New", ("first", "guided"), {"rhd": {"epe_mean": 18.0}, "stb": {"epe_mean": 9.0}}),
            RowSpec("Only here", ("first",), {"rhd": {}}),
        ),
        quoted=(Quoted("Someone", "stb", {"epe_mean": 9.5}, "a paper"),),
        curves=Curves("3.6", ("PSO",)),
        notes=("a note",),
    )

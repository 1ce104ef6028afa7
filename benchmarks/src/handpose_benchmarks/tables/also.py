"""Further sets that a table's trainings are tested on, and none is trained on: real labelled frames, for example."""

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from handpose_benchmarks.tables.plan import Cell, Elsewhere, Node, tested_on
from handpose_benchmarks.tables.results import read_figures
from handpose_benchmarks.tables.runner import Runner, earlier_results
from handpose_benchmarks.tables.spec import IN_PIXELS, Protocol, TableSpec
from handpose_core.datasets.detect import detect
from handpose_core.errors import HandposeError

Document = dict[str, Any]
_FORM = "NAME=PATH, or NAME='PATH --data.side left ...' with further options of the datamodule"


@dataclass(frozen=True)
class FurtherSet:
    """A set to test on.

    Attributes:
        name: As shown.
        data: The options that read it, ``--data`` and all.
    """

    name: str
    data: tuple[str, ...]

    @property
    def folder(self) -> str:
        """Where tests on it are written, in a training's folder."""
        return "also_" + "".join(letter if letter.isalnum() else "_" for letter in self.name)

    def of(self, node: Node, options: Sequence[str]) -> Node:
        """A training with this set in place of what it is tested on; ``options`` are those of every training."""
        return replace(node, elsewhere=Elsewhere(self.folder, tested_on(node.arguments, self.data, options)))


@dataclass(frozen=True)
class Scored:
    """What became of the tests: their results' files, or why there are none."""

    results: Mapping[Node, Path] = field(default_factory=dict)
    failures: Mapping[Node, str] = field(default_factory=dict)


def further_set(text: str) -> FurtherSet:
    """What ``--also-test NAME=PATH`` names; the datamodule is the one that reads the folder.

    Raises:
        HandposeError: it is not of this form, or no datamodule reads the folder.
    """
    name, separator, described = text.partition("=")
    path, *options = shlex.split(described) or [""]
    if not (separator and name.strip() and path):
        raise HandposeError("--also-test", f"'{text}'", _FORM, "Correct it.")
    if not all(word.startswith("--data.") for word in options[::2]) or len(options) % 2:
        raise HandposeError(f"--also-test {name}", " ".join(options), "pairs of --data.OPTION and VALUE", "Correct it.")
    return FurtherSet(name.strip(), ("--data", detect(Path(path)).datamodule, "--data.root", path, *options))


def test_further(
    sets: Sequence[FurtherSet],
    cells: Sequence[Cell],
    checkpoints: Mapping[Node, Path],
    runner: Runner,
    jobs: int,
    options: Sequence[str],
    report: Callable[[str], None],
) -> Scored:
    """Test every row's last training on every set; what was tested before is not tested again.

    Args:
        sets: To test on.
        cells: Whose trainings; those without a checkpoint are left out.
        checkpoints: By training.
        runner: Tests.
        jobs: How many at a time.
        options: Those of every training.
        report: Takes lines of progress.
    """
    found: dict[Node, Path] = {}
    failures: dict[Node, str] = {}
    nodes = [cell.node for cell in cells if cell.node in checkpoints]

    def test(node: Node, further: FurtherSet) -> None:
        own = further.of(node, options)
        try:
            found[own] = runner.test(own, checkpoints[node])
        except (HandposeError, OSError) as error:
            failures[own] = str(error)
        report(f"{node.label}: {failures.get(own, 'tested')} on {further.name}")

    with ThreadPoolExecutor(jobs) as pool:
        try:
            list(pool.map(lambda pair: test(*pair), [(node, further) for further in sets for node in nodes]))
        except BaseException:
            runner.stop()
            pool.shutdown(cancel_futures=True)
            raise
    return Scored(found, failures)


def tell_further(
    sets: Sequence[FurtherSet], spec: TableSpec, cells: Sequence[Cell], scored: Scored, options: Sequence[str]
) -> list[Document]:
    """For the results file: every set with every row's runs, earlier ones too; errors in space and in the image."""
    return [
        {
            "name": further.name,
            "rows": [
                {
                    "trained_on": dataset,
                    "row": row.name_on(dataset),
                    "runs": [
                        run
                        for cell in cells
                        if cell.row is row and cell.dataset == dataset
                        if (run := _run(further.of(cell.node, options), cell.seed, spec.protocol, scored))
                    ],
                }
                for dataset in spec.datasets
                for row in spec.rows_on(dataset)
            ],
        }
        for further in sets
    ]


def _run(node: Node, seed: int, protocol: Protocol, scored: Scored) -> Document | None:
    """One test's figures, why there are none, or nothing where it was not asked for."""
    if node in scored.failures:
        return {"seed": seed, "failure": scored.failures[node]}
    path = scored.results.get(node) or earlier_results(node)
    if path is None:
        return None
    units = {row["unit"] for row in json.loads(path.read_text("utf-8"))["rows"]}
    told = [read_figures(path, one) for one in {protocol, IN_PIXELS} if one.unit in units]
    figures: Document = {}
    for one in told:
        for alignment, values in one["figures"].items():
            in_pixels = "pck_20" in values
            kept = {name: value for name, value in values.items() if not in_pixels or name in ("epe_mean_px", "pck_20")}
            figures.setdefault(alignment, {}).update(kept)
    return {"seed": seed, "n_samples": told[0]["n_samples"], "figures": figures}

"""The table of scores at the end of ``test`` and ``validate``, printed and written beside the run."""

import copy
import json
from collections.abc import Sequence
from importlib.metadata import version
from itertools import zip_longest
from pathlib import Path

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.trainer.states import TrainerFn
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from handpose_core.io import atomic
from handpose_core.io.commit import code_record
from handpose_core.training.checkpoints import saw_all_of
from handpose_core.training.module import HandPoseModule, describe_data
from handpose_core.training.results import Result, scored_in_3d

COLUMNS = (
    "method",
    "recover",
    "alignment",
    "root",
    "protocol",
    "EPE mean",
    "EPE median",
    "AUC 0–50",
    "AUC 20–50",
    "samples",
)
_TEXT_COLUMNS = 5
_SHAREABLE = ("root", "protocol", "samples")
_PLAIN_WIDTH = 160
NO_3D = "3D: not scored, as the samples have no 3D joints"


class ResultsTable(Callback):
    """Prints every row of the results with its conventions, and writes ``results.json`` and ``results.md``.

    The rows are the module's `results`: its own and those that baselines added.
    """

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Report under ``validate``; during training the loggers and the progress bar do."""
        if trainer.state.fn == TrainerFn.VALIDATING:
            module = as_method(pl_module)
            # the module's own hook comes after the callbacks' and empties the sheet: hence a copy
            self._report(trainer, module, copy.deepcopy(module.val_scores).results(module.display_name))

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Report what ``test`` found."""
        module = as_method(pl_module)
        self._report(trainer, module, module.results)

    @staticmethod
    def _report(trainer: Trainer, module: HandPoseModule, rows: Sequence[Result]) -> None:
        folder = Path(trainer.log_dir or trainer.default_root_dir)  # a broadcast: every process must ask
        if not trainer.is_global_zero:
            return
        data = describe_data(trainer)
        record = {
            "handpose_core": version("handpose-core"),
            **code_record(),
            "checkpoint": str(trainer.ckpt_path) if trainer.ckpt_path else None,
            "data": data,
            "trained_on": module.history,
            "tested_on_training_data": trainer.state.fn == TrainerFn.TESTING and saw_all_of(module.history, data),
            "metrics": {name: float(value) for name, value in trainer.callback_metrics.items()},
            "not_scored": [] if scored_in_3d(rows) else [NO_3D],
            "rows": [{"method": row.name, **row.score.as_dict()} for row in rows],
        }
        atomic.write_text(folder / "results.json", json.dumps(record, indent=2) + "\n")
        atomic.write_text(folder / "results.md", as_markdown(rows, data))
        console = Console()
        if not console.is_terminal:
            console.width = _PLAIN_WIDTH
        console.print(as_table(rows))
        if not scored_in_3d(rows):
            console.print(f"{NO_3D}.")
        console.print(
            "data: " + ", ".join(f"{key} {value}" for key, value in data.items()), soft_wrap=True, markup=False
        )
        console.print(f"results: {folder / 'results.json'}, {folder / 'results.md'}", soft_wrap=True, markup=False)


def as_method(module: LightningModule) -> HandPoseModule:
    """The module, known to have results and `estimate`.

    Raises:
        TypeError: it is no `HandPoseModule`.
    """
    if not isinstance(module, HandPoseModule):
        raise TypeError(f"{type(module).__name__} is no HandPoseModule: it has no results to report")
    return module


def cells(row: Result) -> tuple[str, ...]:
    """One line of the table, in the order of `COLUMNS`; errors with their unit, AUCs for errors in mm."""
    score = row.score
    areas = (score.overall.auc.get(name) for name in ("0_50", "20_50"))
    return (
        row.name,
        score.recover,
        score.alignment,
        score.root,
        score.protocol,
        f"{score.epe_mean:.2f} {score.unit}",
        f"{score.epe_median:.2f} {score.unit}",
        *("–" if area is None or score.unit != "mm" else f"{round(area, 3) + 0.0:.3f}" for area in areas),  # no -0.000
        str(score.n_samples),
    )


def as_table(rows: Sequence[Result]) -> Table:
    """The rows as a table for the terminal; conventions that all rows share stand in its title."""
    lines = [cells(row) for row in rows]
    shared = [i for i, column in enumerate(COLUMNS) if column in _SHAREABLE and len({line[i] for line in lines}) == 1]
    shown = [i for i in range(len(COLUMNS)) if i not in shared]
    table = Table(title=", ".join(["Results", *(f"{COLUMNS[i]} {lines[0][i]}" for i in shared)]))
    for i in shown:
        table.add_column(COLUMNS[i], justify="left" if i < _TEXT_COLUMNS else "right", overflow="fold")
    for line, following in zip_longest(lines, lines[1:]):
        table.add_row(*(escape(line[i]) for i in shown), end_section=following is None or following[0] != line[0])
    return table


def as_markdown(rows: Sequence[Result], data: dict[str, str]) -> str:
    """The rows as a Markdown table, the data's description below."""
    aligned = ["---" if i < _TEXT_COLUMNS else "---:" for i in range(len(COLUMNS))]
    lines = ["| " + " | ".join(line) + " |" for line in (COLUMNS, aligned, *(cells(row) for row in rows))]
    return "\n".join([*lines, "", *(f"- {key}: {value}" for key, value in data.items()), ""])

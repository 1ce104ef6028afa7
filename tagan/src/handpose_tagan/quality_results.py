"""The table of distances at the end of ``test``, printed and written beside the run."""

import json
import math
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from handpose_core.io import atomic
from handpose_core.io.commit import code_record
from handpose_core.training.module import describe_data
from handpose_tagan.quality import FEATURES

Row = dict[str, Any]


class QualityResults(Callback):
    """Prints the module's `quality_rows`, and writes ``results.json`` as the suite's other methods do."""

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Report what ``test`` found."""
        folder = Path(trainer.log_dir or trainer.default_root_dir)  # a broadcast: every process must ask
        if not trainer.is_global_zero:
            return
        module: Any = pl_module
        rows: list[Row] = module.quality_rows
        record = {
            "handpose_core": version("handpose-core"),
            **code_record(),
            "checkpoint": str(trainer.ckpt_path) if trainer.ckpt_path else None,
            "data": describe_data(trainer),
            "trained_on": module.history,
            "metrics": {name: float(value) for name, value in trainer.callback_metrics.items()},
            "features": FEATURES,
            "rows": [as_json(row) for row in rows],
        }
        atomic.write_text(folder / "results.json", json.dumps(record, indent=2) + "\n")
        Console().print(as_table(rows))
        told = f"kid_colour_edges: of {FEATURES}\nresults: {folder / 'results.json'}"
        Console().print(told, soft_wrap=True, markup=False)


def as_json(row: Row) -> Row:
    """A row as JSON knows it, which has no nan."""
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in row.items()}


def as_table(rows: list[Row]) -> Table:
    """Rows of distances as a table for the terminal."""
    table = Table(title="Distance to the real images")
    for name in rows[0]:
        table.add_column(name, justify="right" if isinstance(rows[0][name], float | int) else "left")
    for row in rows:
        cells = (f"{value:z.4f}" if isinstance(value, float) else str(value) for value in row.values())
        table.add_row(*map(Text, cells))
    return table

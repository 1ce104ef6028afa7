"""One stage, trained or tested, in a process of its own: its output goes to a log, and several can run at once.

``python -m handpose_benchmarks.tables.job fit|test JSON``, the JSON being a `Job`'s fields.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from handpose_core.cli.guard import guarded


@dataclass(frozen=True)
class Job:
    """What one process does.

    Attributes:
        method: The method's name.
        stage: The stage's.
        arguments: Of ``handpose METHOD fit``.
        folder: The stage's folder.
        checkpoint: Where weights come from: to start from, or to test.
        threads: Of torch.
    """

    method: str
    stage: str
    arguments: list[str]
    folder: str
    checkpoint: str | None
    threads: int | None


def main(argv: Sequence[str]) -> int:
    """Do the job."""
    from handpose_core.training.stages import Stage, run_stage, test_stage

    subcommand, text = argv
    job = Job(**json.loads(text))
    stage, folder = Stage(job.method, job.stage, tuple(job.arguments)), Path(job.folder)
    checkpoint = None if job.checkpoint is None else Path(job.checkpoint)
    if subcommand == "fit":
        run_stage(stage, folder, checkpoint, job.threads)
    else:
        assert checkpoint is not None
        test_stage(stage, folder, checkpoint, job.threads)
    return 0


if __name__ == "__main__":
    sys.exit(guarded(lambda: main(sys.argv[1:]), sys.argv[1:]))

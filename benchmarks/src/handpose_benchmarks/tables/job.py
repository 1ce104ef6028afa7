"""One stage, trained or tested, in a process of its own: its output goes to a log, and several can run at once.

``python -m handpose_benchmarks.tables.job fit|test|trivial JSON``, the JSON being a `Job`'s fields.
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
        training: Arguments of the training where trivial rows learn from other data than they are tested on.
    """

    method: str
    stage: str
    arguments: list[str]
    folder: str
    checkpoint: str | None
    threads: int | None
    training: list[str] | None = None


def main(argv: Sequence[str]) -> int:
    """Do the job."""
    from handpose_core.training.stages import Stage, run_stage, test_stage

    subcommand, text = argv
    job = Job(**json.loads(text))
    stage, folder = Stage(job.method, job.stage, tuple(job.arguments)), Path(job.folder)
    checkpoint = None if job.checkpoint is None else Path(job.checkpoint)
    if subcommand == "trivial":
        _score_trivial(job, folder)
        return 0
    if subcommand == "fit":
        run_stage(stage, folder, checkpoint, job.threads)
    else:
        assert checkpoint is not None
        test_stage(stage, folder, checkpoint, job.threads)
    return 0


def _score_trivial(job: Job, folder: Path) -> None:
    """Score the trivial rows, unless that was done with the same options, data and code."""
    import torch

    from handpose_core.cli.registry import methods
    from handpose_core.io import atomic
    from handpose_core.io.commit import code_commit
    from handpose_core.training.arguments import as_options
    from handpose_core.training.lock import held
    from handpose_core.training.untrained import score_trivial

    if job.threads is not None:
        torch.set_num_threads(job.threads)
    both = (job.arguments, job.training or [])
    asked = {
        "options": [as_options(arguments) for arguments in both],
        "data": [_manifests(Path(root)) for arguments in both for root in as_options(arguments).get("--data.root", ())],
        "commit": code_commit(),
    }
    record, results = folder / "scored.json", folder / "test" / "results.json"
    with held(folder):
        same = record.is_file() and json.loads(record.read_text("utf-8")) == json.loads(json.dumps(asked))
        if results.is_file() and same:
            return
        for made in (results.parent, folder / "learnt"):
            if made.exists():
                made.replace(atomic.claim_folder(folder / f"{made.name}_before"))
        score_trivial(job.method, methods()[job.method], job.arguments, job.training, folder)
        atomic.write_text(record, json.dumps(asked, indent=2) + "\n")


def _manifests(root: Path) -> list[str]:
    """Checksums of the manifests in a data folder, which change with what they list."""
    from handpose_core.io.checksums import file_checksum
    from handpose_core.prepare.manifest import MANIFEST
    from handpose_core.synth.provenance import MANIFESTS

    return [file_checksum(root / name) for name in (*MANIFESTS, MANIFEST) if (root / name).is_file()]


if __name__ == "__main__":
    sys.exit(guarded(lambda: main(sys.argv[1:]), sys.argv[1:]))

"""Set up before any test imports the packages: shapes and types are checked, and CI repeats the same examples.

Not the option ``--jaxtyping-packages``: it cannot hand several packages to a checker that has options. The tower makes
an int pass for a float, as PEP 484 and mypy have it.
"""

import os
import signal
from collections.abc import Callable, Iterable, Sequence

import pytest
import torch
from hypothesis import settings
from jaxtyping import install_import_hook

install_import_hook(
    ["handpose_core", "handpose_dggan", "handpose_tagan", "handpose_tassn", "handpose_mvhm", "handpose_benchmarks"],
    "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))",
)

# A change is judged by what it changed: new examples are searched for on developers' machines, not on CI.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")

# A shell starts what it runs in the background with SIGINT ignored, and processes hand this on to those they start.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def lacking() -> Callable[..., dict[str, torch.Tensor]]:
    """Take keys from some samples of a batch, as a mixture does: zeros in their place, and ``has_<key>``.

    ``lacking(batch, keys, rows)`` returns another batch.
    """

    def take(batch: dict[str, torch.Tensor], keys: Iterable[str], rows: Sequence[int]) -> dict[str, torch.Tensor]:
        taken = dict(batch)
        for key in keys:
            has = torch.ones(batch["image"].shape[:-3], dtype=torch.bool)
            has[list(rows)] = False
            taken[key] = batch[key].clone()
            taken[key][list(rows)] = 0
            taken[f"has_{key}"] = has
        return taken

    return take

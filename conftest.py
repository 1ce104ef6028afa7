"""Set up before any test imports the packages: shapes and types are checked, and CI repeats the same examples.

Not the option ``--jaxtyping-packages``: it cannot hand several packages to a checker that has options. The tower makes
an int pass for a float, as PEP 484 and mypy have it.
"""

import os

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

"""Checks shapes and types of all packages while they are tested; loaded before any test imports them.

Not the option ``--jaxtyping-packages``: it cannot hand several packages to a checker that has options. The tower makes
an int pass for a float, as PEP 484 and mypy have it.
"""

from jaxtyping import install_import_hook

install_import_hook(
    ["handpose_core", "handpose_dggan", "handpose_benchmarks"],
    "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))",
)

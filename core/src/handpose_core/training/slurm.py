"""SLURM jobs in which nothing was started by ``srun``."""

import os
from collections.abc import Mapping

from lightning_fabric.plugins.environments.lightning import LightningEnvironment


def environment_without_srun(environment: Mapping[str, str] = os.environ) -> LightningEnvironment | None:
    """Return the cluster environment for a process that SLURM's variables describe wrongly.

    In a batch script without ``srun``, and in a shell that inherited the variables, Lightning takes ``SLURM_NTASKS``
    for the number of processes of the training, and waits for them or refuses to start.

    Args:
        environment: the environment variables.

    Returns:
        One in which Lightning starts further processes itself; None where ``srun`` started this process, or no job is
        described.
    """
    without_srun = "SLURM_NTASKS" in environment and "SLURM_STEP_ID" not in environment
    several = environment.get("SLURM_NTASKS", "1").strip() != "1"
    incomplete = not {"SLURM_PROCID", "SLURM_LOCALID", "SLURM_NODEID"} <= environment.keys()
    return LightningEnvironment() if without_srun and (several or incomplete) else None

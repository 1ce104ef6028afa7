"""State that differs between the processes of a training, such as image pools, in one checkpoint."""

from typing import Any

import torch.distributed as dist
from pytorch_lightning.utilities import rank_zero_only

_KEY = "of_processes"


def gather_states(state: Any) -> dict[str, list[Any]]:
    """Gather a state from all processes; each of them has to call this.

    Args:
        state: Of this process; it can be pickled.

    Returns:
        What `own_state` takes: the states of all processes, by rank.
    """
    if not (dist.is_available() and dist.is_initialized()):
        return {_KEY: [state]}
    states: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(states, state)
    return {_KEY: states}


def own_state(saved: Any, rank: int, processes: int | None, name: str) -> Any:
    """Return the state that a process goes on with.

    Args:
        saved: Of `gather_states`, or the state of process 0 alone, as older checkpoints have it.
        rank: Of this process.
        processes: Number of processes of this training; None where nothing is trained, and nothing is said.
        name: Name of the state, for the note where another number of processes was saved.

    Returns:
        The state that a process of this rank saved; with more processes than then, that of a lower rank.
    """
    states = saved[_KEY] if isinstance(saved, dict) and _KEY in saved else [saved]
    if processes is not None and len(states) != processes:
        rank_zero_only(print)(
            f"note: the checkpoint has {name} of {len(states)} processes for {processes} of this training, which goes "
            "on, but not bit for bit"
        )
    return states[rank % len(states)]

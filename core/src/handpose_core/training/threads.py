"""Sharing a machine's cores between the training process and its loader workers."""

import os

import torch


def leave_cores_to_loaders(workers: int) -> None:
    """Give torch the cores that the loader workers leave, at least one.

    A thread that waits for another which a worker has pushed off its core spins: on two cores with two workers and
    two threads a step took six times as long as with one thread. OMP_NUM_THREADS, where it is set, is respected.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) - workers))

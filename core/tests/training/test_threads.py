"""How many threads the training process takes."""

import os

import pytest
import torch

from handpose_core.training.threads import leave_cores_to_loaders


@pytest.fixture(autouse=True)
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("cores", "workers", "expected"), [(8, 3, 5), (2, 2, 1), (1, 0, 1), (4, 0, 4)])
def test_takes_what_the_workers_leave(monkeypatch, cores, workers, expected):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    leave_cores_to_loaders(workers)
    assert torch.get_num_threads() == expected


def test_respects_what_the_user_set(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    torch.set_num_threads(1)
    leave_cores_to_loaders(0)
    assert torch.get_num_threads() == 1

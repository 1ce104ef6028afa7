"""Two processes that share the samples unevenly give exactly what one gives."""

import socket

import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from handpose_core.metrics import HandPoseScore

SAMPLES = 11


def samples():
    random = np.random.default_rng(5)
    target = torch.tensor(random.normal(0, 50, (SAMPLES, 21, 3)), dtype=torch.float32)
    prediction = target + torch.tensor(random.normal(0, 15, (SAMPLES, 21, 3)), dtype=torch.float32)
    return prediction, target, torch.tensor(random.random((SAMPLES, 21)) < 0.8)


def score_share(rank, port, out):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    prediction, target, visible = samples()
    share = slice(0, 7) if rank == 0 else slice(7, SAMPLES)
    for protocol in ("exact", "hand3d"):
        metric = HandPoseScore(protocol)
        metric.update(prediction[share], target[share], None, visible[share])
        torch.save(metric.compute().as_dict(), f"{out}/{protocol}_{rank}.pt")
    dist.destroy_process_group()


def test_two_processes_give_what_one_gives(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    mp.spawn(score_share, (port, str(tmp_path)), nprocs=2)
    prediction, target, visible = samples()
    for protocol in ("exact", "hand3d"):
        alone = HandPoseScore(protocol)
        alone.update(prediction, target, None, visible)
        for rank in (0, 1):
            assert torch.load(tmp_path / f"{protocol}_{rank}.pt", weights_only=True) == alone.compute().as_dict()

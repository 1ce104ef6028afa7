"""Each process goes on with its own state; of other numbers of processes this is said."""

import os

import torch.distributed as dist
import torch.multiprocessing as mp

from handpose_core.training.process_state import gather_states, own_state


def gathered(rank, folder):
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29653"}
    dist.init_process_group("gloo", rank=rank, world_size=2, init_method=f"file://{folder}/meet")
    saved = gather_states({"images": [rank], "random": 10 * rank})
    (folder / f"{rank}").write_text(str(own_state(saved, rank, 2, "pool") == {"images": [rank], "random": 10 * rank}))
    (folder / f"all{rank}").write_text(str(saved["of_processes"]))
    dist.destroy_process_group()


def test_a_checkpoint_has_the_state_of_every_process(tmp_path):
    mp.start_processes(gathered, (tmp_path,), nprocs=2, start_method="fork")
    assert [(tmp_path / f"{rank}").read_text() for rank in range(2)] == ["True", "True"]
    assert (tmp_path / "all0").read_text() == (tmp_path / "all1").read_text()
    assert "'random': 10" in (tmp_path / "all0").read_text()


def test_other_numbers_of_processes_are_said(capsys):
    saved = gather_states("alone")
    assert own_state(saved, 0, 1, "pool") == "alone"
    assert capsys.readouterr().out == ""
    assert [own_state({"of_processes": ["a", "b"]}, rank, 3, "pool") for rank in range(3)] == ["a", "b", "a"]
    assert "pool of 2 processes for 3 of this training" in capsys.readouterr().out


def test_the_state_of_an_older_checkpoint_is_process_0s():
    assert own_state({"images": []}, 0, 1, "pool") == {"images": []}

"""Every sample exactly once in evaluation, whatever the number of processes."""

from itertools import chain
from types import SimpleNamespace

import pytest
from torch.utils.data import DistributedSampler

from handpose_core.datamodules.rhd import RHDDataModule
from handpose_core.errors import HandposeError


def shards(root, world, stage):
    """The frames each of ``world`` processes is given."""
    found = []
    for rank in range(world):
        data = RHDDataModule(str(root), batch_size=2, image_size=16, val_fraction=0.25)
        data.trainer = SimpleNamespace(world_size=world, global_rank=rank)
        data.setup("fit" if stage == "train" else stage)
        loader = getattr(data, {"validate": "val"}.get(stage, stage) + "_dataloader")()
        # Lightning replaces a sampler that is not of this class by one that repeats samples.
        assert world == 1 or isinstance(loader.sampler, DistributedSampler)
        found.append([int(frame) for batch in loader for frame in batch["frame"]])
    return found


@pytest.mark.parametrize("world", [1, 2, 3, 4])
@pytest.mark.parametrize(("stage", "count"), [("test", 7), ("predict", 7)])
def test_evaluation_gives_every_sample_once(rhd_root, world, stage, count):
    found = shards(rhd_root, world, stage)
    assert sorted(chain(*found)) == list(range(count))
    assert max(map(len, found)) - min(map(len, found)) <= 1


@pytest.mark.parametrize("world", [1, 2, 3])
def test_validation_gives_every_sample_once(rhd_root, world):
    found = chain(*shards(rhd_root, world, "validate"))
    assert sorted(found) == sorted(shards(rhd_root, 1, "validate")[0])


@pytest.mark.parametrize("world", [2, 4])
def test_training_gives_each_process_equally_many(rhd_root, world):
    found = shards(rhd_root, world, "train")
    assert len({len(frames) for frames in found}) == 1
    assert set(chain(*found)) == set(shards(rhd_root, 1, "train")[0])


def test_more_processes_than_samples_is_named(rhd_root):
    with pytest.raises(HandposeError, match="4 processes for 3 samples"):
        shards(rhd_root, 4, "validate")

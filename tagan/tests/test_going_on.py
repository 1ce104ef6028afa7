"""A training that goes on from its checkpoint ends as one that was never interrupted."""

import pytest
import torch
from tagan.tests.tiny_training import SIDE, module_of, train

from handpose_tagan.module import TAGANModule

pytestmark = pytest.mark.filterwarnings("ignore")


def test_cyclegan_goes_on_with_its_pools(tmp_path):
    whole = module_of("CycleGAN")
    train(whole, 2)
    train(module_of("CycleGAN"), 1).save_checkpoint(tmp_path / "half.ckpt")
    torch.manual_seed(9)
    resumed = TAGANModule.load_from_checkpoint(tmp_path / "half.ckpt")
    assert resumed.side == SIDE
    resumed = module_of("CycleGAN")
    train(resumed, 2, ckpt_path=tmp_path / "half.ckpt")
    for (name, expected), found in zip(whole.named_parameters(), resumed.parameters(), strict=True):
        torch.testing.assert_close(found, expected, msg=name)
    for name, pool in whole.pools.items():
        found = resumed.pools[name].kept()
        assert found["random"] == pool.kept()["random"]
        torch.testing.assert_close(torch.stack(found["images"]), torch.stack(pool.kept()["images"]))

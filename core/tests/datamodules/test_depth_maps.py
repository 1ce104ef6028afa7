import pytest
import torch

from handpose_core.datamodules.cropped import CroppedDataset
from handpose_core.datamodules.depth_maps import DepthMaps
from handpose_core.datasets.rhd import RHD
from handpose_core.datasets.stb import STB
from handpose_core.errors import HandposeError


def test_depth_comes_without_what_it_is_of(drawn_stb, rhd_root):
    stb = CroppedDataset(STB(drawn_stb.root, "test", depth=True), range(10), 64, 1.5)
    rhd = CroppedDataset(RHD(rhd_root, "training"), range(12), 64, 1.5)
    assert DepthMaps(stb)[3].keys() == {"depth", "index"}
    assert DepthMaps(rhd)[3].keys() == {"depth", "mask", "index"}
    assert torch.equal(DepthMaps(rhd)[3]["depth"], rhd[3]["depth"])
    assert (DepthMaps(stb)[3]["depth"] > 0).any()
    assert len(DepthMaps(rhd)) == 12
    assert DepthMaps(stb).describe()["depth_dataset"] == "STB test (B1Counting, B1Random)"


def test_a_dataset_without_depth_is_named(drawn_stb):
    with pytest.raises(HandposeError, match=r"B1Counting/0 .*found a sample without depth"):
        DepthMaps(CroppedDataset(STB(drawn_stb.root, "test"), range(10), 64, 1.5))

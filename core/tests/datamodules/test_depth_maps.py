import numpy as np
import pytest
import torch

from handpose_core.datamodules.augmentation import Augmentation
from handpose_core.datamodules.cropped import CroppedDataset, Draw
from handpose_core.datamodules.depth_maps import DepthFrom, DepthMaps, OwnDepth, hand_depth
from handpose_core.datamodules.rhd import RHDDataModule
from handpose_core.datasets.rhd import RHD
from handpose_core.datasets.stb import STB
from handpose_core.errors import HandposeError


def test_a_masks_depth_is_the_hands_alone(rhd_root):
    crops = CroppedDataset(RHD(rhd_root, "training"), range(12), 64, 1.5)
    depth, sample = DepthMaps(crops)[3], crops[3]
    assert torch.equal(depth, sample["depth"] * sample["mask"])
    assert (depth > 0).any()
    assert len(DepthMaps(crops)) == 12


def test_without_a_mask_the_hand_is_near_its_root_and_its_joints():
    joints = torch.zeros(21, 3)
    joints[:, 2] = 500.0
    pixels = torch.zeros(21, 2)
    pixels[:] = torch.tensor([10.0, 20.0])
    pixels[1] = torch.tensor([14.0, 20.0])  # a box 4 px wide and 0 high: 6 px squared around (12, 20)
    depth = torch.full((1, 40, 30), 450.0)
    depth[0, 20, 12], depth[0, 21, 12], depth[0, 22, 12] = 601.0, 399.0, 0.0
    kept = hand_depth({"depth": depth, "joints_2d": pixels, "joints_3d": joints, "K": torch.eye(3)})
    expected = np.zeros((40, 30), bool)
    expected[17:24, 9:16] = True
    expected[20:23, 12] = False
    assert (kept[0].numpy() > 0).tolist() == expected.tolist()
    batch = {"depth": depth[None], "joints_2d": pixels[None], "joints_3d": joints[None], "K": torch.eye(3)[None]}
    assert torch.equal(hand_depth(batch)[0], kept)


def test_without_a_mask_the_hand_ends_at_its_wrist():
    joints = torch.zeros(21, 3)
    joints[:, 2] = 500.0
    joints[9] = torch.tensor([0.0, -90.0, 500.0])  # the middle finger's root lies above the wrist
    pixels = torch.full((21, 2), 20.0)
    pixels[1] = torch.tensor([20.0, 120.0])
    K = torch.tensor([[500.0, 0.0, 20.0], [0.0, 500.0, 60.0], [0.0, 0.0, 1.0]])
    kept = hand_depth({"depth": torch.full((1, 121, 40), 500.0), "joints_2d": pixels, "joints_3d": joints, "K": K})
    assert (kept[0] > 0).any(-1).nonzero().flatten().tolist() == list(range(60 + 15 + 1))  # 1 mm a pixel


def test_stb_has_depth_on_the_hand_alone(drawn_stb):
    crops = CroppedDataset(STB(drawn_stb.root, "test", depth=True), range(10), 64, 1.5)
    depth, root = DepthMaps(crops)[3], crops[3]["joints_3d"][0, 2]
    assert (depth > 0).any()
    assert ((depth[depth > 0] - root).abs() <= 100).all()


def test_a_dataset_without_depth_is_named(drawn_stb):
    with pytest.raises(HandposeError, match=r"B1Counting/0 .*found a sample without depth"):
        DepthMaps(CroppedDataset(STB(drawn_stb.root, "test"), range(10), 64, 1.5))


def test_training_samples_meet_depth_of_others_at_random(rhd_root):
    data = RHDDataModule(str(rhd_root), image_size=64, val_fraction=0.2, depth_maps=OwnDepth())
    data.setup("fit")
    plain = RHDDataModule(str(rhd_root), image_size=64, val_fraction=0.2)
    plain.setup("fit")
    all_maps = [hand_depth(plain.train_set[i]) for i in range(len(plain.train_set))]
    met = set()
    for epoch in range(20):
        sample = data.train_set[Draw(2, 0, epoch)]
        (which,) = [i for i, depth in enumerate(all_maps) if torch.equal(depth, sample["unpaired_depth"])]
        met.add(which)
        assert torch.equal(sample["image"], plain.train_set[2]["image"])
    assert len(met) > 2
    assert 2 not in met  # never its own
    again = data.train_set[Draw(2, 0, 5)]["unpaired_depth"]
    assert torch.equal(again, data.train_set[Draw(2, 0, 5)]["unpaired_depth"])
    assert "unpaired_depth" not in data.val_set[0]
    assert data.describe()["depth_maps"] == "of the training samples, unpaired"


def test_depth_of_another_dataset(rhd_root, drawn_stb):
    other = RHDDataModule(str(rhd_root), image_size=64, val_fraction=0.2, augmentation=Augmentation())
    own = CroppedDataset(STB(drawn_stb.root, "test"), range(10), 64, 1.5)
    assert DepthFrom(other).maps(own).crops is other.train_set
    with pytest.raises(HandposeError, match=r"maps of 32 px.*expected depth maps of 64 px"):
        DepthFrom(RHDDataModule(str(rhd_root), image_size=32, val_fraction=0.2)).maps(own)

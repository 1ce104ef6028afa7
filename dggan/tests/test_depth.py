import pytest
import torch

from handpose_dggan.depth import normalise_depth, true_depth, unpaired_depth


def test_the_hand_runs_from_0_to_1_and_the_rest_is_far():
    depth = torch.zeros(2, 1, 2, 2)
    depth[0, 0] = torch.tensor([[500.0, 600.0], [525.0, 0.0]])
    maps, hand, counted = normalise_depth(depth, 2)
    assert maps[0, 0].tolist() == [[0, 1], [0.25, 1]]
    assert hand[0, 0].tolist() == [[True, True], [True, False]]
    assert counted.tolist() == [True, False]
    assert (maps[1] == 1).all()
    assert not hand[1].any()


def test_smaller_maps_are_means_of_what_they_cover():
    depth = torch.zeros(1, 1, 4, 4)
    depth[0, 0, :2, :2] = torch.tensor([[500.0, 600.0], [550.0, 0.0]])
    depth[0, 0, 3, 3] = 600.0
    maps, hand, _ = normalise_depth(depth, 2)
    assert maps[0, 0].tolist() == [[(0 + 1 + 0.5 + 1) / 4, 1], [1, 1]]
    assert hand[0, 0].tolist() == [[True, False], [False, False]]


def test_a_hand_of_one_depth_is_near_and_finite():
    depth = torch.zeros(1, 1, 4, 4)
    depth[0, 0, 1, 1] = 700.0
    maps, _, counted = normalise_depth(depth, 4)
    assert maps[0, 0, 1, 1] == 0
    assert maps.sum() == 15
    assert counted.all()


def test_true_depth_takes_the_masks_pixels_only():
    depth = torch.tensor([[500.0, 600.0], [2000.0, 550.0]])[None, None]
    batch = {"depth": depth, "mask": torch.tensor([[True, True], [False, True]])[None, None]}
    assert true_depth(batch, 2).maps[0, 0].tolist() == [[0, 1], [1, 0.5]]
    met = {"unpaired_depth": torch.where(batch["mask"], depth, 0)}
    assert torch.equal(unpaired_depth(met, 2).maps, true_depth(batch, 2).maps)


@pytest.mark.parametrize("size", [3, 5])
def test_any_size(size):
    assert normalise_depth(torch.rand(2, 1, 8, 8) + 400, size).maps.shape == (2, 1, size, size)

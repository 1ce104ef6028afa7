import pytest
import torch

from handpose_core.datasets.sample import collate
from handpose_core.errors import HandposeError


def test_stacks_every_key():
    batch = collate([{"index": torch.tensor(i), "K": torch.eye(3) * i} for i in range(3)])
    assert batch["index"].tolist() == [0, 1, 2]
    assert batch["K"].shape == (3, 3, 3)


def test_refuses_a_mix_of_keys():
    with pytest.raises(HandposeError, match=r"sample 1: found a mix: only some samples have depth"):
        collate([{"K": torch.eye(3)}, {"K": torch.eye(3), "depth": torch.zeros(1, 2, 2)}])


def test_refuses_a_mix_of_shapes():
    with pytest.raises(HandposeError, match=r"sample 1, image: found shape \(3, 5, 4\)"):
        collate([{"image": torch.zeros(3, 4, 4)}, {"image": torch.zeros(3, 5, 4)}])

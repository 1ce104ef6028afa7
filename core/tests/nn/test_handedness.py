import torch

from handpose_core.hand import Side
from handpose_core.nn.handedness import mirror_left


def test_only_left_hands_are_mirrored_and_twice_is_as_before():
    maps = torch.arange(2 * 3 * 2 * 4, dtype=torch.float32).view(2, 3, 2, 4)
    sides = torch.tensor([int(Side.LEFT), int(Side.RIGHT)])
    shown = mirror_left(maps, sides)
    assert shown[0, 0, 0].tolist() == [3, 2, 1, 0]
    assert torch.equal(shown[1], maps[1])
    assert torch.equal(mirror_left(shown, sides), maps)

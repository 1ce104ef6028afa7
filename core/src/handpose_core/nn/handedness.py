"""Left hands shown to a network as right ones.

A hand and its mirror image then share all that is learnt. Depths stay as they are, so that only maps are turned back.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from handpose_core.hand import Side


def mirror_left(maps: Float[Tensor, "batch c h w"], sides: Int[Tensor, " batch"]) -> Float[Tensor, "batch c h w"]:
    """Mirror pictures or maps of left hands, left to right.

    Args:
        maps: Of either side.
        sides: `Side` of each.

    Returns:
        Maps as of right hands; a second call turns them back.
    """
    return torch.where((sides == Side.LEFT)[:, None, None, None], maps.flip(-1), maps)

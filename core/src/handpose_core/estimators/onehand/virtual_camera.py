"""The frame that hands are estimated in: that of a camera that looks at the hand's middle.

What a crop shows of a hand depends on where it lies in the picture only by this turn, so that nothing of the
camera has to be known to estimate, and only the crop's own K to turn back.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from handpose_core.precision import single_precision


@single_precision
def to_middle(K: Float[Tensor, "batch 3 3"], middle: Float[Tensor, "batch 2"]) -> Float[Tensor, "batch 3 3"]:
    """The smallest rotations that turn the rays of ``middle`` to straight ahead (0, 0, 1).

    Args:
        K: intrinsics of the crops, px.
        middle: px of the crops.
    """
    pixel = torch.cat([middle, torch.ones_like(middle[:, :1])], -1).to(K)
    ray = torch.nn.functional.normalize((torch.linalg.inv(K) @ pixel[..., None])[..., 0], dim=-1)
    x, y, z = ray.unbind(-1)
    k = 1 / (1 + z)  # Rodrigues' formula between two unit vectors; z > 0 before the camera
    rows = [[1 - k * x * x, -k * x * y, -x], [-k * x * y, 1 - k * y * y, -y], [x, y, z]]
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)


def laid_onto(
    points: Float[Tensor, "batch n 3"], pixels: Float[Tensor, "batch n 2"], weights: Float[Tensor, "batch n"]
) -> Float[Tensor, "batch n 2"]:
    """Pixels of points as a far camera sees them, moved onto others and made as large as these (weak perspective).

    As large as these, not as near as can be: the scale of least squares shrinks with all that the two do not have in
    common, and what is placed by its size in the picture would be placed too far.

    Args:
        points: in a frame whose x and y lie along those of the pixels.
        pixels: where they are said to be.
        weights: how much each counts; positive.
    """
    share = (weights / weights.sum(1, keepdim=True))[..., None]
    middle = (share * pixels).sum(1, keepdim=True)
    flat, away = points[..., :2] - (share * points[..., :2]).sum(1, keepdim=True), pixels - middle
    spread = (share * away.square()).sum((1, 2)) / (share * flat.square()).sum((1, 2)).clamp_min(1e-6)
    return middle + spread.sqrt()[:, None, None] * flat

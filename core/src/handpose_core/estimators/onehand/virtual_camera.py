"""The virtual camera: hands are estimated in the frame of a camera that looks at the middle of the hand's crop.

The appearance of a hand depends on its place in the image only through this rotation, so that estimation needs no
intrinsics; the crop's own K turns the estimate back.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from handpose_core.precision import single_precision


@single_precision
def virtual_camera_rotation(
    K: Float[Tensor, "batch 3 3"], middle: Float[Tensor, "batch 2"]
) -> Float[Tensor, "batch 3 3"]:
    """Compute the smallest rotations that turn the rays of ``middle`` to (0, 0, 1).

    Args:
        K: Intrinsics of the crops, px.
        middle: px of the crops.

    Returns:
        Rotations from the camera's frame to the virtual camera's.
    """
    pixel = torch.cat([middle, torch.ones_like(middle[:, :1])], -1).to(K)
    ray = torch.nn.functional.normalize((torch.linalg.inv(K) @ pixel[..., None])[..., 0], dim=-1)
    x, y, z = ray.unbind(-1)
    k = 1 / (1 + z)  # Rodrigues' formula between two unit vectors; z > 0 before the camera
    rows = [[1 - k * x * x, -k * x * y, -x], [-k * x * y, 1 - k * y * y, -y], [x, y, z]]
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)


def align_weak_perspective(
    points: Float[Tensor, "batch n 3"], pixels: Float[Tensor, "batch n 2"], weights: Float[Tensor, "batch n"]
) -> Float[Tensor, "batch n 2"]:
    """Project points by weak perspective, translated and scaled to given pixels.

    The scale makes the weighted spreads equal. Least squares would shrink it wherever the two differ, and the hand,
    whose depth follows from its size in the image, would be placed too far.

    Args:
        points: Any unit; x and y along those of the pixels.
        pixels: Positions to align with, px.
        weights: Weight of each point; positive.

    Returns:
        Aligned projections, px.
    """
    share = (weights / weights.sum(1, keepdim=True))[..., None]
    middle = (share * pixels).sum(1, keepdim=True)
    flat, away = points[..., :2] - (share * points[..., :2]).sum(1, keepdim=True), pixels - middle
    spread = (share * away.square()).sum((1, 2)) / (share * flat.square()).sum((1, 2)).clamp_min(1e-6)
    return middle + spread.sqrt()[:, None, None] * flat

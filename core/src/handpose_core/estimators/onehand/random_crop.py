"""Random square crops of batches of images, resized to a given side."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F


def random_enlarged_crop(image: Float[Tensor, "batch 3 s s"]) -> Float[Tensor, "batch 3 s s"]:
    """Crop 0.15 to 0.6 of each image's side at random and enlarge it to the image's size (torch's generator).

    Args:
        image: Square images.

    Returns:
        Enlarged crops, which seldom show a second whole hand.
    """
    part = 0.15 + 0.45 * torch.rand(len(image), 1, device=image.device)
    middle = (2 * torch.rand(len(image), 2, device=image.device) - 1) * (1 - part)
    return crop_windows(image, part[:, 0], middle)[0]


def crop_windows(
    image: Float[Tensor, "batch c s s"],
    part: Float[Tensor, " batch"],
    middle: Float[Tensor, "batch 2"],
    size: int | None = None,
) -> tuple[Float[Tensor, "batch c t t"], Float[Tensor, "batch 1 t t"]]:
    """Crop a window of each image by bilinear interpolation; border pixels are repeated outside.

    Args:
        image: Square images.
        part: Side of the window over the image's; above 1 it reaches beyond the borders.
        middle: Centre of the window, -1 to 1 across the image.
        size: Side of the result, px; None for the image's.

    Returns:
        windows: The crops.
        inside: 1 where a pixel lies within the image, else 0.
    """
    theta = torch.cat([torch.diag_embed(part[:, None].expand(-1, 2)), middle[..., None]], dim=-1).to(image)
    size = size or image.shape[-1]
    grid = F.affine_grid(theta, [*image.shape[:2], size, size], align_corners=False)
    inside = (grid.abs() <= 1).all(-1)[:, None].to(image)
    return F.grid_sample(image, grid, padding_mode="border", align_corners=False), inside

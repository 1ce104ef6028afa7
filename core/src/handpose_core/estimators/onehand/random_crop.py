"""Parts of pictures, in batches, as large as these again."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F


def enlarged(image: Float[Tensor, "batch 3 s s"]) -> Float[Tensor, "batch 3 s s"]:
    """A part of each picture, 0.15 to 0.6 of its side, as large as the whole: seldom a second whole hand."""
    part = 0.15 + 0.45 * torch.rand(len(image), 1, device=image.device)
    middle = (2 * torch.rand(len(image), 2, device=image.device) - 1) * (1 - part)
    return windows(image, part[:, 0], middle)[0]


def windows(
    image: Float[Tensor, "batch c s s"],
    part: Float[Tensor, " batch"],
    middle: Float[Tensor, "batch 2"],
    size: int | None = None,
) -> tuple[Float[Tensor, "batch c t t"], Float[Tensor, "batch 1 t t"]]:
    """Windows of ``part`` of the side around ``middle`` (-1 to 1); where these lie within the pictures.

    Args:
        image: square pictures.
        part: of their side, above 1 beyond their borders.
        middle: of the windows.
        size: of the windows, px; None makes them as large as the pictures.
    """
    theta = torch.cat([torch.diag_embed(part[:, None].expand(-1, 2)), middle[..., None]], dim=-1).to(image)
    size = size or image.shape[-1]
    grid = F.affine_grid(theta, [*image.shape[:2], size, size], align_corners=False)
    inside = (grid.abs() <= 1).all(-1)[:, None].to(image)
    return F.grid_sample(image, grid, padding_mode="border", align_corners=False), inside

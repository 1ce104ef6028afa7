"""Where in its picture a hand is: the crop that a pose network looks at, as a small object that a recipe chooses."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from handpose_core.camera import crop_matrix
from handpose_core.precision import single_precision


class Localiser(ABC):
    """Chooses a square crop of each image, of the image's own size in pixels."""

    uses_mask: bool
    """Whether it looks at the hand's mask."""

    @abstractmethod
    def __call__(self, hand: Float[Tensor, "batch height width"]) -> Float[Tensor, "batch 3 3"]:
        """Maps of the images' pixels to the crops', as `handpose_core.camera.crop_matrix` makes them.

        Args:
            hand: how likely each pixel is to be of the hand, in [0, 1].
        """


@dataclass(frozen=True)
class GivenCrop(Localiser):
    """The image as it comes: cut by the labels, as for methods that do not look for the hand."""

    uses_mask = False

    def __call__(self, hand: Float[Tensor, "batch height width"]) -> Float[Tensor, "batch 3 3"]:
        """See `Localiser`."""
        return torch.eye(3, device=hand.device).expand(len(hand), 3, 3)


@dataclass(frozen=True)
class SegmentedHand(Localiser):
    """The square about the pixels that are rather of the hand than not; the whole image where there are none.

    Args:
        margin: the crop's side over the mask's larger extent.
    """

    margin: float = 1.25
    uses_mask = True

    def __call__(self, hand: Float[Tensor, "batch height width"]) -> Float[Tensor, "batch 3 3"]:
        """See `Localiser`."""
        mask = hand > 0.5
        (left, right), (top, bottom) = _extent(mask.any(dim=1)), _extent(mask.any(dim=2))
        size = (torch.maximum(right - left, bottom - top) + 1) * self.margin
        crops = crop_matrix(torch.stack([left + right, top + bottom], dim=1) / 2, size, hand.shape[-1])
        found = mask.flatten(1).any(dim=1)
        return torch.where(found[:, None, None], crops, torch.eye(3, device=hand.device))


@single_precision
def crop_images(
    image: Float[Tensor, "batch 3 size size"], A: Float[Tensor, "batch 3 3"]
) -> Float[Tensor, "batch 3 size size"]:
    """Images under the pixel maps ``A``, by linear interpolation; black outside."""
    from kornia.geometry.transform import warp_affine  # here, because importing it takes most of a second

    # align_corners as in the matrices: whole numbers are the pixels' centres
    return warp_affine(image, A[:, :2], (image.shape[-2], image.shape[-1]), align_corners=True)


def _extent(occupied: Bool[Tensor, "batch cells"]) -> tuple[Float[Tensor, " batch"], Float[Tensor, " batch"]]:
    """The first and the last occupied cell."""
    cells = occupied.shape[1]
    first = occupied.float().argmax(dim=1)
    last = cells - 1 - occupied.flip(1).float().argmax(dim=1)
    return first.float(), last.float()

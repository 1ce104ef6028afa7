"""Images without hands, such as ``handpose data people`` and ``data things`` make, for detector and presence head."""

from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from handpose_core.datasets.folder_frames import images_below
from handpose_core.datasets.images import read_rgb
from handpose_core.estimators.onehand.random_crop import crop_windows

#: Side at which images are kept, px: 110 kB each.
_SIDE = 192
#: Smallest side of a crop over the image's.
_LEAST_PART = 0.3


class NegativeImages:
    """A folder of images without hands, read at the first sample.

    Args:
        folder: Holds images, itself or in its folders; other files are named once in a note.

    Raises:
        HandposeError: There are no images.
    """

    def __init__(self, folder: str | Path) -> None:
        fix = "Make some: handpose data people, handpose data things; or leave --model.negatives out."
        self._files = images_below(Path(folder), fix)

    def __len__(self) -> int:
        return len(self._files)

    @cached_property
    def _images(self) -> UInt8[Tensor, "n 3 side side"]:
        squares = [
            cv2.resize(_square(read_rgb(path)), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA) for path in self._files
        ]
        return torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2).contiguous()

    def sample(self, count: int, size: int, device: torch.device) -> Float[Tensor, "count 3 size size"]:
        """Sample random crops of random images, half of them mirrored (torch's generator).

        Args:
            count: Number of crops.
            size: Their side, px.
            device: Where they are made.

        Returns:
            RGB in [0, 1].
        """
        which = torch.randint(len(self), (count,))
        chosen = self._images[which].to(device).float() / 255
        part = _LEAST_PART + (1 - _LEAST_PART) * torch.rand(count, device=device)
        middle = (1 - part)[:, None] * (2 * torch.rand(count, 2, device=device) - 1)
        crops = crop_windows(chosen, part, middle, size)[0]
        return torch.where(torch.rand(count, 1, 1, 1, device=device) < 0.5, crops, crops.flip(-1))


def _square(picture: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "s s 3"]:
    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return picture[top : top + side, left : left + side]

"""Pictures known to show no hand, to learn doubt from: ``handpose data people`` and ``data things`` make some."""

from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from handpose_core.datasets.folder_frames import images_below
from handpose_core.datasets.images import read_rgb
from handpose_core.estimators.onehand.random_crop import windows

_SIDE = 192
"""Pictures are kept at this size, px: 110 kB each."""
_NEAREST = 0.3
"""Part of a picture that a window shows at least."""


class HandlessPictures:
    """A folder of them, read when first drawn from.

    Args:
        folder: of pictures, in it or in folders in it; files that are none are named once.

    Raises:
        HandposeError: there are none.
    """

    def __init__(self, folder: str | Path) -> None:
        fix = "Make some: handpose data people, handpose data things; or leave --model.handless out."
        self._files = images_below(Path(folder), fix)

    def __len__(self) -> int:
        return len(self._files)

    @cached_property
    def _pictures(self) -> UInt8[Tensor, "n 3 side side"]:
        squares = [
            cv2.resize(_square(read_rgb(path)), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA) for path in self._files
        ]
        return torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2).contiguous()

    def draw(self, count: int, size: int, device: torch.device) -> Float[Tensor, "count 3 size size"]:
        """Windows of random pictures in [0, 1], half of them mirrored; by torch's generator."""
        which = torch.randint(len(self), (count,))
        chosen = self._pictures[which].to(device).float() / 255
        part = _NEAREST + (1 - _NEAREST) * torch.rand(count, device=device)
        middle = (1 - part)[:, None] * (2 * torch.rand(count, 2, device=device) - 1)
        seen = windows(chosen, part, middle, size)[0]
        return torch.where(torch.rand(count, 1, 1, 1, device=device) < 0.5, seen, seen.flip(-1))


def _square(picture: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "s s 3"]:
    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return picture[top : top + side, left : left + side]

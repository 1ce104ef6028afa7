"""Which training samples' joint depths are labelled: all, as in the thesis, or few, where depth maps must say more."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Bool
from torch import Tensor

from handpose_core.datasets.sample import Sample
from handpose_core.errors import HandposeError

_GOLDEN = 0.6180339887498949
"""Multiples of it, modulo 1, lie evenly in any run of indices."""


class DepthLabels(ABC):
    """Chooses the samples whose joint depths may be learnt from; 2D joints are labelled everywhere."""

    @abstractmethod
    def known(self, batch: Sample) -> Bool[Tensor, " batch"]:
        """Which samples of a batch are labelled."""


@dataclass(frozen=True)
class AllDepths(DepthLabels):
    """Every sample's."""

    def known(self, batch: Sample) -> Bool[Tensor, " batch"]:
        """See `DepthLabels`."""
        return torch.ones_like(batch["index"], dtype=torch.bool)


@dataclass(frozen=True)
class ShareOfDepths(DepthLabels):
    """Those of a share of the samples, evenly spread and the same in every training and every row of a table.

    Args:
        share: from 0 to 1.

    Raises:
        HandposeError: the share is none.
    """

    share: float

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise HandposeError("model.depth_labels, share", f"{self.share}", "a number from 0 to 1", "Change it.")

    def known(self, batch: Sample) -> Bool[Tensor, " batch"]:
        """See `DepthLabels`."""
        return (batch["index"].double() * _GOLDEN) % 1 < self.share


ALL_DEPTHS = AllDepths()

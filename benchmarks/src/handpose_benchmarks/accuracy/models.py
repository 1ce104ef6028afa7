"""What is measured: the suite's model, and MediaPipe beside it."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from handpose_benchmarks.accuracy.pictures import LabelledPicture
from handpose_core.predict import Box, HandModel
from handpose_core.predict.hands import Hand
from handpose_core.predict.pictures import Picture
from handpose_core.predict.search import Search
from handpose_tagan.detection.mediapipe import MediaPipe

Told = Literal["box, side", "box", "nothing"]
"""What one of the suite's models is given beside the picture."""
_ROOM = 2.0
"""MediaPipe finds palms first, and is given some room around the joints' box."""


@dataclass(frozen=True)
class Answer:
    """A hand as a model sees it: px of the picture, and mm about anywhere."""

    joints_2d: Float64[ndarray, "21 2"]
    joints_3d: Float64[ndarray, "21 3"]


class Contender(ABC):
    """A row of the table.

    Attributes:
        name: as shown.
        told: what it is told beside the picture.
    """

    name: str
    told: str

    @abstractmethod
    def look(self, picture: LabelledPicture) -> Answer | None:
        """The hand it sees; None where it sees none."""


@dataclass
class Ours(Contender):
    """A model of the suite.

    Args:
        model: it.
        told: what it is given of the labels; of ``nothing`` it has to find the hand.
    """

    model: HandModel
    told: Told

    def __post_init__(self) -> None:
        self.name = self.model.info.method.rsplit(".", 1)[-1]

    def look(self, picture: LabelledPicture) -> Answer | None:
        """See `Contender`."""
        hand = self._searched(picture) if self.told == "nothing" else self._boxed(picture)
        return None if hand.is_low else Answer(hand.joints_2d, hand.joints_3d)

    def _boxed(self, picture: LabelledPicture) -> Hand:
        side = picture.side if self.told == "box, side" else None
        return self.model(picture.image, Box(*picture.box, side))[0]

    def _searched(self, picture: LabelledPicture) -> Hand:
        ((hand,),) = Search(self.model)([Picture("picture", picture.image)])
        return hand


@dataclass
class Peer(Contender):
    """MediaPipe.

    Args:
        process: it.
        boxed: whether it sees a square around the labelled joints, or the whole picture.
    """

    process: MediaPipe
    boxed: bool

    def __post_init__(self) -> None:
        self.name, self.told = self.process.version, f"{_ROOM:g} x box" if self.boxed else "nothing"

    def look(self, picture: LabelledPicture) -> Answer | None:
        """See `Contender`."""
        part, corner = picture.cut_out(_ROOM) if self.boxed else (picture.image, np.zeros(2))
        found = self.process.landmarks(part)
        return None if found is None else Answer(found.joints_2d + corner, found.joints_3d)

"""How the hands of pictures are looked at: what all ways have in common, and the plain one, box by box."""

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Protocol, runtime_checkable

from handpose_core.predict.boxes import Box
from handpose_core.predict.hands import Hand
from handpose_core.predict.model import HandModel, Known
from handpose_core.predict.pictures import Picture


@runtime_checkable
class Looker(Protocol):
    """Gives the hands of pictures; `InBoxes`, `handpose_core.predict.search.Search` and ``follow.Follow`` do."""

    @property
    def batch(self) -> int:
        """How many pictures it is best given at once."""

    def __call__(self, pictures: Sequence[Picture]) -> list[tuple[Hand, ...]]:
        """The hands of each picture.

        Raises:
            HandposeError: a box lies outside its picture, or the model must be told the side.
        """


class InBoxes:
    """Looks where it is told, once.

    Args:
        model: what looks.
        boxes: of a picture, by its name; None among them is the whole of it.
        known: what is known of all pictures.
    """

    def __init__(self, model: HandModel, boxes: Callable[[str], Sequence[Box | None]], known: Known) -> None:
        self._model, self._boxes, self._known = model, boxes, known

    @property
    def batch(self) -> int:
        """See `Looker`."""
        return self._model.batch

    def __call__(self, pictures: Sequence[Picture]) -> list[tuple[Hand, ...]]:
        """See `Looker`."""
        views = [
            [self._model.look(one.name, one.pixels, box, self._known) for box in self._boxes(one.name)]
            for one in pictures
        ]
        hands = iter(self._model.estimate([view for several in views for view in several]))
        return [tuple(islice(hands, len(several))) for several in views]

"""A hand followed from frame to frame, by the model itself."""

from collections.abc import Sequence

from jaxtyping import Float64
from numpy import ndarray

from handpose_core.predict.cut import Origin
from handpose_core.predict.hands import Hand
from handpose_core.predict.model import NOTHING_KNOWN, HandModel, Known
from handpose_core.predict.pictures import Picture
from handpose_core.predict.search import Search, view_around


class Follow:
    """Looks for a hand around the joints of the frame before; where there is none, or it was lost, searches anew.

    Args:
        model: what looks.
        search: finds the hand at first, and again.
        known: what is known of all frames.
    """

    batch = 1
    """Each frame waits for the one before."""

    def __init__(self, model: HandModel, search: Search, known: Known = NOTHING_KNOWN) -> None:
        self._model, self._search, self._known = model, search, known
        self._joints: Float64[ndarray, "21 2"] | None = None

    def __call__(self, pictures: Sequence[Picture]) -> list[tuple[Hand, ...]]:
        """One hand for each of the next frames, of low confidence where there is probably none.

        Raises:
            HandposeError: the model must be told the side, or does not answer in numbers.
        """
        return [(self._next(picture),) for picture in pictures]

    def _next(self, picture: Picture) -> Hand:
        hand = self._near(picture)
        if hand is None or hand.is_low:
            ((hand,),) = self._search([picture])
        self._joints = None if hand.is_low else hand.joints_2d
        return hand

    def _near(self, picture: Picture) -> Hand | None:
        """The hand where it was before; None where there was none."""
        if self._joints is None:
            return None
        view = view_around(self._model, picture, self._joints, self._known, Origin.FOLLOW)
        return self._model.estimate([view])[0]

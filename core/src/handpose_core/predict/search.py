"""A hand looked for by the model itself: in several squares of a picture at once, then closer around the best."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from handpose_core.predict.cut import Origin, Square, square_around, whole_square
from handpose_core.predict.hands import Hand, check_numbers
from handpose_core.predict.model import NOTHING_KNOWN, HandModel, Known
from handpose_core.predict.pictures import Picture
from handpose_core.predict.view import View


@dataclass(frozen=True)
class Level:
    """Squares of one size that cover a picture.

    Args:
        share: their side over the picture's shorter side.
        step: from one to the next, at most, over their side.
    """

    share: float
    step: float


GRID = (Level(0.8, 0.6), Level(0.5, 0.6), Level(0.3, 0.6))
"""What is looked at beside the whole picture: 38 squares of a square picture, 53 of one of 4:3, 76 of one of 16:9."""
CANDIDATES = 3
"""Of them, so many places are looked at again: the best from farther off is not always the best from nearby."""
CLOSER = 2
"""How often, each time around the joints found before."""
_KEPT = 0.75
"""Of its confidence, in a closer look that has not lost the hand."""
_LEAST_ASPECT = 0.5
"""A longer picture counts as half as wide as long: the squares of a panorama would be countless."""


class Search:
    """Finds one hand in each picture, for want of boxes.

    A model that was trained on crops around hands is the surer the better a square fits: of all squares those with the
    most confident hands count, if the hands lie in them. They are looked at again, closer; the most confident stays.

    Args:
        model: what looks.
        known: what is known of all pictures.
        grid: the squares beside the whole picture.
        candidates: how many places are looked at again.
        closer: how often.
    """

    def __init__(
        self,
        model: HandModel,
        known: Known = NOTHING_KNOWN,
        grid: Sequence[Level] = GRID,
        candidates: int = CANDIDATES,
        closer: int = CLOSER,
    ) -> None:
        self._model, self._known, self._grid = model, known, grid
        self._candidates, self._closer = candidates, closer

    @property
    def batch(self) -> int:
        """See `handpose_core.predict.looking.Looker`."""
        return self._model.batch

    def __call__(self, pictures: Iterable[Picture]) -> list[tuple[Hand, ...]]:
        """One hand for each picture, of low confidence where there is probably none.

        Raises:
            HandposeError: the model must be told the side, or does not answer in numbers.
        """
        pictures = tuple(pictures)
        views = [self._views(picture) for picture in pictures]
        found = iter(self._model.estimate([view for several in views for view in several]))
        places = [_best(list(islice(found, len(several))), self._candidates) for several in views]
        for _ in range(self._closer):
            around = [
                view_around(self._model, picture, hand.joints_2d, self._known, Origin.SEARCH)
                for picture, hands in zip(pictures, places, strict=True)
                for hand in hands
            ]
            again = iter(self._model.estimate(around))
            places = [[_closer(hand, next(again)) for hand in hands] for hands in places]
        return [(min(hands, key=_rank),) for hands in places]

    def _views(self, picture: Picture) -> list[View]:
        height, width = picture.pixels.shape[:2]
        looked = squares(width, height, self._grid)
        return [self._model.look_at(picture.name, picture.pixels, square, self._known) for square in looked]


def squares(width: int, height: int, grid: Sequence[Level] = GRID) -> list[Square]:
    """The whole picture, squared, and the squares of a grid over it, which lie inside where they fit.

    Args:
        width: of the picture, px.
        height: px.
        grid: sizes and steps.
    """
    shorter = max(min(width, height), _LEAST_ASPECT * max(width, height))
    result = [whole_square(width, height, Origin.SEARCH)]
    for level in grid:
        side = level.share * shorter
        columns, rows = (_centres(length, side, level.step * side) for length in (width, height))
        result += [Square(np.array([x, y]), side, Origin.SEARCH) for y in rows for x in columns]
    return result


def view_around(
    model: HandModel, picture: Picture, joints: Float64[ndarray, "21 2"], known: Known, origin: Origin
) -> View:
    """A closer view of a hand, as training has them.

    Args:
        model: what looks.
        picture: where.
        joints: of the hand, px, as far as they are known.
        known: what is known of all pictures.
        origin: why it is looked at.

    Raises:
        HandposeError: the model must be told the side, or does not answer in numbers.
    """
    check_numbers(joints)
    height, width = picture.pixels.shape[:2]
    square = square_around(joints, (width, height), model.info.crop_scale, model.info.image_size, origin)
    return model.look_at(picture.name, picture.pixels, square, known)


def _centres(length: int, side: float, step: float) -> Float64[ndarray, " n"]:
    """Centres (px) of equally spaced squares from one edge to the other; one in the middle where but one fits."""
    room = length - side
    if room <= 0:
        return np.array([(length - 1) / 2])
    count = math.ceil(room / step - 1e-9) + 1  # no further one for rounding
    return np.linspace(0, room, count) + side / 2 - 0.5


def _best(hands: Sequence[Hand], count: int) -> list[Hand]:
    """The first hands by `_rank`, of different places; for want of a confident one a single one that is not."""
    first, *others = sorted(hands, key=_rank)
    best = [first]
    for hand in others:
        if len(best) < count and not hand.is_low and not any(_same_place(hand, other) for other in best):
            best.append(hand)
    return best


def _rank(hand: Hand) -> tuple[bool, float]:
    """Confident hands that lie where they were looked for come first, the most confident of them foremost."""
    return hand.is_low or not _lies_inside(hand), -hand.mean_confidence


def _same_place(hand: Hand, other: Hand) -> bool:
    """Whether two hands' middles are nearer to each other than half the larger one's length."""
    middles = hand.joints_2d.mean(0) - other.joints_2d.mean(0)
    extent = max(np.ptp(one.joints_2d, axis=0).max() for one in (hand, other))
    return bool(np.linalg.norm(middles) <= extent / 2)


def _lies_inside(hand: Hand) -> bool:
    centre, side = hand.square[:2], hand.square[2]
    return bool((np.abs(hand.joints_2d - centre) <= side / 2).all())


def _closer(hand: Hand, again: Hand) -> Hand:
    """The closer look, unless it lost the hand: it has joints more exact, even at a little less confidence."""
    return again if again.mean_confidence >= _KEPT * hand.mean_confidence else hand

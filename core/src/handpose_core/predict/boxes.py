"""Where the hands are in a picture: boxes that a user gives, from the command line or in a file."""

import json
import math
import numbers
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unicodedata import normalize

import numpy as np

from handpose_core.errors import HandposeError
from handpose_core.hand import Side
from handpose_core.io.foreign import refuse_foreign

_FORM = "x,y,w,h in px: left, top, width and height"
_LARGEST = 1e6  # px; no picture is as large, and crops of larger boxes do not fit into memory
_KEYS = frozenset({"box", "side"})
_FILE_FORM = '{"photo.jpg": [x, y, w, h], "12": [{"box": [x, y, w, h], "side": "left"}, ...]}'


@dataclass(frozen=True)
class Box:
    """A hand's place in a picture.

    Args:
        x: left edge, px.
        y: top edge, px.
        width: px, more than 0.
        height: px, more than 0.
        side: which hand it is, also as ``left`` or ``right``; None where nobody says.

    Raises:
        HandposeError: these are not four numbers, the box is empty, or the side is neither.
    """

    x: float
    y: float
    width: float
    height: float
    side: Side | None = None

    def __post_init__(self) -> None:
        """Check the numbers and the side, and convert them."""
        edges = _numbers("box", (self.x, self.y, self.width, self.height))
        for name, value in zip(("x", "y", "width", "height"), edges, strict=True):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "side", side_of(self.side, "side of a box"))


Boxes = Mapping[str, Sequence[Box]]
"""The hands of each picture, by its file name, or of each frame of a video, by its number from 0."""


def parse_box(text: str, where: str = "--box") -> Box:
    """The box in ``x,y,w,h``.

    Raises:
        HandposeError: these are not four numbers, or the box is empty.
    """
    return _box(where, text.split(","))


def parse_side(text: str, where: str) -> Side:
    """The side in ``left`` or ``right``.

    Raises:
        HandposeError: it is neither.
    """
    name = str(text).upper()
    if name not in Side.__members__:
        raise HandposeError(where, f"'{text}'", "left or right", "Check the spelling.")
    return Side[name]


def side_of(value: object, where: str) -> Side | None:
    """The side that a caller gives.

    Args:
        value: a `Side`, ``left``, ``right``, or None where nobody says.
        where: its name, for messages.

    Returns:
        The side, or None.

    Raises:
        HandposeError: it is something else.
    """
    if value is None or isinstance(value, Side):
        return value
    if not isinstance(value, str):
        raise HandposeError(where, f"{value!r}", "left, right, Side.LEFT, Side.RIGHT or None", "Name the side.")
    return parse_side(value, where)


def boxes_of(given: object, where: str = "boxes") -> list[Box | None]:
    """The boxes that a caller gives for one picture.

    Args:
        given: a `Box`, four numbers ``x, y, width, height`` (px), several of either, as rows of an array or of a
            tensor, too, or None for the whole picture.
        where: its name, for messages.

    Returns:
        The boxes; None among them is the whole picture.

    Raises:
        HandposeError: it is something else, or a box is empty.
    """
    if given is None or isinstance(given, Box):
        return [given]
    if isinstance(given, str):
        return [parse_box(given, where)]
    if isinstance(given, Mapping):
        return [_entry(where, given)]
    if hasattr(given, "detach"):  # a torch tensor
        given = given.detach().cpu()
    values = given.tolist() if hasattr(given, "tolist") else given
    if not isinstance(values, Iterable):
        raise HandposeError(where, f"{given!r}", f"a Box, or {_FORM}", "For example: (120, 80, 200, 220)")
    values = list(values)
    if values and all(isinstance(value, numbers.Real) for value in values):
        return [_box(where, values)]
    return [
        one if one is None or isinstance(one, Box) else _entry(f"{where}, number {number}", one)
        for number, one in enumerate(values)
    ]


def read_boxes(path: Path) -> Boxes:
    """The boxes in a JSON file; one, several, or none a picture.

    Raises:
        HandposeError: there is no such file, or it is something else.
    """
    try:
        content = json.loads(path.read_bytes(), object_pairs_hook=lambda pairs: _once(path, pairs))
    except (OSError, ValueError, RecursionError) as error:
        refuse_foreign(path, _FILE_FORM)
        reason = error.strerror if isinstance(error, OSError) else error
        raise HandposeError(str(path), f"no readable JSON ({reason})", _FILE_FORM, "Check the file.") from error
    if not isinstance(content, dict):
        raise HandposeError(str(path), f"a {type(content).__name__}", _FILE_FORM, "Name the pictures.")
    return {picture_key(name): _boxes(f"{path}, '{name}'", value) for name, value in content.items()}


def picture_key(name: str) -> str:
    """Return a picture's name as boxes are looked up by it: accents composed (NFC), as few file systems have them.

    Args:
        name: as a file of boxes or a folder has it.

    Returns:
        The same for ``é`` as one sign or as two.
    """
    return normalize("NFC", name)


def _once(path: Path, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse names that are given twice in one JSON object, of which the first boxes would be lost."""
    seen: set[str] = set()
    for name, _ in pairs:
        if picture_key(name) in seen:
            raise HandposeError(
                f"{path}, '{name}'", "this name twice", "each name once", "List several boxes: [[x, y, w, h], ...]"
            )
        seen.add(picture_key(name))
    return dict(pairs)


def _boxes(where: str, value: Any) -> tuple[Box, ...]:
    several = isinstance(value, list) and all(isinstance(one, list | dict) for one in value)
    return tuple(_entry(where, one) for one in (value if several else [value]))


def _entry(where: str, value: Any) -> Box:
    if not isinstance(value, Mapping):
        return _box(where, value.tolist() if hasattr(value, "tolist") else value)
    unknown = sorted(str(key) for key in value if key not in _KEYS)
    if unknown:
        raise HandposeError(where, f"the keys {', '.join(unknown)}", "box and, optionally, side", "Correct the keys.")
    side = side_of(value.get("side"), f"{where}, side")
    return _box(where, value.get("box"), side)


def _box(where: str, values: Any, side: Side | None = None) -> Box:
    return Box(*_numbers(where, values), side)


def _numbers(where: str, values: Any) -> tuple[float, float, float, float]:
    """Left, top, width and height of a box that holds a pixel."""
    try:
        if isinstance(values, str | bytes):
            raise TypeError
        values = list(values)
        if any(isinstance(value, bool | np.bool_) for value in values):
            raise TypeError
        x, y, width, height = (float(value) for value in values)
    except (TypeError, ValueError, OverflowError) as error:
        raise HandposeError(where, reprlib.repr(values), _FORM, "For example: --box 120,80,200,220") from error
    if not all(map(math.isfinite, (x, y, width, height))) or width <= 0 or height <= 0:
        raise HandposeError(
            where,
            f"{reprlib.repr(values)}, which holds no pixel",
            f"{_FORM}, the last two above 0",
            "Give sizes, not corners.",
        )
    if max(map(abs, (x, y, width, height))) > _LARGEST:
        raise HandposeError(where, reprlib.repr(values), f"{_FORM}, up to {_LARGEST:g}", "Check the numbers.")
    return x, y, width, height

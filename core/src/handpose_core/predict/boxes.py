"""Where the hands are in a picture: boxes that a user gives, from the command line or in a file."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handpose_core.errors import HandposeError
from handpose_core.hand import Side

_FORM = "x,y,w,h in px: left, top, width and height"
_FILE_FORM = '{"photo.jpg": [x, y, w, h], "12": [{"box": [x, y, w, h], "side": "left"}, ...]}'


@dataclass(frozen=True)
class Box:
    """A hand's place in a picture.

    Args:
        x: left edge, px.
        y: top edge, px.
        width: px, more than 0.
        height: px, more than 0.
        side: which hand it is, None where nobody says.
    """

    x: float
    y: float
    width: float
    height: float
    side: Side | None = None


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


def read_boxes(path: Path) -> Boxes:
    """The boxes in a JSON file; one, several, or none a picture.

    Raises:
        HandposeError: there is no such file, or it is something else.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise HandposeError(str(path), f"no readable JSON ({reason})", _FILE_FORM, "Check the file.") from error
    if not isinstance(content, dict):
        raise HandposeError(str(path), f"a {type(content).__name__}", _FILE_FORM, "Name the pictures.")
    return {str(name): _boxes(f"{path}, '{name}'", value) for name, value in content.items()}


def _boxes(where: str, value: Any) -> tuple[Box, ...]:
    several = isinstance(value, list) and all(isinstance(one, list | dict) for one in value)
    return tuple(_entry(where, one) for one in (value if several else [value]))


def _entry(where: str, value: Any) -> Box:
    if not isinstance(value, dict):
        return _box(where, value)
    side = parse_side(value["side"], f"{where}, side") if "side" in value else None
    return _box(where, value.get("box"), side)


def _box(where: str, values: Any, side: Side | None = None) -> Box:
    try:
        x, y, width, height = (float(value) for value in values)
    except (TypeError, ValueError) as error:
        raise HandposeError(where, f"{values!r}", _FORM, "For example: --box 120,80,200,220") from error
    if not all(map(math.isfinite, (x, y, width, height))) or width <= 0 or height <= 0:
        raise HandposeError(
            where,
            f"{values!r}, which holds no pixel",
            f"{_FORM}, the last two above 0",
            "Give sizes, not corners.",
        )
    return Box(x, y, width, height, side)

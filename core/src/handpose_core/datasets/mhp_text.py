"""MHP's text files: rows of a name and numbers, mapped by name."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from handpose_core.datasets.mhp_layout import BOX_ROWS, CANONICAL_ROWS, PALM_NORMAL
from handpose_core.datasets.parsing import numbers, read_text
from handpose_core.errors import HandposeError


def read_joints(path: Path) -> Float64[ndarray, "21 3"]:
    """A joints file's joints (mm) in canonical order, the palm in the wrist's place.

    Raises:
        HandposeError: the file is missing or no text, its rows are not the 21 joints' by name, or a row is not
            three finite numbers.
    """
    rows = _read_rows(path, "rows of a joint's name, x, y and z")
    rows.pop(PALM_NORMAL, None)
    return np.stack(_values(path, rows, CANONICAL_ROWS, 3))


def read_box(path: Path) -> Float64[ndarray, "4"]:
    """A box file's left, top, right and bottom (px).

    Raises:
        HandposeError: as `read_joints`, or the box is empty.
    """
    rows = _read_rows(path, "rows of a side's name and its pixel")
    top, left, bottom, right = (float(value[0]) for value in _values(path, rows, BOX_ROWS, 1))
    if not (left < right and top < bottom):
        raise HandposeError(
            str(path),
            f"left {left:g}, top {top:g}, right {right:g}, bottom {bottom:g}",
            "a box with left < right and top < bottom",
            "Get this file again, or remove it: the box is then computed from the joints.",
        )
    return np.array([left, top, right, bottom])


def _read_rows(path: Path, what: str) -> dict[str, list[str]]:
    rows: dict[str, list[str]] = {}
    for line in read_text(path, what).splitlines():
        name, *values = line.split() or [""]
        if name in rows:
            raise HandposeError(f"{path}, {name}", "two such rows", "one row of each name", "Get this file again.")
        if name:
            rows[name] = values
    return rows


def _values(
    path: Path, rows: dict[str, list[str]], names: Sequence[str], count: int
) -> list[Float64[ndarray, " count"]]:
    if set(rows) != set(names):
        unknown, absent = sorted(set(rows) - set(names)), sorted(set(names) - set(rows))
        raise HandposeError(
            str(path),
            f"{len(rows)} rows; unknown: {', '.join(unknown[:3]) or 'none'}; absent: {', '.join(absent[:3]) or 'none'}",
            f"the {len(names)} rows {names[0]} ... {names[-1]}, in any order",
            "Get this file again, or leave the frame out with `exclude`.",
        )
    return [_row(f"{path}, {name}", rows[name], count) for name in names]


def _row(where: str, words: list[str], count: int) -> Float64[ndarray, " count"]:
    try:
        values = [float(word) for word in words]
    except ValueError:
        values = []
    if len(values) != count:
        found, expected = f"{' '.join(words)[:60]!r}", f"{count} number(s)"
        raise HandposeError(where, found, expected, "Get this file again, or leave the frame out with `exclude`.")
    return numbers(where, values, (count,))

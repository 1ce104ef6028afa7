"""Numbers from strangers' files: whole, finite, of the right shape, or an error that names the place."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64
from numpy import ndarray

from handpose_core.errors import HandposeError
from handpose_core.io.foreign import refuse_foreign

_LARGEST = 1e7
"""No pixel, millimetre or focal length in any dataset is larger; a damaged file's numbers often are."""


def read_text(path: Path, what: str) -> str:
    """Read a small text file in UTF-8, with a byte order mark or without.

    Args:
        path: The file.
        what: What it should be, for the message.

    Returns:
        The text without the mark.

    Raises:
        HandposeError: there is no such file, or it is no text, or recognisably something else.
    """
    refuse_foreign(path, what)
    try:
        return path.read_text("utf-8-sig")
    except OSError as error:
        found = f"no readable file ({error.strerror})"
    except UnicodeDecodeError as error:
        found = f"bytes that are no text ({error.reason} at {error.start})"
    raise HandposeError(str(path), found, what, "Complete the copy of the dataset.")


def read_json(path: Path) -> object:
    """Read a JSON file in UTF-8, UTF-16 or UTF-32, with a byte order mark or without.

    Args:
        path: The file.

    Returns:
        Its content.

    Raises:
        HandposeError: there is no such file, or it is no whole JSON.
    """
    try:
        data = path.read_bytes()
        return json.loads(data)
    except OSError as error:
        raise HandposeError(
            str(path), f"no readable file ({error.strerror})", "a JSON file", "Complete the copy of the dataset."
        ) from error
    except (ValueError, RecursionError) as error:
        refuse_foreign(path, "a JSON file")
        raise HandposeError(
            str(path), f"{len(data)} bytes that are no JSON ({error})", "a whole JSON file", "Get this file again."
        ) from error


def field(where: str, entry: object, name: str) -> Any:
    """One entry of what should be a JSON object.

    Raises:
        HandposeError: it is no object, or has no such entry.
    """
    if not isinstance(entry, Mapping):
        raise HandposeError(where, kind(entry), f"an object with {name!r}", "Get the file again.")
    if name not in entry:
        found = f"only {', '.join(map(str, list(entry)[:8])) or 'nothing'}"
        raise HandposeError(f"{where}, {name}", found, f"an entry {name!r}", "Get the file again.")
    return entry[name]


def kind(value: object) -> str:
    """What a value is, for messages."""
    return f"shape {value.shape}, {value.dtype}" if isinstance(value, ndarray) else type(value).__name__


def numbers(where: str, value: object, shape: tuple[int | None, ...]) -> Float64[ndarray, "..."]:
    """A numeric array of a known shape out of nested lists or an array.

    Args:
        where: The file and field, for messages.
        value: What stands there.
        shape: What it should have; None leaves an axis open.

    Raises:
        HandposeError: another shape, something that is no number, or a number that is not finite or absurdly large.
    """
    try:
        array = np.asarray(value)
    except (ValueError, OverflowError, RecursionError):  # ragged lists
        array = np.empty(0, object)
    if array.dtype.kind not in "iuf" or len(array.shape) != len(shape) or not _fits(array.shape, shape):
        found = kind(array) if array.dtype.kind in "iuf" else kind(value)
        expected = " x ".join("n" if n is None else str(n) for n in shape)
        raise HandposeError(where, found, f"{expected} numbers", "Correct this entry, or get the file again.")
    array = array.astype(np.float64)
    bad = np.argwhere(~(np.abs(array) <= _LARGEST))  # not-a-number compares false
    if len(bad):
        place = tuple(int(i) for i in bad[0])
        raise HandposeError(
            f"{where}{list(place)}",
            f"{array[place]} ({len(bad)} such number(s))",
            f"finite numbers below {_LARGEST:.0e}",
            "Correct this entry, or leave the frame out with `exclude`.",
        )
    return array


def without_rest(joints: object, annotated: Bool[ndarray, "*rows 21"] | None) -> object:
    """Set joints that are not annotated to 0, so that what stands there is not looked at.

    Args:
        joints: An array as read, not yet checked.
        annotated: Which joints have a label; None for all.

    Returns:
        The array; what does not fit the mask is returned as it is, for `numbers` to name.
    """
    if annotated is None or not isinstance(joints, ndarray) or joints.dtype.kind not in "biuf":
        return joints
    if joints.shape[: annotated.ndim] != annotated.shape:
        return joints
    mask = annotated.reshape(annotated.shape + (1,) * (joints.ndim - annotated.ndim))
    return np.where(mask, joints, np.zeros((), joints.dtype))


def without_unflagged(rows: object) -> object:
    """Set joints to 0 whose flag says that they have no label: null or NaN stand there in some files.

    Args:
        rows: Lists of x, y and flag, not yet checked.

    Returns:
        The same with ``[0, 0, 0]`` where the flag is not above 0; what is no such list is returned as it is.
    """
    if not isinstance(rows, list):
        return rows
    return [[0, 0, 0] if _is_unflagged(row) else row for row in rows]


def _is_unflagged(row: object) -> bool:
    return isinstance(row, list) and len(row) == 3 and isinstance(row[2], int | float) and row[2] <= 0


def _fits(found: tuple[int, ...], expected: tuple[int | None, ...]) -> bool:
    return all(wanted in (None, size) for size, wanted in zip(found, expected, strict=True))
